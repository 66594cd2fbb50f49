import io
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Protocol, runtime_checkable

import pytest

from experiments.config.choices import Choice, Row, Table
from experiments.config.command_line import HelpAsked, Misuse, parse, parse_plain
from experiments.config.json import write_config
from ssl_objectives.refusal import ConfigError

OUTSIDE = '''
from dataclasses import dataclass

@dataclass(frozen=True)
class Ring:
    """Rooms in a ring."""
    rooms: int = 6
    """How many rooms."""
    def build(self) -> int:
        return self.rooms
'''


@runtime_checkable
class World(Protocol):
    def build(self) -> int: ...


class Scope(Enum):
    BATCH = "batch"
    TIME = "time"


@dataclass(frozen=True)
class Atari:
    """Atari 2600 games."""

    game: str = "Pong"
    """Name as in gymnasium, without -v5."""

    def build(self) -> int:
        return 1


@dataclass(frozen=True)
class Maze:
    """A maze of pixels."""

    size: int = 9
    """Cells along each side."""

    def __post_init__(self) -> None:
        if self.size < 2:
            raise ValueError("size must be at least 2")

    def build(self) -> int:
        return 2


@dataclass(frozen=True)
class Agent:
    """Proximal policy optimisation."""

    learning_rate: float = 1e-4
    """Adam step size."""
    clip: bool = True
    """Whether ratios are clipped."""
    scope: Scope = Scope.BATCH
    """Which rows are negatives."""
    widths: tuple[int, ...] = (8, 4)
    """Of hidden layers."""


@dataclass(frozen=True)
class Train:
    world: World
    agent: Agent = Agent()
    env_steps: int = 1_000
    """Steps of all envs together."""
    out: Path | None = None
    """Where the run goes."""
    model: World | None = None
    inner: Atari | Maze | None = None


@dataclass(frozen=True)
class Evaluate:
    episodes: int = 3
    """How many."""


WORLDS: Table[World] = Table(
    "world", World, {"atari": Row(Atari), "maze": Row(Maze, "a maze of pixels")}
)
CHOICES = (
    Choice(
        Table(
            "preset",
            None,
            {
                "byol-explore": Row.of(1, "prediction error"),
                "rnd": Row.of(2, "random network distillation"),
            },
        ),
        "Which agent.",
        default="byol-explore",
        positional=True,
    ),
    Choice(
        Table(
            "size", None, {"debug": Row.of(1, "seconds"), "laptop": Row.of(2, "hours")}
        ),
        "How large.",
        default="laptop",
    ),
    Choice(WORLDS, "Where the agent lives."),
)
asked: list[dict[str, str]] = []


def build_default(chosen: Mapping[str, str]) -> Train:
    asked.append(dict(chosen))
    return Train(WORLDS.make(chosen.get("world", "atari")))


def read(*argv: str) -> Train:
    return parse(
        argv,
        CHOICES,
        Train,
        build_default,
        prog="curious train",
        description="Train a curious agent.",
        examples=["curious train rnd --world maze"],
    )


def plain(text: object) -> str:
    """Without boxes and line breaks."""
    return re.sub(r"[\s│─╭╮╰╯]+", " ", str(text))


def refused(*argv: str) -> str:
    with pytest.raises(Misuse) as error:
        read(*argv)
    assert "curious train --help" in plain(error.value)
    return plain(error.value)


