"""Config files of runs and grids of sweeps, changed by hands, scripts and accidents."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.config.json import FORMAT_VERSION, to_json
from experiments.model.presets import train_model_config
from experiments.pretrain.presets import pretrain_config
from experiments.train.presets import train_config
from tests.fuzz.outcome import cases, check_kept, curious, held
from tests.fuzz.trees import takes_long
from tests.fuzz.values import INTEGERS, JSON, NAMES

SMALL = {
    "train": (
        *("--num-envs", "2", "--env-steps", "20", "--video-steps", "0"),
        *("--evaluate-episodes", "0", "--device", "cpu", "--seeds", "1"),
    ),
    "pretrain": ("--steps", "2", "--device", "cpu", "--seeds", "1"),
    "train-model": ("--steps", "2", "--device", "cpu", "--seeds", "1"),
}
MAKE: dict[str, Callable[[], Any]] = {
    "train": lambda: train_config("byol-explore", size="debug", world="counting"),
    "pretrain": lambda: pretrain_config("simclr", size="debug"),
    "train-model": lambda: train_model_config(size="debug"),
}


WHOLE = {
    command: json.dumps({"format_version": FORMAT_VERSION, **to_json(make())})
    for command, make in MAKE.items()
}


@dataclass(frozen=True)
class Changed:
    """A command, and the text of the config file that it is given."""

    command: str
    what: str
    text: str | bytes


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value of a JSON tree."""
    found = [path] if path else []
    if isinstance(node, dict | list):
        for k in node if isinstance(node, dict) else range(len(node)):
            found += places(node[k], (*path, k))
    return found


@st.composite
def files(draw: st.DrawFn) -> Changed:
    command = draw(st.sampled_from(sorted(MAKE)))
    kind = draw(
        st.sampled_from(
            (
                "value",
                "value",
                "value",
                "drop",
                "add",
                "rename",
                "type",
                "bytes",
                "swap",
            )
        )
    )
    text = WHOLE[command]
    if kind == "bytes":
        data = bytearray(text.encode())
        at = draw(st.integers(0, len(data) - 1))
        if draw(st.booleans()):
            return Changed(command, f"cut at {at}", bytes(data[:at]))
        data[at] = draw(st.integers(0, 255))
        return Changed(command, f"byte {at} is {data[at]}", bytes(data))
    tree = json.loads(text)
    path = draw(st.sampled_from(places(tree)))
    above = tree
    for part in path[:-1]:
        above = above[part]
    key = path[-1]
    if kind == "value":
        short = st.integers(-2, 3) if takes_long(f"x.{key}") else INTEGERS
        value = draw(st.one_of(short, JSON if short is INTEGERS else NAMES))
        above[key] = value
        return Changed(command, f"{path} = {value!r}"[:200], json.dumps(tree))
    if kind == "drop":
        del above[key]
    elif kind == "rename" and isinstance(above, dict):
        above[draw(NAMES)] = above.pop(key)
    elif kind == "add" and isinstance(above, dict):
        above[draw(NAMES)] = draw(JSON)
    elif kind == "type" and isinstance(above, dict):
        types = [x for x in places(tree) if x[-1] == "type"]
        known = [_at(tree, x) for x in types]
        above["type"] = draw(
            st.sampled_from(
                (
                    *known,
                    "os:system",
                    "builtins:dict",
                    "a:b",
                    "json:JSONDecoder.x",
                    "",
                    ":",
                    "pathlib:Path",
                )
            )
        )
    elif kind == "swap":
        one, two = draw(st.sampled_from(places(tree))), path
        value = json.loads(json.dumps(_at(tree, one)))
        above[key] = value if not takes_long(f"x.{key}") else 1
        return Changed(command, f"{two} as {one}", json.dumps(tree))
    return Changed(command, f"{kind} {path}", json.dumps(tree))


def _at(tree: Any, path: tuple[Any, ...]) -> Any:
    for part in path:
        tree = tree[part]
    return tree


def check(changed: Changed) -> None:
    """It is taken as it says, or refused in a sentence; the file stays as it was."""
    with TemporaryDirectory(prefix="fuzz") as name:
        root = Path(name)
        file = root / "config.json"
        text = changed.text
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        before = held(root)
        words = (*SMALL[changed.command], "--runs", f"{root}/runs")
        done = curious(changed.command, "--config", str(file), *words)
        check_kept(before, root)
        if done.code == 2:
            assert held(root) == before


CASES = files()


@cases(8, repeated=True)
@given(files())
def test_a_few_config_files(changed: Changed) -> None:
    check(changed)


@pytest.mark.slow
@cases(250, repeated=False)
@given(files())
def test_many_config_files(changed: Changed) -> None:
    check(changed)
