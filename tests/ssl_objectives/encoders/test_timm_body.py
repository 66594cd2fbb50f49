"""timm's networks as encoders, where timm can be imported; a refusal elsewhere."""

import sys
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from experiments.encoders.saved import load_encoder, save_encoder
from ssl_objectives.encoders.export import exported
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.encoders.standardize import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Standardize,
)
from ssl_objectives.encoders.timm_body import TimmBody, TimmConfig
from ssl_objectives.refusal import ConfigError

FULL = Precision.FLOAT32
SHAPES = {"vit_tiny_patch16_224": (3, 48, 32), "resnet10t": (2, 40, 40)}


def timm() -> Any:
    try:
        return import_module("timm")
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"timm cannot be imported here: {error}")


def images(shape: tuple[int, int, int], num: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (num, *shape), generator=generator).byte()


@pytest.mark.parametrize("name", SHAPES)
def test_latents_are_timms(name: str) -> None:
    theirs, shape = timm(), SHAPES[name]
    torch.manual_seed(0)
    encoder = TimmConfig(name, precision=FULL).build(shape).eval()
    torch.manual_seed(5)
    more = {"img_size": shape[1:]} if "vit" in name else {}
    other = theirs.create_model(name, in_chans=shape[0], num_classes=0, **more).eval()
    encoder.body.network.load_state_dict(other.state_dict())  # type: ignore[union-attr]
    given = images(shape)
    with torch.no_grad():
        torch.testing.assert_close(encoder(given), other(given / 255))
    assert encoder.size == other.num_features


def test_where_the_body_standardises_its_network_is_in_the_same_place() -> None:
    given = torch.rand(3, 3, 8, 8)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 5))
    body = TimmBody(network, Standardize(3, (0.5,) * 3, (0.25,) * 3))
    plain = TimmBody(network, torch.nn.Identity())
    assert body.state_dict().keys() == plain.state_dict().keys()
    assert body.network is network
    expected = network((given - 0.5) / 0.25)
    torch.testing.assert_close(body(given)[:, :, 0, 0], expected)


@pytest.mark.parametrize("name", SHAPES)
def test_it_is_saved_exported_and_standardised(name: str, tmp_path: Path) -> None:
    timm()
    shape = SHAPES[name]
    numbers = (0.4, 0.5, 0.6)[: shape[0]]
    config = TimmConfig(name, 7, FULL, mean=numbers, std=numbers)
    encoder = config.build(shape).eval()
    given = images(shape)
    with torch.no_grad():
        expected = encoder(given)
    assert expected.shape == (3, 7)
    save_encoder(tmp_path / "encoder.safetensors", encoder, config, shape)
    with torch.no_grad():
        again = load_encoder(tmp_path / "encoder.safetensors")(given)
    assert torch.equal(again, expected)
    program = exported(encoder).module()
    torch.testing.assert_close(program(given), expected, rtol=1e-4, atol=1e-5)


class Fake(nn.Module):
    """What stands for one of timm's networks where there is no timm."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 5, 3)

    def forward(self, pixels: Tensor) -> Tensor:
        made: Tensor = self.conv(pixels).mean((2, 3))
        return made


def test_published_weights_fit_whether_images_are_standardised_or_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = ModuleType("timm")
    module.list_models = lambda: ["fake"]  # type: ignore[attr-defined]
    module.create_model = (  # type: ignore[attr-defined]
        lambda name, in_chans, num_classes, **_: Fake(in_chans)
    )
    monkeypatch.setitem(sys.modules, "timm", module)
    theirs, given = Fake(3), images((3, 8, 9))
    mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
    standardised = ((given / 255).permute(0, 2, 3, 1) - mean) / std
    plain = TimmConfig("fake", precision=FULL)
    for config, pixels in (
        (plain, given / 255),
        (
            replace(plain, mean=IMAGENET_MEAN, std=IMAGENET_STD),
            standardised.permute(0, 3, 1, 2),
        ),
    ):
        encoder = config.build((3, 8, 9))
        encoder.body.network.load_state_dict(theirs.state_dict())  # type: ignore[union-attr]
        names = {f"body.network.{x}" for x in theirs.state_dict()}
        assert encoder.state_dict().keys() == names
        torch.testing.assert_close(encoder(given), theirs(pixels))


def test_names_that_are_none_are_refused() -> None:
    timm()
    with pytest.raises(ConfigError, match=r"no network 'resnet19'\. Near it: resnet"):
        TimmConfig("resnet19").build((3, 40, 40))


def test_without_timm_people_are_told_what_to_install() -> None:
    if find_spec("timm"):
        pytest.skip("timm is installed here")
    with pytest.raises(ConfigError, match=r'pip install "curious-worlds\[timm\]"'):
        TimmConfig().build((3, 224, 224))


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="size must be at least 0"):
        TimmConfig(size=-1)
    with pytest.raises(ValueError, match="mean has 1 numbers and std 0"):
        TimmConfig(mean=(0.5,))
