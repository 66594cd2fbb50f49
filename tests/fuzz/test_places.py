"""Paths at which there is not what a command means, or where nothing can be written."""

import os
from collections.abc import Callable, Mapping
from contextlib import chdir
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.fuzz.outcome import cases, check_kept, curious, held
from tests.fuzz.values import NAMES

TRAIN = (
    *("--size", "debug", "--num-envs", "2", "--agent.ppo.num-steps", "5"),
    *("--agent.ppo.num-minibatches", "1", "--env-steps", "20", "--video-steps", "0"),
)
RECORD = ("record", "--world", "counting", "--num-envs", "2", "--steps", "4")
LINES: Mapping[str, tuple[str, ...]] = {
    "runs": ("train", "ppo", "--world", "counting", *TRAIN, "--runs={}"),
    "resume": ("train", "--resume={}", "--env-steps", "20"),
    "config": ("train", "--config={}", "--env-steps", "20", "--video-steps", "0"),
    "evaluate": ("evaluate", "{}", "--episodes", "1", "--video-steps", "0"),
    "report": ("report", "{}", "--out=out"),
    "report to": ("report", "empty", "--out={}"),
    "sweep": ("sweep", "{}", "--dry-run", "--out=out"),
    "sweep to": ("sweep", "grid.toml", "--out={}", "--commands", "commands.sh"),
    "commands": ("sweep", "grid.toml", "--out=out", "--commands={}"),
    "record": (*RECORD, "--out={}"),
    "append": (*RECORD, "--append", "--out={}"),
    "policy": (*RECORD, "--policy={}", "--out=out"),
    "import": ("import", "{}", "--out=out"),
    "import to": ("import", "pictures", "--out={}"),
    "verify": ("import", "{}", "--verify"),
    "learn": ("train-model", "--data", "recorded", "--data.path={}", "--steps", "1"),
    "look": ("pretrain", "--images", "folder", "--images.path={}", "--steps", "1"),
    "pretrained": (
        *("train", "--world", "counting", "--encoder", "pretrained", *TRAIN),
        "--agent.encoder.path={}",
    ),
}
NOTHING = sha256(b"").hexdigest()
GRID = 'arguments = ["ppo", "--size", "debug", "--world", "counting"]\nseeds = [0]\n'


def _empty(name: str) -> Callable[[Path], object]:
    def make(path: Path) -> None:
        path.mkdir()
        (path / name).touch()

    return make


def _file(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(text)


MAKE: Mapping[str, Callable[[Path], object]] = {
    "nothing": lambda path: None,
    "folder": lambda path: path.mkdir(),
    "file": _file("mine\n"),
    "empty file": _file(""),
    "json": _file("{}"),
    "list": _file("[1]"),
    "toml": _file(GRID),
    "link to nowhere": lambda path: path.symlink_to("nowhere"),
    "link to itself": lambda path: path.symlink_to(path.name),
    "link to a folder": lambda path: path.symlink_to("empty"),
    "config is a folder": lambda path: (path / "config.json").mkdir(parents=True),
    "data set is a folder": lambda path: (path / "dataset.json").mkdir(parents=True),
    "data set is empty": _empty("dataset.json"),
    "run is empty": _empty("config.json"),
    "sweep is empty": _empty("cells.json"),
    "a file below": _empty("mine.txt"),
}
FIXED = (
    "/proc/nowhere/x",
    "/dev/null",
    "/dev/null/x",
    "/sys/x",
    ".",
    "..",
    "~nobody/x",
    "",
    "grid.toml",
    "empty",
    "empty/..",
    "x" * 300,
    "deep/er/x",
    "grid.toml/x",
)


@dataclass(frozen=True)
class Place:
    """Which command is given which path, and what is there."""

    line: str
    what: str
    path: str


PLACES = st.builds(
    Place,
    st.sampled_from(sorted(LINES)),
    st.sampled_from(sorted(MAKE)),
    st.one_of(
        st.just("there"), NAMES.filter(lambda x: x.strip(".")), st.sampled_from(FIXED)
    ),
)


def check(place: Place) -> None:
    """It works, or says what is there instead; nothing that was there is touched."""
    with TemporaryDirectory(prefix="fuzz") as name:
        root = Path(name) / "inside"
        (root / "empty").mkdir(parents=True)
        (root / "grid.toml").write_text(GRID)
        (root / "pictures").mkdir()
        Image.new("RGB", (9, 8)).save(root / "pictures" / "a.png")
        path = root / place.path
        try:
            if not os.path.lexists(path):
                MAKE[place.what](path)
        except OSError:  # no file system can hold it
            pass
        before = held(root)
        if place.line == "commands":  # an empty file has nothing to be lost
            before = {k: x for k, x in before.items() if x != NOTHING}
        with chdir(root):
            curious(*(x.replace("{}", place.path) for x in LINES[place.line]))
        check_kept(before, root)


CASES = PLACES


@cases(8, repeated=True)
@given(PLACES)
def test_a_few_places(place: Place) -> None:
    check(place)


@pytest.mark.slow
@cases(250, repeated=False)
@given(PLACES)
def test_many_places(place: Place) -> None:
    check(place)
