"""What `curious pretrain` says to mistakes."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from experiments.pretrain.presets import CHOICES, pretrain_config
from ssl_objectives.zoo import ZOO

Command = Callable[..., Any]

QUICK = (
    *("--size", "debug", "--steps", "2", "--batch-size", "8", "--no-report"),
    *("--no-tensorboard", "--evaluate-every", "0"),
)


def plain(text: str) -> str:
    """Without boxes and line breaks."""
    return re.sub(r"[\s│─╭╮╰╯]+", " ", text)


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (("byoll",), 2, "method: there is no 'byoll'. Did you mean 'byol'?"),
        (("byol", "--images", "fashion"), 2, "Did you mean 'fashion-mnist'?"),
        (("byol", "--step", "3"), 2, "--steps"),
        (("byol", "--steps", "0"), 2, "--steps must be at least 1, not 0"),
        (("byol", *QUICK, "--labels", "0%"), 1, "labels: '0%' is no share"),
        (
            ("byol", *QUICK, "--report", "--probe.amounts", "1%", "99999"),
            1,
            "99,999 were asked for",
        ),
        (("byol", *QUICK, "--batch-size", "9999"), 1, "more than the 2,000 images"),
        (("byol", *QUICK, "--encoder", "nature"), 1, "too small for this encoder"),
        (("byol", *QUICK, "--images", "folder"), 1, "pictures"),
        (
            ("byol", *QUICK, "--views", "multi-crop"),
            1,
            "Byol takes 2 views of each image, not",
        ),
        (
            ("simclr", *QUICK, "--views", "multi-crop"),
            1,
            "SimClr takes 2 views of each image, not",
        ),
        (("atc", *QUICK), 1, "Choose recorded frames (--images recorded"),
        (("st-dim", *QUICK, "--views", "successive"), 1, "no order in time"),
        (
            ("atc", "--method.views.apart", "0"),
            2,
            "apart must be at least 1, not 0",
        ),
        (("--resume", "nowhere"), 1, "There is no run at nowhere"),
        (("--resume", "nowhere", "--config", "x"), 1, "leave --config out"),
    ],
)
def test_mistakes(
    curious: Command, argv: tuple[str, ...], code: int, said: str
) -> None:
    done = curious("pretrain", *argv)
    assert done.code == code
    assert said in plain(done.err)
    if code == 1 and "--resume" not in argv:
        assert not list(done.runs.iterdir())


def test_a_run_cannot_go_on_as_another(curious: Command) -> None:
    first = curious("pretrain", "byol", *QUICK)
    assert first.code == 0, first.err
    again = curious(
        *("pretrain", "--resume", str(first.run.path), "--steps", "4"),
        *("--batch-size", "4", "--method.decay", "0.5"),
    )
    assert again.code == 1
    said = plain(again.err)
    assert "--batch-size 4 (was 8)" in said
    assert "--method.decay 0.5 (was 0.8" in said
    assert "curious pretrain --config" in said


def test_an_agent_is_no_encoder_run(curious: Command, key_door: Any) -> None:
    done = curious("pretrain", "--resume", str(key_door.run.path))
    assert done.code == 2
    assert "is the config of another command" in plain(done.err)
    assert "Use curious train: with --resume RUN it goes on" in plain(done.err)


def test_a_data_set_is_no_folder_of_images(curious: Command, tmp_path: Path) -> None:
    out = str(tmp_path / "d")
    assert curious("record", "--steps", "16", "--out", out).code == 0
    done = curious("pretrain", "byol", *QUICK, "--images=folder", "--images.path", out)
    assert done.code == 1
    assert f"Say: --images recorded --images.path {out}" in done.err


def test_help_teaches(curious: Command) -> None:
    done = curious("pretrain", "--help")
    assert done.code == 0
    shown = plain(done.out)
    for name in ZOO:
        assert name in shown
    for choice in CHOICES:
        if not choice.positional:
            assert f"--{choice.name}" in shown
    for flag in ("--labels", "--steps", "--method.decay", "--optimizer.learning-rate"):
        assert flag in shown
    assert "curious pretrain --resume" in shown


MINE = """
from dataclasses import dataclass
from ssl_objectives.encoders.heads import Straight
from ssl_objectives.method import Method
from ssl_objectives.methods.moments.vicreg_barlow import VicRegConfig
from ssl_objectives.views.maker import OneView, TwoViews
from ssl_objectives.encoders.cnn import PatchConfig

@dataclass(frozen=True)
class Thin(PatchConfig):
    size: int = 12
    patch: int = 7

def mine():
    return Method(VicRegConfig(invariance=3.0), projector=Straight())

@dataclass(frozen=True)
class Never:
    pass
"""


def test_own_parts_are_found(
    curious: Command, importable: Callable[[str, str], Path], tmp_path: Path
) -> None:
    importable("own_pretrain_parts", MINE)
    done = curious(
        *(
            "pretrain",
            "own_pretrain_parts:mine",
            *QUICK,
            "--encoder",
            "own_pretrain_parts:Thin",
        ),
        *("--views", "own_pretrain_parts:TwoViews"),
    )
    assert done.code == 0, done.err
    config = done.run.config()
    assert config.name == "mine"
    assert config.method.objective.invariance == 3.0
    assert config.encoder.size == 12


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (
            ("own_pretrain_parts:Thin",),
            "own_pretrain_parts:Thin is no method. Give a Method",
        ),
        (
            ("byol", "--views", "own_pretrain_parts:Never"),
            "Never is no views. It needs build(self, image_shape)",
        ),
        (
            ("byol", "--images", "own_pretrain_parts:Thin"),
            "Thin is no images. It needs open(self)",
        ),
        (("byol", "--encoder", "own_pretrain_parts:Never"), "is no encoder"),
    ],
)
def test_own_parts_of_the_wrong_kind_are_refused(
    curious: Command,
    importable: Callable[[str, str], Path],
    argv: tuple[str, ...],
    said: str,
) -> None:
    importable("own_pretrain_parts", MINE)
    done = curious("pretrain", *argv)
    assert done.code == 2
    assert said in plain(done.err)


@pytest.mark.parametrize("size", ["debug", "laptop", "gpu"])
def test_sizes_differ_and_are_whole(size: str) -> None:
    config = pretrain_config("byol", size)
    assert config.steps % config.checkpoint_every == 0
    assert (config.encoder, config.steps) not in [
        (other.encoder, other.steps)
        for other in (pretrain_config("byol", x) for x in ("debug", "laptop", "gpu"))
        if other != config
    ]
