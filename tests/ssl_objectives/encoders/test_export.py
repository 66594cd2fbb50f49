"""Encoders leave as programs that take any number of images."""

import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from experiments.encoders.table import ENCODERS as TABLE
from ssl_objectives.encoders.ari_cnn import AriCnnConfig
from ssl_objectives.encoders.cnn import ImpalaConfig, NatureConfig, PatchConfig
from ssl_objectives.encoders.encoder import EncoderConfig
from ssl_objectives.encoders.export import as_onnx, exported
from ssl_objectives.encoders.menet import MeNetConfig
from ssl_objectives.encoders.modalities import (
    Change,
    FrameDifference,
    LumaChroma,
    ModalitiesConfig,
    RgbDepth,
)
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.encoders.residual import Stem
from ssl_objectives.encoders.resnet import ResNetConfig
from ssl_objectives.encoders.small_cnn import SmallCnnConfig
from ssl_objectives.encoders.standardize import IMAGENET_MEAN, IMAGENET_STD
from ssl_objectives.encoders.vit import ViTConfig
from ssl_objectives.refusal import ConfigError

Shape = tuple[int, int, int]
FULL = Precision.FLOAT32
EACH = PatchConfig(size=6, patch=4, width=4, precision=FULL)
ENCODERS: dict[str, tuple[EncoderConfig, Shape]] = {
    "nature": (NatureConfig(size=5, precision=FULL), (4, 36, 40)),
    "impala": (ImpalaConfig(size=5, precision=FULL), (3, 12, 16)),
    "patch": (EACH, (3, 8, 12)),
    "small": (SmallCnnConfig(precision=FULL), (1, 8, 8)),
    "ari": (AriCnnConfig(size=5, precision=FULL), (1, 84, 84)),
    "menet": (MeNetConfig(size=5, precision=FULL), (3, 32, 32)),
    "resnet": (ResNetConfig(width=4, precision=FULL), (3, 16, 16)),
    "resnet18": (
        ResNetConfig(width=4, precision=FULL, stem=Stem.IMAGENET),
        (3, 40, 32),
    ),
    "resnet50": (
        ResNetConfig(
            width=2,
            precision=FULL,
            depth=50,
            stem=Stem.IMAGENET,
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
        ),
        (3, 40, 32),
    ),
    "vit-s": (ViTConfig(0, 16, 24, 3, 6, precision=FULL), (3, 32, 48)),
    "vit-b": (ViTConfig(0, 16, 24, 3, 6, precision=FULL), (3, 32, 32)),
    "vit": (
        ViTConfig(width=8, depth=1, heads=2, precision=FULL, class_token=True),
        (1, 8, 8),
    ),
    "luma-chroma": (ModalitiesConfig(EACH, LumaChroma()), (3, 8, 8)),
    "rgb-depth": (ModalitiesConfig(EACH, RgbDepth()), (4, 8, 8)),
    "frame-difference": (ModalitiesConfig(EACH, FrameDifference()), (2, 8, 8)),
    "change": (ModalitiesConfig(EACH, Change()), (2, 8, 8)),
}


def images(num: int, shape: Shape) -> Tensor:
    generator = torch.Generator().manual_seed(num)
    return torch.randint(256, (num, *shape), dtype=torch.uint8, generator=generator)


def test_all_encoders_of_the_table_are_here() -> None:
    """But for those that others have made: one loads a file, one needs timm."""
    assert set(ENCODERS) == set(TABLE.rows) - {"pretrained", "timm"}


@pytest.mark.parametrize("name", ENCODERS)
def test_a_program_takes_any_number_of_images(name: str) -> None:
    config, shape = ENCODERS[name]
    encoder = config.build(shape)  # in training mode, in which it stays
    program = exported(encoder).module()
    assert encoder.training
    encoder.eval()
    for num in (1, 3, 200, 300):  # the last in chunks where nothing is exported
        given = images(num, shape)
        with torch.no_grad():
            expected = encoder(given)
        torch.testing.assert_close(program(given), expected, rtol=1e-4, atol=1e-5)


def test_a_program_computes_in_float32() -> None:
    """Though the encoder does not, and goes on as it was."""
    torch.manual_seed(0)
    low = PatchConfig(size=6, patch=4, width=4, precision=Precision.BFLOAT16)
    encoder = low.build((3, 8, 12)).eval()
    full = EACH.build((3, 8, 12)).eval()
    full.load_state_dict(encoder.state_dict())
    given = images(5, (3, 8, 12))
    program = exported(encoder).module()
    with torch.no_grad():
        torch.testing.assert_close(program(given), full(given))
        assert (encoder(given) - full(given)).abs().max() > 1e-4


def test_an_encoder_of_any_size_leaves_with_the_size_it_looks_at() -> None:
    encoder = ENCODERS["resnet"][0].build((3, 16, 16)).eval()
    encoder.look_at((3, 20, 12))
    given = images(2, (3, 20, 12))
    with torch.no_grad():
        torch.testing.assert_close(exported(encoder).module()(given), encoder(given))


@pytest.mark.parametrize(
    "name",
    [x if x == "small" else pytest.param(x, marks=pytest.mark.slow) for x in ENCODERS],
)
def test_onnx_takes_any_number_of_images(name: str, tmp_path: Path) -> None:
    """By the reference implementation of ONNX, from a file."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    from onnx.reference import ReferenceEvaluator

    config, shape = ENCODERS[name]
    encoder = config.build(shape).eval()
    as_onnx(encoder).save(tmp_path / "encoder.onnx")
    model = onnx.load(tmp_path / "encoder.onnx")
    onnx.checker.check_model(model, full_check=True)
    batch = model.graph.input[0].type.tensor_type.shape.dim[0]
    assert batch.dim_param == "batch"
    program = ReferenceEvaluator(model)
    for num in (1, 3, 200):
        given = images(num, shape)
        [made] = program.run(["latent"], {"image": given.numpy()})
        with torch.no_grad():
            expected = encoder(given)
        near = 1e-5 * max(1.0, float(expected.abs().max()))  # sums of 50 layers
        torch.testing.assert_close(
            torch.from_numpy(made), expected, rtol=1e-4, atol=near
        )


def test_onnx_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    encoder = ENCODERS["small"][0].build((1, 8, 8))
    with pytest.raises(ConfigError, match="onnx and onnxscript"):
        as_onnx(encoder)
