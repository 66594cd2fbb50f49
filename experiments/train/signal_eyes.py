"""How signals with networks of their own see: another encoder in their place."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from ssl_objectives.encoders.encoder import EncoderConfig

C = TypeVar("C")

_PARTS = ("dynamics", "novelty", "yardstick")
"""parts of signals that have encoders"""


def seen_by(signal: C, sees: Callable[[int], EncoderConfig]) -> C:
    """A signal's config with other encoders, those of its parts included.

    Args:
        signal: None, or one without such networks, stays as it is.
        sees: an encoder by its size D: each stays as large as it was.
    """
    changed: dict[str, Any] = {}
    for name, value in _fields(signal).items():
        if name in _PARTS:
            changed[name] = seen_by(value, sees)
        elif _is_eye(name, value):
            changed[name] = sees(value.size)
    return replace(signal, **changed) if changed else signal  # type: ignore[type-var]  # a dataclass


def sees(signal: object) -> bool:
    """Whether a signal's config has an encoder, or a part of it has."""
    return any(
        _is_eye(name, value) or (name in _PARTS and sees(value))
        for name, value in _fields(signal).items()
    )


def _fields(config: object) -> dict[str, Any]:
    if not is_dataclass(config):
        return {}
    return {x.name: getattr(config, x.name) for x in fields(config)}


def _is_eye(name: str, value: object) -> bool:
    return (
        name == "encoder"
        and isinstance(value, EncoderConfig)
        and hasattr(value, "size")
    )
