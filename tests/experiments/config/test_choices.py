"""Tables of parts: rows, their help, their sizes, and what stands in from outside."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import pytest

from experiments.config.choices import Choice, Row, Table
from experiments.pretrain.presets import CHOICES as PRETRAIN
from experiments.train.presets import CHOICES as TRAIN
from ssl_objectives.refusal import ConfigError


@runtime_checkable
class Lamp(Protocol):
    @property
    def watts(self) -> int: ...

    def build(self, room: str) -> str: ...

    def dim(self, share: float, slowly: bool = False) -> str: ...


@dataclass(frozen=True)
class Bulb:
    """Glows.

    Like a bulb.
    """

    watts: int = 60
    colour: str = "white"

    def build(self, room: str) -> str:
        return room

    def dim(self, share: float, slowly: bool = False) -> str:
        return str(share)


@dataclass(frozen=True)
class Size:
    power: int


LAMPS: Table[Lamp] = Table(
    "lamp",
    Lamp,
    {
        "bulb": Row(Bulb, dial={"watts": "power"}),
        "red": Row(partial(Bulb, colour="red"), "Glows in red", {"watts": "power"}),
        "mine": Row.of(Bulb(7)),
    },
)

OUTSIDE = """
from dataclasses import dataclass

@dataclass(frozen=True)
class Candle:
    watts: int = 1
    def build(self, room): return room
    def dim(self, share, slowly=False, warmly=True): return ""

class Renamed(Candle):
    def build(self, house): return house

class Hungry(Candle):
    def dim(self, share, slowly): return ""

@dataclass(frozen=True)
class Dark:
    def build(self, room): return room
    def dim(self, share): return ""
"""


def test_rows_build_what_the_size_dial_says() -> None:
    assert LAMPS.make("bulb") == Bulb()
    assert LAMPS.make("bulb", Size(5)) == Bulb(5)
    assert LAMPS.make("red", Size(5)) == Bulb(5, "red")
    assert LAMPS.make("mine", Size(5)) == Bulb(7)
    assert LAMPS.helps == {"bulb": "Glows", "red": "Glows in red", "mine": "Glows"}


def test_names_are_checked() -> None:
    message = "^lamp: there is no 'blub'. Did you mean 'bulb'\\? Your own: my_module"
    with pytest.raises(ConfigError, match=message):
        LAMPS.make("blub")
    some = LAMPS.only("red", "mine")
    assert list(some.rows) == ["red", "mine"]
    with pytest.raises(ConfigError, match="no 'bulb'"):
        some.make("bulb")
    closed = Table("size", None, {"small": Row.of(1, "little")})
    with pytest.raises(ConfigError, match=r"^size: there is no 'a:b'. Known: small\.$"):
        closed.make("a:b")
    with pytest.raises(ConfigError, match=r"^--size: there is no"):
        Choice(closed, "How large.").check("smal")
    with pytest.raises(ConfigError, match=r"^size: there is no"):
        Choice(closed, "How large.", positional=True).check("smal")


def test_what_is_outside_must_be_called_as_the_protocol_says(
    importable: Callable[[str, str], Path],
) -> None:
    importable("own_lamps", OUTSIDE)
    assert LAMPS.make("own_lamps:Candle", Size(5)).watts == 1  # its own defaults
    for name in ("Renamed", "Hungry", "Dark"):
        with pytest.raises(ConfigError) as error:
            LAMPS.make(f"own_lamps:{name}")
        assert str(error.value) == (
            f"own_lamps:{name} is no lamp. It needs build(self, room), "
            f"dim(self, share), and watts: see {__name__}:Lamp."
        )
    advised: Table[Lamp] = Table("lamp", Lamp, {}, advice="Give a lamp.")
    with pytest.raises(ConfigError, match=r"is no lamp\. Give a lamp\.$"):
        advised.make("own_lamps:Dark")


def test_help_lists_rows() -> None:
    assert Choice(LAMPS, "Which lamp.", default="red").help.splitlines() == [
        "Which lamp. (default: red)",
        "  bulb          Glows",
        "  red           Glows in red",
        "  mine          Glows",
        "  module:Class  Your own, importable from here",
    ]
    assert "bulb" not in Choice(LAMPS, "Which lamp.", listed=False).help


@pytest.mark.parametrize(
    "choice", [*TRAIN, *PRETRAIN], ids=lambda x: f"{x.name}-{len(x.table.rows)}"
)
def test_every_row_of_ours_has_a_line_of_its_own(choice: Any) -> None:
    lines = list(choice.table.helps.values())
    assert all(3 < len(x) <= 80 for x in lines)
    assert len(set(lines)) == len(lines)
