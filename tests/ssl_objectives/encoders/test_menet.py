"""MeNet against its layers written out, in training and in evaluation."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d

from ssl_objectives.encoders.encoder import Encoder, EncoderConfig
from ssl_objectives.encoders.menet import MeNetConfig
from ssl_objectives.encoders.precision import Precision

SHAPE, EPS = (2, 28, 30), 1e-5
CONFIG = MeNetConfig(11, (5, 6, 7), 9, Precision.FLOAT32)


def images(num: int) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randint(256, (num, *SHAPE), generator=generator, dtype=torch.uint8)


def build() -> Encoder:
    """With weights and statistics of its batch norms that are not the first ones."""
    torch.manual_seed(0)
    encoder = CONFIG.build(SHAPE)
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for x in (*encoder.parameters(), *encoder.buffers()):
            if x.dim() == 1:
                x.add_(torch.rand(x.shape, generator=generator))
    return encoder


def norm(x: Tensor, state: dict[str, Tensor], name: str, training: bool) -> Tensor:
    """`w (x - mean) / √(var + ε) + b` over all axes but the second."""
    axes = [i for i in range(x.dim()) if i != 1]
    mean, variance = x.mean(axes), x.var(axes, correction=0)
    if not training:
        mean, variance = state[f"{name}.running_mean"], state[f"{name}.running_var"]
    shape = [-1 if i == 1 else 1 for i in range(x.dim())]
    x = (x - mean.view(shape)) / (variance + EPS).sqrt().view(shape)
    if f"{name}.weight" in state:
        x = x * state[f"{name}.weight"].view(shape) + state[f"{name}.bias"].view(shape)
    return x


def written_out(image: Tensor, state: dict[str, Tensor], training: bool) -> Tensor:
    """Norm of the input; convolution, ReLU, norm, three times; the MLP."""
    x = norm(image / 255, state, "body.0", training)
    for i, (stride, padding) in enumerate(((2, 2), (2, 1), (1, 1))):
        at = 1 + 3 * i
        weight, bias = state[f"body.{at}.weight"], state[f"body.{at}.bias"]
        x = conv2d(x, weight, bias, stride, padding).relu()
        x = norm(x, state, f"body.{at + 2}", training)
    x = x.permute(0, 2, 3, 1).flatten(1)
    x = (x @ state["head.0.weight"].T + state["head.0.bias"]).relu()
    x = norm(x, state, "head.2", training)
    return x @ state["head.3.weight"].T + state["head.3.bias"]


@torch.no_grad()
@pytest.mark.parametrize("training", [True, False])
def test_layers_are_in_this_order(training: bool) -> None:
    encoder = build().train(training)
    state = {k: x.clone() for k, x in encoder.state_dict().items()}
    assert state["body.1.weight"].shape == (5, 2, 5, 5)
    assert state["body.4.weight"].shape == (6, 5, 3, 3)
    assert state["body.7.weight"].shape == (7, 6, 3, 3)
    assert "body.0.weight" not in state
    want = written_out(images(6), state, training)
    got = encoder(images(6))
    assert got.shape == (6, 11)
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-4)
    other = written_out(images(6), state, not training)
    assert not torch.allclose(got, other, atol=0.1)


def test_running_statistics_move_in_training_alone() -> None:
    encoder = build()
    running = [k for k in encoder.state_dict() if "running" in k]
    assert len(running) == 2 * 5

    def now() -> dict[str, Tensor]:
        return {k: encoder.state_dict()[k].clone() for k in running}

    before = now()
    encoder.eval()(images(6))
    assert all(torch.equal(x, before[k]) for k, x in now().items())
    encoder.train()(images(6))
    assert not any(torch.equal(x, before[k]) for k, x in now().items())
    mean = (images(6) / 255).mean((0, 2, 3))
    want = 0.9 * before["body.0.running_mean"] + 0.1 * mean
    torch.testing.assert_close(now()["body.0.running_mean"], want)


def test_building_it_leaves_its_statistics_as_they_begin() -> None:
    """Its size is found out with a black image, which shall not be remembered."""
    state = CONFIG.build(SHAPE).state_dict()
    for name, x in state.items():
        if "running_mean" in name or "num_batches" in name:
            assert not x.any(), name


def test_images_see_each_other_in_training_alone() -> None:
    """One row of noise more, and the others change; chunks are for evaluation."""
    encoder, both = build(), images(6)
    assert not torch.allclose(encoder(both)[:4], encoder(both[:4]), atol=1e-3)
    encoder.eval()
    torch.testing.assert_close(encoder(both)[:4], encoder(both[:4]))


def test_shapes_follow_from_its_widths() -> None:
    config: EncoderConfig = MeNetConfig(13, (4,), 8, Precision.FLOAT32)
    encoder = config.build((3, 9, 10))
    assert encoder.maps_shape == (4, 9, 10)  # the last layer has stride 1
    batch = torch.zeros(2, 3, 3, 9, 10, dtype=torch.uint8)
    assert encoder(batch).shape == (2, 3, 13)
    assert MeNetConfig().build((1, 28, 28)).maps_shape == (32, 7, 7)
    assert encoder.size == 13


@pytest.mark.parametrize(
    "wrong", [{"size": 0}, {"hidden": 0}, {"widths": ()}, {"widths": (3, 0)}]
)
def test_settings_are_checked(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must be at least 1"):
        MeNetConfig(**wrong)  # type: ignore[arg-type]