@pytest.fixture(autouse=True)
def _silent(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Reading prints nothing, whatever comes of it."""
    yield
    assert capfd.readouterr() == ("", "")


def test_without_arguments_all_is_default() -> None:
    assert read() == Train(Atari())
    # An option without a default is left to `build_default`.
    assert asked[-1] == {"preset": "byol-explore", "size": "laptop"}


def test_choices_are_the_classes_and_flags_set_their_fields() -> None:
    argv = (
        "rnd --world maze --size=debug --world.size 5 --agent.learning-rate 0.1 "
        "--agent.scope time --agent.no-clip"
    )
    config = read(*argv.split())
    assert config == Train(Maze(5), Agent(0.1, False, Scope.TIME))
    assert asked[-1] == {"preset": "rnd", "size": "debug", "world": "maze"}
    config = read("--env_steps", "1_000_000", "--agent.widths", "3", "5", "7")
    assert config == Train(Atari(), Agent(widths=(3, 5, 7)), 10**6)
    assert read("--size", "debug", "rnd", "--out", "x").out == Path("x")
    assert asked[-1]["preset"] == "rnd"


def test_a_part_from_outside_brings_its_own_flags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_worlds.py").write_text(OUTSIDE)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    config = read("--world=my_worlds:Ring", "--world.rooms", "4")
    assert config.world.build() == 4
    with pytest.raises(HelpAsked) as helped:
        read("--world", "my_worlds:Ring", "--help")
    out = plain(helped.value)
    assert "--world.rooms INT How many rooms. (default: 6)" in out
    assert "Did you mean 'Ring'?" in refused("--world", "my_worlds:Rong")
    assert "cannot import 'my_wolrds'" in refused("--world", "my_wolrds:Ring")


def test_help_lists_choices_flags_defaults_and_examples() -> None:
    with pytest.raises(HelpAsked) as helped:
        read("--help", "--world", "maze")
    for text in (
        "usage: curious train",
        "Train a curious agent.",
        "Which agent. (default: byol-explore)",
        "rnd random network distillation",
        "--size SIZE How large. (default: laptop) debug seconds laptop hours",
        "--world WORLD Where the agent lives. atari Atari 2600 games maze a maze of",
        "module:Class Your own",
        "--config FILE Start from the config.json of a run",
        "--env-steps INT Steps of all envs together. (default: 1000)",
        "world options",
        "A maze of pixels.",
        "--world.size INT Cells along each side. (default: 9)",
        "--agent.scope {batch,time} Which rows are negatives. (default: batch)",
        "--agent.clip, --agent.no-clip",
        "examples: curious train rnd --world maze",
    ):
        assert text in plain(helped.value)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ("--wrold maze", "--world WORLD"),
        ("--agent.learning-rte 1", "--agent.learning-rate FLOAT"),
        ("--env-step 10", "--env-steps INT"),
        ("--world mase", "--world: there is no 'mase'. Did you mean 'maze'? Your own"),
        ("--size debog", "--size: there is no 'debog'. Did you mean 'debug'?"),
        ("--size my_module:Size", "--size: there is no 'my_module:Size'."),
        ("byl-explore", "preset: there is no 'byl-explore'. Did you mean 'byol-"),
        ("--size", "--size needs a value"),
        ("--size --world maze", "--size needs a value"),
        ("--world maze --size debug --world=maze", "--world is there twice"),
        ("--env-steps ten", "--env-steps: 'ten' is no whole number"),
        ("--env-steps 1.5e0", "--env-steps: '1.5e0' is no whole number"),
        ("--env-steps nan", "--env-steps: 'nan' is no whole number"),
        ("--env-steps 1e99999", "--env-steps: 1e99999… is too large"),
        ("--env-steps 1e30", "--env-steps must be a number below 2^63"),
        ("--agent.scope row", "time"),
        ("--world maze --world.size 1", "config.world: size must be at least 2"),
        ("--env-steps 10 rnd", "If it is the preset, it comes first: curious train"),
        ("--agent.clip False", "Unexpected argument 'False'"),
        ("rnd maze", "Unexpected argument 'maze'"),
    ],
)
def test_mistakes_are_refused_with_a_suggestion(argv: str, message: str) -> None:
    assert message in refused(*argv.split())


def test_whole_numbers_can_be_short() -> None:
    assert read("--env-steps", "1e3").env_steps == 1000
    assert read("--env-steps", "1_200").env_steps == 1200
    assert read("--agent.widths", "-2", "2.5e1").agent.widths == (-2, 25)


@dataclass(frozen=True)
class Colors:
    """Has a flag that ends like another command's."""

    cutout: float = 0.5
    """Share of the image."""
    runs: Path = Path("runs")
    """Folder of the runs."""


def test_a_far_off_flag_is_not_suggested() -> None:
    with pytest.raises(Misuse) as refusal:
        parse_plain(["--out", "x"], Colors, prog="curious pretrain")
    said = plain(str(refusal.value))
    assert "There is no option --out. Where runs are kept is said with --runs" in said
    assert "cutout" not in said
    with pytest.raises(Misuse, match="--cutout FLOAT"):
        parse_plain(["--cut", "1"], Colors, prog="curious pretrain")


def test_a_config_file_repeats_a_run(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    config = Train(Maze(4), Agent(0.3), 77)
    write_config(file, config)
    assert read("--config", str(file)) == read(f"--config={tmp_path}") == config
    changed = read("--config", str(file), "--world.size", "6", "--env-steps", "5")
    assert changed == Train(Maze(6), Agent(0.3), 5)
    message = refused("rnd", "--config", str(file), "--world", "atari")
    assert "already says what world, preset is" in message.replace("\n", " ")
    assert "no config at" in refused("--config", str(tmp_path / "none.json"))
    write_config(file, Evaluate())
    message = refused("--config", str(file))
    assert "config of another command: a Evaluate, not a Train" in message


class Builds(ABC):
    @abstractmethod
    def build(self) -> int: ...


@dataclass(frozen=True)
class Room(Builds):
    """A room."""

    width: int = 3
    """Cells."""

    def build(self) -> int:
        return self.width


@dataclass(frozen=True)
class Fields:
    """Whatever they are annotated with, fields offer what they hold."""

    one: World | None = field(default_factory=Maze)
    two: Atari | Maze | None = None
    three: Builds | None = None
    four: Any = None
    five: Annotated[World | None, "a note"] = None
    six: Builds = field(default_factory=Room)


def test_flags_are_those_of_the_config_a_field_holds() -> None:
    names = ("one", "two", "three", "four", "five", "six")
    rows: dict[str, Row[Any]] = {
        "room": Row(Room, "one room"),
        "none": Row.of(None, "nothing"),
    }
    choices = [Choice(Table(x, None, rows), f"Choose {x}.") for x in names]

    def rooms(first: int) -> Fields:
        values: list[Any] = [Room(first + i) for i in range(6)]
        return Fields(*values)

    def run(default: Fields, *argv: str) -> Fields:
        return parse(
            argv, choices, Fields, lambda _: default, prog="x", description="y"
        )

    assert run(rooms(2)) == rooms(2)
    changed = run(rooms(2), *(f"--{x}.width={i + 20}" for i, x in enumerate(names)))
    assert changed == rooms(20)
    # A part that is not there has no flags, and is not in the way of its option.
    assert run(Fields(), "--two", "none", "--one.size", "5") == Fields(one=Maze(5))
    with pytest.raises(HelpAsked) as helped:
        run(Fields(), "--help")
    out = plain(helped.value)
    assert "--one.size" in out
    assert "--two TWO Choose two. room one room none nothing" in out
    assert "fixed" not in out


@dataclass(frozen=True)
class Play:
    """Play episodes."""

    scope: Scope = Scope.TIME
    episodes: int = 3
    """How many."""

    def __post_init__(self) -> None:
        if self.episodes < 1:
            raise ConfigError("--episodes must be at least 1")


def test_commands_without_choices() -> None:
    def read(*argv: str) -> Play:
        return parse_plain(
            argv,
            Play,
            prog="curious play",
            examples=["curious play --episodes 5"],
            advice="Do so alone.",
        )

    assert read("--episodes", "5", "--scope", "batch") == Play(Scope.BATCH, 5)
    with pytest.raises(HelpAsked) as helped:
        read("-h")
    for text in ("usage: curious play", "Play episodes.", "How many. (default: 3)"):
        assert text in plain(helped.value)
    below = "\nexamples:\n  curious play --episodes 5\n\nDo so alone."
    assert str(helped.value).endswith(below)
    with pytest.raises(Misuse, match="--episodes INT"):
        read("--epsiodes", "5")
    with pytest.raises(Misuse, match="--episodes must be at least 1"):
        read("--episodes", "0")


class Screen(io.StringIO):
    """A terminal, or what is not one."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    def isatty(self) -> bool:
        return self.terminal


@pytest.mark.parametrize("terminal", [True, False])
def test_colours_and_boxes_are_those_of_the_stream_it_is_for(
    monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for stream in ("stdout", "stderr"):
        monkeypatch.setattr(sys, stream, Screen(terminal))
    raised: list[Exception] = []
    for argv in (["--help"], ["--env-step", "3"], ["--size", "debog"]):
        with pytest.raises((HelpAsked, Misuse)) as error:
            read(*argv)
        raised.append(error.value)
    assert [type(x) for x in raised] == [HelpAsked, Misuse, Misuse]
    for each in raised:
        assert ("\x1b[" in str(each)) == (terminal and each is not raised[2])
        assert "╭" in str(each)


@dataclass(frozen=True)
class Steps:
    """Trains for so many steps."""

    steps: int = 300
    """Gradient steps."""
    num_epochs_of_views: int = 1
    """Something else."""


@pytest.mark.parametrize("flag", ["--epochs", "--max-epochs"])
def test_epochs_are_said_in_steps(flag: str) -> None:
    with pytest.raises(Misuse) as refusal:
        parse_plain([flag, "3"], Steps, prog="curious pretrain")
    said = " ".join(plain(str(refusal.value)).replace("│", " ").split())
    assert f"There is no option {flag}. How long it trains is said in gradient" in said
    with pytest.raises(Misuse) as refusal:
        parse_plain([flag, "3"], Colors, prog="curious pretrain")
    assert "gradient" not in plain(str(refusal.value))
