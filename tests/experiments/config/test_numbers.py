"""Numbers and texts that no field means."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from experiments.config.numbers import check_numbers
from ssl_objectives.refusal import ConfigError


@dataclass(frozen=True)
class Part:
    rate: float = 0.5
    sizes: tuple[int, ...] = (1, 2)
    name: str | None = None


@dataclass(frozen=True)
class Whole:
    part_of_it: Part = field(default_factory=Part)
    steps: int = 3
    out: Path = Path("x")
    on: bool = True


@pytest.mark.parametrize(
    ("config", "flag"),
    [
        (Whole(Part(rate=float("nan"))), "--part-of-it.rate must be a number, not nan"),
        (Whole(steps=2**63), "--steps must be a number below 2^63"),
        (Whole(steps=-(2**63) - 1), "--steps must be a number below 2^63"),
        (Whole(Part(sizes=(1, 2**70))), "--part-of-it.sizes must be a number below"),
        (Whole(out=Path("a\0b")), "--out must not contain NUL"),
        (Whole(Part(name="\0")), "--part-of-it.name must not contain NUL"),
    ],
)
def test_what_no_part_means_is_refused(config: Any, flag: str) -> None:
    with pytest.raises(ConfigError) as refused:
        check_numbers(config)
    assert str(refused.value).startswith(flag)


def test_all_else_is_left_to_the_parts() -> None:
    check_numbers(Whole(Part(float("inf"), (-1, 2**63 - 1), "ä"), -5))
