import json
from dataclasses import dataclass, field, fields
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import pytest
import tyro

from experiments.config.flags import config_registry
from experiments.config.skeleton import NoSkeleton, from_skeleton, skeleton


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Inner:
    """What is inside.

    Attributes:
        rate: how fast.
    """

    rate: float = float("inf")
    # of the lid
    colour: Colour = Colour.BLUE


@dataclass(frozen=True)
class Silent:
    size: tuple[int, int] | None = (3, 4)


@dataclass(frozen=True)
class Outer:
    """All kinds of fields.

    With more than one paragraph.
    """

    where: Path = Path("here")
    """a folder,
    in two lines"""
    names: tuple[str, ...] = ("a", "b c")
    colours: tuple[Colour, ...] = (Colour.RED,)
    maybe: bool | None = None
    mode: Literal["x", 2] = 2
    any_part: Any = field(default_factory=Inner)
    """which part"""
    silent: Silent = field(default_factory=Silent)
    absent: Inner | None = None
    """a part that was not chosen"""
    flag: bool = True


def helped(config: Any, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit):
        tyro.cli(
            type(config),
            default=config,
            args=["--help"],
            prog="program",
            config=(tyro.conf.AvoidSubcommands, tyro.conf.EnumChoicesFromValues),
            registry=config_registry(),
        )
    return capsys.readouterr().out


def test_help_is_the_same_after_a_trip_through_json(
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = Outer()
    again = from_skeleton(json.loads(json.dumps(skeleton(config))))
    text = helped(config, capsys)
    assert helped(again, capsys) == text
    text = " ".join(text.replace("│", " ").split())
    for words in ("how fast", "of the lid", "a folder, in two lines", "All kinds of"):
        assert words in text
    assert "absent" not in text


def test_values_are_plain_and_the_same() -> None:
    again = from_skeleton(json.loads(json.dumps(skeleton(Outer()))))
    assert [x.name for x in fields(again)] == [
        *("where", "names", "colours", "maybe", "mode", "any_part", "silent", "flag")
    ]
    assert (again.where, again.names, again.mode) == (Path("here"), ("a", "b c"), 2)
    assert (again.any_part.rate, again.silent.size) == (float("inf"), (3, 4))
    assert [x.value for x in again.colours] == ["red"]
    assert again.any_part.colour.name == "BLUE"


@dataclass(frozen=True)
class Odd:
    table: dict[str, int] = field(default_factory=lambda: {"a": 1})


def test_a_field_of_another_kind_is_refused() -> None:
    with pytest.raises(NoSkeleton):
        skeleton(Odd())
