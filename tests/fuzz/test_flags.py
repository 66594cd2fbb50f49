"""Flags of every command, with values that nobody meant."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.config.choices import Choice
from experiments.config.json import read_config
from experiments.model import presets as model_presets
from experiments.pretrain import presets as pretrain_presets
from experiments.record.choices import NOISE, WORLD
from experiments.record.recording import RecordConfig
from experiments.train import presets as train_presets
from ssl_objectives.refusal import ConfigError
from tests.fuzz.outcome import cases, check_kept, curious, held
from tests.fuzz.trees import at, flag_of, leaves, takes_long
from tests.fuzz.values import INTEGERS, WORDS

# a config that is built the first time imports what it is made of
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the .random. module")

SMALL: Mapping[str, tuple[str, ...]] = {
    "train": (
        *("--size", "debug", "--num-envs", "2", "--env-steps", "20"),
        *("--video-steps", "0", "--evaluate-episodes", "0", "--device", "cpu"),
    ),
    "pretrain": ("--size", "debug", "--steps", "2", "--device", "cpu"),
    "train-model": ("--size", "debug", "--steps", "2", "--device", "cpu"),
    "record": ("--steps", "8", "--num-envs", "2", "--device", "cpu"),
}
"""what makes each command short; flags of a case that are among them come first"""

BUILD: Mapping[str, Callable[[Mapping[str, str]], Any]] = {
    "train": train_presets.from_choices,
    "pretrain": pretrain_presets.from_choices,
    "train-model": model_presets.from_choices,
    "record": lambda chosen: RecordConfig(
        **{k: WORLD.table.make(v) for k, v in chosen.items() if k == "world"}
    ),
}
CHOICES: Mapping[str, tuple[Choice, ...]] = {
    "train": train_presets.CHOICES,
    "pretrain": pretrain_presets.CHOICES,
    "train-model": model_presets.CHOICES,
    "record": (WORLD, NOISE),
}


@dataclass(frozen=True)
class Line:
    """A command, what it chose by name, and flags with their words."""

    command: str
    chosen: tuple[tuple[str, str], ...]
    flags: tuple[tuple[str, str], ...]

    @property
    def argv(self) -> list[str]:
        first = POSITIONAL.get(self.command)
        options = [(f"--{k}", v) for k, v in self.chosen if k != first]
        options += [(flag_of(k), v) for k, v in self.flags if v not in ("yes", "no")]
        asked = {k for k, _ in options}
        small = zip(SMALL[self.command][::2], SMALL[self.command][1::2], strict=True)
        options += [(k, v) for k, v in small if k not in asked]
        return [
            self.command,
            *(v for k, v in self.chosen if k == first),
            *(f"{k}={v}" for k, v in options),
            *(_switch(k, v) for k, v in self.flags if v in ("yes", "no")),
        ]


TOO_LARGE = (  # for a case that is done in a moment
    *("resnet", "resnet18", "resnet50", "impala", "vit", "vit-s", "vit-b", "timm"),
    *("linear", "fine-tuning", "papers"),
)
POSITIONAL = {"train": "preset", "pretrain": "method", "train-model": "model"}
NOT_FUZZED = (
    *("runs", "out", "device", "policy", "seeds", "append", "size"),
    "compile",  # takes a minute
)


def _switch(path: str, word: str) -> str:
    *above, name = path.split(".")
    return flag_of(".".join([*above, name if word == "yes" else f"no_{name}"]))


@st.composite
def lines(draw: st.DrawFn) -> Line:
    command = draw(st.sampled_from(sorted(SMALL)))
    choices = [x for x in CHOICES[command] if x.name != "size"]
    some = draw(st.lists(st.sampled_from(choices), max_size=3, unique_by=id))
    chosen = {
        x.name: draw(
            st.sampled_from(
                sorted({*x.table.rows} - {*TOO_LARGE}) * 5 + ["nothing", "a:B"]
            )
        )
        for x in some
    }
    if command == "train":
        chosen.setdefault("world", draw(st.sampled_from(("counting", "key-door"))))
    try:
        config = BUILD[command]({"size": "debug"} | chosen)
    except ConfigError:
        return Line(command, tuple(chosen.items()), ())
    known = [x for x in leaves(config) if x[0] not in NOT_FUZZED]
    flags: dict[str, str] = {}
    for path, value in draw(
        st.lists(st.sampled_from(known), max_size=3, unique_by=lambda x: x[0])
    ):
        if isinstance(value, bool):
            flags[path] = draw(st.sampled_from(("yes", "no")))
        elif takes_long(path):
            flags[path] = str(draw(st.integers(-2, 3)))
        elif isinstance(value, int):
            flags[path] = str(draw(INTEGERS.filter(lambda x: abs(x) < 10**30)))
        else:
            flags[path] = draw(WORDS)
    return Line(command, tuple(chosen.items()), tuple(flags.items()))


def check(line: Line) -> None:
    """It works with what was asked for, or says why not; either way nothing is lost."""
    with TemporaryDirectory(prefix="fuzz") as name:
        root = Path(name)
        (root / "runs").mkdir()
        (root / "runs" / "mine.txt").write_text("all I have")
        before = held(root)
        records = line.command == "record"
        to = ("--out", str(root / "data")) if records else ("--runs", f"{root}/runs")
        done = curious(*line.argv, *to)
        check_kept(before, root)
        if done.code == 2:
            assert held(root) == before
        if done.code == 0 and not records:
            [run] = [x for x in (root / "runs").iterdir() if x.is_dir()]
            check_meant(line, read_config(run))


def check_meant(line: Line, config: Any) -> None:
    """The run has the numbers that were typed, none of them silently another."""
    for path, word in line.flags:
        value = at(config, path)
        if word in ("yes", "no"):
            assert value is (word == "yes"), path
        elif isinstance(value, float):
            assert value == float(word) or (math.isnan(value) and word == "nan"), path
        elif isinstance(value, int):
            assert value == int(word), path


@cases(6, repeated=True)
@given(lines())
def test_a_few_command_lines(line: Line) -> None:
    check(line)


@pytest.mark.slow
@cases(400, repeated=False)
@given(lines())
def test_many_command_lines(line: Line) -> None:
    check(line)
