"""How signals with networks of their own see: other eyes in their place."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from agents.curiosity.sight import FramesConfig, NumbersConfig
from ssl_objectives.encoders.encoder import EncoderConfig
from world_models.vector_encoder import VectorMlpConfig

C = TypeVar("C")

_PARTS = ("dynamics", "novelty")
"""parts of signals that have eyes"""


def seen_by(signal: C, sees: Callable[[int], EncoderConfig]) -> C:
    """A signal's config with other encoders, those of its parts included.

    Args:
        signal: None, or one without such networks, is given back itself.
        sees: an encoder by its size D: each stays as large as it was.
    """

    def eye(name: str, value: Any) -> Any:
        return sees(value.size) if _is_eye(name, value) else value

    return _changed(signal, (*_PARTS, "yardstick"), eye)


def told_by_numbers(signal: C, sees: Callable[[int], VectorMlpConfig]) -> C:
    """A signal's config that reads the vector in place of frames, parts included.

    Yardsticks of learning progress stay: they read the vector that there is.

    Args:
        signal: None, or one that reads no frames, is given back itself.
        sees: an encoder by its size D: each stays as large as it was.
    """

    def eye(name: str, value: Any) -> Any:
        if isinstance(value, FramesConfig):
            return NumbersConfig()
        return sees(value.size) if _is_eye(name, value) else value

    return _changed(signal, _PARTS, eye)


def _changed(config: C, parts: tuple[str, ...], change: Callable[[str, Any], Any]) -> C:
    """With fields, and those of parts, changed; itself where none is."""
    if not is_dataclass(config):
        return config
    changed: dict[str, Any] = {}
    for name in (x.name for x in fields(config)):
        value = getattr(config, name)
        other = _changed(value, parts, change) if name in parts else change(name, value)
        if other is not value:
            changed[name] = other
    return replace(config, **changed) if changed else config  # type: ignore[type-var]  # a dataclass


def _is_eye(name: str, value: object) -> bool:
    return (
        name == "encoder"
        and isinstance(value, EncoderConfig)
        and hasattr(value, "size")
    )
