"""Numbers and texts that no field of any config means."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from ssl_objectives.refusal import ConfigError

MOST = 2**63
"""what no machine counts to: beyond it, C cannot"""


def check_numbers(config: Any) -> None:
    """Refuse what is no number, what is too large to count, and text with NUL in it.

    Parts look after the ranges of their own numbers. But NaN is neither below a bound
    nor above it, so that it would pass each of them.

    Raises:
        ConfigError: names the first flag.
    """
    for path, value in _leaves(config, ""):
        flag = "--" + path.replace("_", "-")
        if isinstance(value, float) and math.isnan(value):
            raise ConfigError(f"{flag} must be a number, not {value}.")
        if isinstance(value, int) and not -MOST <= value < MOST:
            raise ConfigError(f"{flag} must be a number below 2^63, not a larger one.")
        if isinstance(value, str | Path) and "\0" in str(value):
            raise ConfigError(f"{flag} must not contain NUL characters.")


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if is_dataclass(value) and not isinstance(value, type):
        for x in fields(value):
            name = f"{path}.{x.name}" if path else x.name
            yield from _leaves(getattr(value, x.name), name)
    elif isinstance(value, tuple | list):
        for x in value:
            yield from _leaves(x, path)
    elif isinstance(value, Mapping):
        for x in value.values():
            yield from _leaves(x, path)
    else:
        yield path, value
