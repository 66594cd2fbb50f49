"""Number formats: low inside the encoder, full everywhere else."""

import pytest
import torch

from ssl_objectives.encoders.cnn import ImpalaConfig, NatureConfig, PatchConfig
from ssl_objectives.encoders.precision import Precision

CPU = torch.device("cpu")
SHAPE = (1, 36, 40)


def test_format_follows_the_choice_or_the_hardware() -> None:
    assert Precision.FLOAT32.dtype(CPU) is torch.float32
    assert Precision.BFLOAT16.dtype(CPU) is torch.bfloat16
    fast = torch.cpu._is_avx512_bf16_supported()
    automatic = Precision.AUTO.dtype(CPU)
    assert automatic is (torch.bfloat16 if fast else torch.float32)


@pytest.mark.parametrize("precision", list(Precision))
def test_layers_inside_compute_in_that_format(precision: Precision) -> None:
    layer, x = torch.nn.Linear(3, 5), torch.ones(2, 3)
    with precision.autocast(CPU):
        assert layer(x).dtype == precision.dtype(CPU)
    assert layer(x).dtype == torch.float32
    assert layer.weight.dtype == torch.float32


@pytest.mark.parametrize("config", [NatureConfig, ImpalaConfig, PatchConfig])
def test_low_precision_stays_inside_the_encoder(
    config: type[NatureConfig] | type[ImpalaConfig] | type[PatchConfig],
    generator: torch.Generator,
) -> None:
    torch.manual_seed(0)
    encoder = config(size=23, precision=Precision.BFLOAT16).build(SHAPE)
    obs = torch.randint(0, 256, (6, *SHAPE), generator=generator).to(torch.uint8)
    low = encoder(obs)
    assert low.dtype == torch.float32
    assert encoder.feature_map(obs).dtype == torch.bfloat16
    assert torch.equal(low, low.bfloat16().float())  # the head, too, ran in bf16
    low.square().sum().backward()
    for name, p in encoder.named_parameters():
        assert p.dtype == torch.float32, name
        assert p.grad is not None
        assert p.grad.dtype == torch.float32, name
    encoder.precision = Precision.FLOAT32
    full = encoder(obs)
    assert not torch.equal(full, full.bfloat16().float())
    assert not torch.equal(full, low)
    error = (low - full).norm() / full.norm()
    assert error < 0.02
