"""`curious picture` end to end, small; and what it refuses."""

import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from experiments.picture.command import COMMAND, EXAMPLES
from experiments.pretrain.presets import pretrain_config
from experiments.runs.folder import RunFolder
from ssl_objectives.images.mixed import MixedConfig
from world_models.data.dataset import open_dataset
from world_models.data.images import RecordedConfig

Command = Callable[..., Any]
QUICK = ("--decoder", "flat", "--steps", "4", "--batch-size", "8")
FEW = ("--trajectories", "12", "--measured", "8", "--shown", "2")
NAMES = {"imagined", "reconstructed", "other_actions", "first_frame_stays"}


def plain(text: str) -> str:
    """Without boxes and line breaks."""
    return re.sub(r"[\s│─╭╮╰╯]+", " ", text)


def contents(folder: Path) -> dict[str, bytes]:
    files = [x for x in folder.rglob("*") if x.is_file()]
    return {str(x.relative_to(folder)): x.read_bytes() for x in files}


@pytest.fixture(scope="module")
def dots(curious: Command) -> Path:
    """A model of the moving dot, hardly trained."""
    done = curious("train-model", "--size", "debug", "--steps", "2", "--no-report")
    assert done.code == 0, done.err
    path: Path = done.run.path
    return path


def test_it_draws_and_leaves_the_run_alone(
    curious: Command, dots: Path, tmp_path: Path
) -> None:
    before, out = contents(dots), tmp_path / "drawn"
    shown = ("--ahead", "6", "--out", str(out), "--generate", "30")
    done = curious("picture", str(dots), *QUICK, *FEW, *shown)
    assert done.code == 0, done.err
    assert contents(dots) == before
    told = json.loads((out / "errors.json").read_text())
    assert told["rmse"].keys() == NAMES | {"mean_image"}
    assert all(len(x) == 7 for x in told["rmse"].values())
    assert told["rmse"]["imagined"][0] == told["rmse"]["reconstructed"][0]
    assert (told["ahead"], told["burn_in"]) == (6, 0)
    for name in ("grid.png", "errors.png"):
        assert np.asarray(Image.open(out / name)).std() > 0
    with Image.open(out / "film.gif") as film:
        assert film.n_frames == 7  # type: ignore[attr-defined]  # of a GIF
    assert not list(out.glob(".*"))
    images = open_dataset(out / "imagined")
    assert (images.num_rows, images.spec.obs_shape) == (30, (1, 28, 28))
    drawn = contents(out)
    again = curious("picture", str(dots), *QUICK, *FEW, *shown)
    assert again.code == 1
    assert "holds pictures. Give another folder: --out" in plain(again.err)
    assert contents(out) == drawn
    recorded = RecordedConfig(out / "imagined")
    mixed = MixedConfig(recorded, recorded, repeat=2).open()
    assert mixed.train.num_rows == 3 * recorded.open().train.num_rows


def test_what_was_drawn_before_stays(curious: Command, dots: Path) -> None:
    before = dots / "pictures"
    before.mkdir()
    (before / "grid.png").write_text("mine")
    done = curious("picture", str(dots), *QUICK, *FEW)
    assert done.code == 0, done.err
    assert contents(before) == {"grid.png": b"mine"}
    [drawn] = dots.glob("pictures-*")
    assert {"grid.png", "film.gif", "errors.json"} <= contents(drawn).keys()
    shutil.rmtree(before)
    shutil.rmtree(drawn)


def test_what_an_agent_plays_is_drawn(curious: Command, key_door: Any) -> None:
    run = key_door.run.path
    out = key_door.runs.parent / "drawn"
    done = curious("picture", str(run), *QUICK, *FEW, "--out", str(out))
    assert done.code == 0, done.err
    assert "what the agent plays" in done.out
    told = json.loads((out / "errors.json").read_text())
    assert told["burn_in"] > 0  # its memory begins empty
    assert told["config"]["data"] is None


def test_other_worlds_are_refused(curious: Command, dots: Path) -> None:
    done = curious("picture", str(dots), *QUICK, *FEW, "--world", "key-door")
    assert done.code == 1
    assert "The model knows frames (1, 28, 28)" in done.err
    assert not (dots / "pictures").exists()


def test_an_encoders_run_has_no_model_to_look_into(
    curious: Command, tmp_path: Path
) -> None:
    folder = RunFolder.create(tmp_path, "eyes", 0, pretrain_config("simclr"))
    folder.checkpoints.mkdir(exist_ok=True)
    (folder.checkpoints / "step-000000000001.safetensors").touch()
    done = curious("picture", str(folder.path), *QUICK)
    assert done.code == 1
    assert "Give a run of `curious train-model`" in plain(done.err)


def test_more_than_there_is_is_refused(curious: Command, dots: Path) -> None:
    few = ("--trajectories", "2", "--measured", "2")
    done = curious("picture", str(dots), *QUICK, *few)
    assert done.code == 2
    assert "show fewer, or measure more" in plain(done.err)


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        ("nowhere", 1, "There is no run at nowhere"),
        ("nowhere --ahead 0", 2, "--ahead must be at least 1"),
        ("nowhere --learning-rate 0", 2, "--learning-rate must be above 0"),
        ("x --data recorded --world key-door", 2, "--world is for worlds"),
    ],
)
def test_mistakes_are_answered(
    curious: Command, argv: str, code: int, said: str
) -> None:
    done = curious("picture", *argv.split())
    assert done.code == code
    assert said in plain(done.err)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_read(example: str) -> None:
    words = shlex.split(example)[2:]
    assert str(COMMAND.read(words).run) == words[0]
