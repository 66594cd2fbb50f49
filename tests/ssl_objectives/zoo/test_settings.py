"""Whatever is said of an objective is heard: no field is lost between config and part.

Each number of each row's config is changed alone, and what is built must differ. Which
number means what is tested beside each objective.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import fields, replace
from enum import Enum
from typing import Any

import torch

from ssl_objectives.check.views import sizes
from ssl_objectives.zoo import ZOO

SIZES = replace(sizes(8), rows=200)  # more than any row of the zoo has clusters


def held(x: Any) -> Any:
    """All that an object holds, with equal objects giving equal trees."""
    if isinstance(x, torch.Tensor):
        return tuple(x.shape), x.detach().numpy().tobytes()
    if isinstance(x, Mapping):
        return [(repr(name), held(y)) for name, y in x.items() if "hook" not in name]
    if isinstance(x, list | tuple | set | frozenset):
        return [held(y) for y in x]
    plain = x is None or isinstance(x, str | int | float | Enum)
    if plain or not hasattr(x, "__dict__"):
        return repr(x)
    cells = [y.cell_contents for y in getattr(x, "__closure__", None) or ()]
    name = getattr(x, "__qualname__", type(x).__qualname__)
    return name, held(cells), held(vars(x))


def built(config: Any) -> Any:
    torch.manual_seed(0)
    return held(config.build(SIZES))


def others(value: Any) -> Iterator[Any]:
    """Values near it; not all of them make sense."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value + 1, value - 1, value + 4)
    elif isinstance(value, float):
        yield from (0.9 * value or 0.1, value + 0.05)


def changed(config: Any, name: str) -> Any:
    """What is built with another value of a field; None where that is no number."""
    for value in others(getattr(config, name)):
        with suppress(ValueError):
            return built(replace(config, **{name: value}))
    return None


def test_every_number_of_a_config_reaches_what_it_builds() -> None:
    asked: set[tuple[str, str]] = set()
    heard: set[tuple[str, str]] = set()
    for config in {repr(x.objective): x.objective for x in ZOO.values()}.values():
        usual, name = built(config), type(config).__name__
        for field in fields(config):  # type: ignore[arg-type]  # a dataclass
            other = changed(config, field.name)
            if other is not None:
                asked.add((name, field.name))
                heard |= {(name, field.name)} if other != usual else set()
    assert asked == heard
    assert len(asked) > 60
