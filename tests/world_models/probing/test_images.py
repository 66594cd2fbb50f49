"""Functions and networks as they are looked at: layers, stacks, and what is refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from ssl_objectives.encoders.cnn import NatureConfig
from ssl_objectives.encoders.vit import ViTConfig
from ssl_objectives.refusal import ConfigError
from world_models.probing.footage import Footage
from world_models.probing.images import OfImages, pixels
from world_models.probing.subject import MOST


def footage(num: int = 12, side: int = 36) -> Footage:
    generator = torch.Generator().manual_seed(0)
    obs = torch.randint(256, (num, 1, side, side), generator=generator)
    return Footage(obs.to(torch.uint8), torch.arange(num) // 4, {})


def test_every_layer_of_an_encoder_can_be_seen() -> None:
    encoder = NatureConfig(size=10).build((1, 36, 36)).eval()
    data = footage(300)
    subject = OfImages(encoder)
    assert {"output", "body", "head", "body.0"} <= set(subject.layers)
    seen = subject.look(data, ["output", "body.0", "body"])
    with torch.no_grad():
        assert_close(seen["output"].latent, encoder(data.obs))
        maps = encoder.feature_map(data.obs).float().flatten(1)
    if maps.shape[1] <= MOST:
        assert_close(seen["body"].latent, maps, rtol=1e-2, atol=1e-2)
    assert seen["body.0"].latent.shape[1] <= MOST
    assert torch.equal(seen["body"].row, torch.arange(300))
    assert not encoder.training


def test_tokens_of_a_transformer_can_be_seen() -> None:
    encoder = ViTConfig().build((1, 36, 36))
    names = [x for x in OfImages(encoder).layers if x.startswith("body")]
    seen = OfImages(encoder).look(footage(), ["output", names[-1]])
    assert all(len(x.latent) == 12 for x in seen.values())
    assert encoder.training  # as it was


def test_a_stack_repeats_the_first_frame_of_an_episode() -> None:
    data = footage()
    seen = OfImages(lambda x: x.flatten(2).float().mean(2), stack=3)
    latent = seen.look(data, ["output"])["output"].latent
    mean = data.obs.flatten(1).float().mean(1)
    for row in range(12):
        begin = row - row % 4
        expected = [mean[max(row - age, begin)] for age in (2, 1, 0)]
        assert latent[row].tolist() == pytest.approx([float(x) for x in expected])
    assert seen.encode(data.obs) is None


def test_arrays_are_taken() -> None:
    def of_numpy(images: Tensor) -> Any:
        return (
            images.numpy().astype(np.float64).mean((1, 2, 3), keepdims=False)[:, None]
        )

    assert OfImages(of_numpy).look(footage(), ["output"])["output"].latent.shape == (
        12,
        1,
    )


def one_short(x: Tensor) -> Tensor:
    return x.flatten(1).float()[:-1]


def a_number(x: Tensor) -> float:
    return 1.0


def maps(x: Tensor) -> Tensor:
    return x.float()


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (one_short, r"gave a tensor of shape \(11, 1296\) for 12 frames"),
        (a_number, r"gave float for 12 frames.*\[12, D\]"),
        (maps, r"of shape \(12, 1, 36, 36\)"),
        (lambda x: x.flatten(1).float() / 0, "not finite, for 12 of 12 frames"),
        (nn.Linear(3, 4), r"cannot read frames of shape \(1, 36, 36\).*RuntimeError"),
    ],
)
def test_what_is_no_latent_is_refused(
    function: Callable[[Tensor], Any], says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        OfImages(function, name="mine").look(footage(), ["output"])


def test_layers_that_give_no_rows_are_refused() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.whole = nn.Flatten(0)
            self.unused = nn.Linear(2, 2)

        def forward(self, images: Tensor) -> Tensor:
            self.whole(images)
            return images.flatten(1).float()

    for layer in ("whole", "unused"):
        with pytest.raises(ConfigError, match=f"'{layer}' gives no row"):
            OfImages(Odd()).look(footage(), [layer])


def test_untrained_networks_are_new_and_leave_the_old_one_alone() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(36 * 36, 3), nn.BatchNorm1d(3))
    before = {k: x.clone() for k, x in network.state_dict().items()}
    subject = OfImages(lambda x: network(x.float()))
    assert subject.untrained() is None
    fresh = OfImages(network).untrained()
    assert fresh is not None
    assert isinstance(fresh.function, nn.Sequential)
    weight = fresh.function.state_dict()["1.weight"]
    assert not torch.equal(weight, before["1.weight"])
    assert_close(dict(network.state_dict()), before)

    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(2))

    assert OfImages(Own()).untrained() is None


def test_pixels_are_averaged_where_there_are_many() -> None:
    small = torch.arange(4 * 4, dtype=torch.uint8).view(1, 1, 4, 4)
    assert_close(pixels(small)[0], torch.arange(16) / 255)
    large = torch.full((2, 3, 64, 64), 51, dtype=torch.uint8)
    assert pixels(large).shape[1] <= MOST
    assert_close(pixels(large), torch.full_like(pixels(large), 0.2))
