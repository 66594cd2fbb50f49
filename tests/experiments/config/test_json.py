import json
import math
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, NewType, Protocol

import pytest

from experiments.config.json import from_json, read_config, to_json, write_config
from experiments.config.outside import find, load_part
from ssl_objectives.refusal import ConfigError

ROOT = Path(__file__).parents[3]
OUTSIDE = '''
import dataclasses

@dataclasses.dataclass(frozen=True)
class Chain:
    """A world from outside."""
    length: int = 7
    """How long."""

@dataclasses.dataclass(frozen=True)
class Needy:
    length: int

def long_chain():
    return Chain(length=100)

def number():
    return 3

ready = Chain(length=8)
constant = 5
'''


class Builds(Protocol):
    def build(self) -> int: ...


class Scope(Enum):
    """Names and values differ on purpose."""

    BATCH = "over the batch"
    TIME = "over time"


@dataclass(frozen=True)
class Atari:
    game: str = "Pong"
    sticky: float = 0.25

    def build(self) -> int:
        return 1


@dataclass(frozen=True)
class Maze:
    size: tuple[int, int] = (3, 5)
    scope: Scope = Scope.BATCH

    def __post_init__(self) -> None:
        if min(self.size) < 1:
            raise ValueError("size must be at least 1")


Steps = NewType("Steps", int)


@dataclass(frozen=True)
class Run:
    world: Atari | Maze = Atari()
    part: Builds = Atari()
    anything: Any = None
    steps: Steps = Steps(10)
    rate: Annotated[float, "per update"] = 1e-4
    clip: float | None = None
    widths: tuple[int, ...] = (64, 32)
    pairs: list[tuple[str, float]] = field(default_factory=list)
    folder: Path = Path("runs")
    log: Path | None = None
    kind: Literal["one", 2] = "one"
    verbose: bool = False
    limits: Mapping[str, float] = field(default_factory=dict)
    total: int = field(init=False, default=0)


FULL = Run(
    world=Maze((2, 7), Scope.TIME),
    part=Atari("Breakout", 0.0),
    anything=(Maze(), (1, "two", None)),
    steps=Steps(2**60),
    rate=math.inf,
    clip=0.1,
    widths=(),
    pairs=[("a", 1.0), ("b", -math.inf)],
    folder=Path("else/where"),
    log=Path("x"),
    kind=2,
    verbose=True,
    limits={"low": 0.5, "high": 3.0},
)


@pytest.mark.parametrize("config", [Run(), FULL])
def test_configs_come_back_equal(tmp_path: Path, config: Run) -> None:
    text = json.dumps(to_json(config), allow_nan=False)
    assert from_json(json.loads(text)) == config
    write_config(tmp_path / "config.json", config)
    assert read_config(tmp_path) == read_config(tmp_path / "config.json") == config
    back = read_config(tmp_path)
    assert type(back.widths) is tuple
    assert type(back.folder) is type(config.folder)


def test_every_dataclass_says_its_class() -> None:
    data = to_json(FULL)
    assert data["type"] == f"{__name__}:Run"
    assert data["world"]["type"] == f"{__name__}:Maze"
    assert data["world"]["scope"] == "TIME"
    assert data["rate"] == "inf"
    assert "total" not in data


def test_not_a_number_comes_back() -> None:
    assert math.isnan(from_json(to_json(Run(rate=math.nan))).rate)


def test_left_out_fields_get_their_defaults() -> None:
    assert from_json({"type": f"{__name__}:Run", "verbose": True}) == Run(verbose=True)


