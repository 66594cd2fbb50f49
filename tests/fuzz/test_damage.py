"""Runs, encoders and data sets of which bytes were changed, cut off or mislaid."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from experiments.runs.checkpoints.checkpoint import CheckpointError, load_checkpoint
from experiments.runs.checkpoints.folder import CheckpointFolder
from tests.experiments.runs.left import same
from tests.fuzz.outcome import cases, curious, held

SMALL = (
    *("--world", "counting", "--num-envs", "2", "--agent.ppo.num-steps", "5"),
    *("--agent.ppo.num-minibatches", "1", "--video-steps", "0"),
)


@cache
def whole() -> Path:
    """A run and a data set, made once; every case damages a copy."""
    root = Path(mkdtemp(prefix="whole"))
    train = ("train", "ppo", "--size", "debug", *SMALL, "--checkpoint-every", "10")
    assert curious(*train, "--env-steps", "30", "--runs", f"{root}/runs").code == 0
    record = ("record", "--world", "counting", "--num-envs", "2", "--facts")
    assert curious(*record, "--steps", "30", "--out", f"{root}/data").code == 0
    [run] = (root / "runs").iterdir()
    run.rename(root / "runs" / "run")
    shutil.rmtree(root / "runs" / "run" / "tensorboard")
    return root


USES = {
    "resume": ("train", "--resume", "{}/runs/run", "--env-steps", "50"),
    "evaluate": (
        *("evaluate", "{}/runs/run", "--episodes", "1", "--num-envs", "1"),
        *("--max-steps", "5", "--video-steps", "0"),
    ),
    "report": ("report", "{}/runs", "--out", "{}/report"),
    "play": ("record", "--policy", "{}/runs/run", "--steps", "4", "--out", "{}/played"),
    "verify": ("import", "{}/data", "--verify"),
    "copy": ("import", "{}/data", "--out", "{}/copy"),
    "append": (
        *("record", "--world", "counting", "--num-envs", "2", "--facts", "--append"),
        *("--steps", "4", "--out", "{}/data"),
    ),
    "learn": (
        *("train-model", "--size", "debug", "--data", "recorded", "--steps", "1"),
        *("--data.path", "{}/data", "--runs", "{}/models", "--batch-size", "2"),
    ),
    "look": (
        *("pretrain", "simclr", "--size", "debug", "--images", "recorded", "--steps"),
        *("1", "--images.path", "{}/data", "--batch-size", "8", "--runs", "{}/looks"),
    ),
}
OF_DATA = ("verify", "copy", "append", "learn", "look")


@dataclass(frozen=True)
class Damage:
    """Which command meets what, done to which file at which share of its length."""

    use: str
    file: int
    what: str
    at: float
    bit: int


DAMAGES = st.builds(
    Damage,
    st.sampled_from(sorted(USES)),
    st.integers(0, 999),
    st.sampled_from(("flip", "flip", "flip", "cut", "empty", "gone", "more", "folder")),
    st.floats(0, 1, exclude_max=True),
    st.integers(0, 7),
)


def damage(file: Path, how: Damage) -> None:
    data = bytearray(file.read_bytes())
    at = int(how.at * len(data))
    if how.what == "flip" and data:
        data[at] ^= 1 << how.bit
    elif how.what == "cut":
        data = data[:at]
    elif how.what == "empty":
        data = bytearray()
    elif how.what == "more":
        data += b"\0\0\0"
    file.unlink()
    if how.what == "folder":
        file.mkdir()
    elif how.what != "gone":
        file.write_bytes(data)


def files_of(root: Path, use: str) -> list[Path]:
    below = root / ("data" if use in OF_DATA else "runs")
    return [x for x in sorted(below.rglob("*")) if x.is_file() and x.name != "lock"]


def check(how: Damage) -> None:
    """It is found, or does no harm: no other number is taken for what was saved."""
    with TemporaryDirectory(prefix="fuzz") as name:
        root = Path(name) / "all"
        shutil.copytree(whole(), root)
        files = files_of(root, how.use)
        file = files[how.file % len(files)]
        damage(file, how)
        before = held(root)
        done = curious(*(x.format(root) for x in USES[how.use]))
        if how.use == "resume":
            check_others(before, held(root), ("metrics.jsonl", "config.json", "plots"))
        elif how.use == "append" and done.code == 0:
            check_others(before, held(root), ("dataset.json",))
        else:
            check_others(before, held(root), ())
        if how.use == "verify" and file.suffix == ".npy":
            assert done.code == 1, f"damage of {file.name} was not found"
        for path in CheckpointFolder(root / "runs" / "run" / "checkpoints").paths():
            check_checkpoint(path)


def check_others(
    before: dict[str, str] | object, now: object, may_change: tuple[str, ...]
) -> None:
    """Nothing that was saved is lost, but what a command is there to write anew."""
    assert isinstance(before, dict)
    assert isinstance(now, dict)
    lost = [
        x
        for x in before
        if now.get(x) != before[x] and not any(part in x for part in may_change)
    ]
    # a run that goes on drops what is older than the last three
    lost = [x for x in lost if not ("checkpoints/step" in x and may_change)]
    assert not lost, lost


def check_checkpoint(path: Path) -> None:
    """It is what was saved, or cannot be read."""
    good = whole() / "runs" / "run" / "checkpoints" / path.name
    if not good.is_file():
        return
    try:
        found = load_checkpoint(path)
    except CheckpointError:
        return
    with torch.no_grad():
        assert same(found.state, load_checkpoint(good).state)


@pytest.fixture(scope="module", autouse=True)
def _cleaned() -> Iterator[None]:
    yield
    shutil.rmtree(whole(), ignore_errors=True)
    whole.cache_clear()


CASES = DAMAGES


@cases(8, repeated=True)
@given(DAMAGES)
def test_a_few_damaged_files(how: Damage) -> None:
    check(how)


@pytest.mark.slow
@cases(250, repeated=False)
@given(DAMAGES)
def test_many_damaged_files(how: Damage) -> None:
    check(how)