def changed(path: str, value: Any) -> dict[str, Any]:
    data = to_json(FULL)
    *parents, last = path.split(".")
    node = data
    for x in parents:
        node = node[x]
    node[last] = value
    return data


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("wrold", 1, "wrold: Run has no such field. Did you mean 'world'?"),
        ("part.gane", "x", "part.gane: Atari has no such field. Did you mean 'game'?"),
        ("part.zzz", "x", "part.zzz: Atari has no such field. Known: game, sticky."),
        ("part.game", 3, "part.game: 3 is not str."),
        ("part.sticky", "high", "part.sticky: 'high' is not float."),
        ("part.sticky", True, "part.sticky: True is not float."),
        ("part.sticky", 10**400, "part.sticky: no number is that large."),
        ("steps", 1.5, "steps: 1.5 is not int."),
        ("steps", True, "steps: True is not int."),
        ("verbose", 1, "verbose: 1 is not bool."),
        ("clip", "x", "clip: 'x' is not float."),
        ("widths", 3, "widths: 3 is not a list."),
        ("widths", [3, "4"], "widths[1]: '4' is not int."),
        ("pairs", [["a", 1.0], ["b"]], "pairs[1]: ['b'] is not a list of 2."),
        ("kind", 3, "kind: 3 is not 'one' or 2."),
        ("folder", None, "folder: None is not Path."),
        ("limits", 3, "limits: 3 is not an object."),
        ("limits.low", "x", "limits.low: 'x' is not float."),
        (
            "world.scope",
            "TIMES",
            "world.scope: 'TIMES' is not one of BATCH, TIME. Did you mean 'TIME'?",
        ),
        ("world.size", [0, 1], "world: size must be at least 1"),
        ("world.type", f"{__name__}:Run", "world: a Run cannot stand here"),
        ("world.type", f"{__name__}:Scope", "world.type: tests"),
        ("world.type", "Maze", "world.type: 'Maze' is not of the form my_module"),
        ("world", {"size": [1, 2]}, 'world: this object needs a "type"'),
        ("world.type", f"{__name__}:Mase", f"'Mase' in '{__name__}'"),
        ("world.type", "no_module:Maze", "world.type: cannot import 'no_module'"),
    ],
)
def test_mistakes_are_named_with_their_path(
    path: str, value: Any, message: str
) -> None:
    data = changed(path, value)
    if path == "world.type" and value.endswith("Run"):
        data["world"] = to_json(FULL)
    with pytest.raises(ConfigError) as error:
        from_json(data)
    assert message in str(error.value)


def test_missing_values_are_named() -> None:
    @dataclass(frozen=True)
    class Local:
        x: int = 1

    with pytest.raises(ConfigError, match="Local, which cannot be imported again"):
        to_json(Run(anything=Local()))
    with pytest.raises(ConfigError, match=r"config.anything is a set"):
        to_json(Run(anything={1}))
    with pytest.raises(ConfigError, match="not <class"):
        to_json(Run)
    with pytest.raises(ConfigError, match="JSON object"):
        from_json([1])


def test_unreadable_files_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    with pytest.raises(ConfigError, match="There is no config at"):
        read_config(tmp_path)
    file.write_text('{"type": ')
    with pytest.raises(ConfigError, match="not a JSON file"):
        read_config(file)
    file.write_text(json.dumps({"format_version": 99, **to_json(Run())}))
    with pytest.raises(ConfigError, match="format version 99"):
        read_config(file)
    file.write_text(json.dumps({"format_version": 1, **changed("steps", "x")}))
    with pytest.raises(ConfigError, match=r"config\.json: steps: 'x' is not int"):
        read_config(file)


def test_parts_from_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "outside_parts.py").write_text(OUTSIDE)
    (tmp_path / "broken_part.py").write_text("import torch\n1 / 0\n")
    monkeypatch.setattr(sys, "path", [x for x in sys.path if x])
    monkeypatch.chdir(tmp_path)  # `curious` finds modules of the current folder
    chain = find("outside_parts:Chain")
    assert load_part("outside_parts:Chain") == chain(7)
    assert load_part("outside_parts:long_chain") == chain(100)
    assert load_part("outside_parts:ready") == chain(8)
    assert from_json(to_json(Run(anything=chain(3)))).anything == chain(3)
    for name, message in {
        "outside_parts": "not of the form my_module:MyConfig",
        "outside_parts:Chian": "Did you mean 'Chain'",
        "outside_parts:Needy": "cannot be called without arguments",
        "outside_parts:number": "gave 3, not a config",
        "outside_parts:constant": "is 5; it must be a dataclass",
        "outside_prats:Chain": "Run from the folder that holds it",
        "broken_part:Chain": "ZeroDivisionError",
    }.items():
        with pytest.raises(ConfigError, match=message):
            load_part(name)


def test_classes_of_scripts(tmp_path: Path) -> None:
    """Under `python -m` a class says `__main__`; the file must name its module."""
    (tmp_path / "my_run.py").write_text(
        "from dataclasses import dataclass\n"
        "from experiments.config.json import to_json\n"
        "@dataclass(frozen=True)\n"
        "class A: pass\n"
        "if __name__ == '__main__': print(to_json(A()))\n"
    )

    def output(*arguments: str) -> str:
        run = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        return run.stdout + run.stderr

    assert output("-m", "my_run").strip() == "{'type': 'my_run:A'}"
    assert "Define the class at the top level of a module" in output("my_run.py")
