"""The values of a config by their flags, whatever the config is made of."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

LONG = (
    *("steps", "epochs", "episodes", "seeds", "rounds", "rollouts", "iterations"),
    *("draws", "critic_steps", "updates_per_rollout", "repeat", "retries"),
)
"""what rightly takes as long as it says, so that no case makes it large"""


def leaves(config: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """`a.b`, and its value, for all that has a flag."""
    for x in fields(config):
        value, name = getattr(config, x.name), f"{path}{x.name}"
        if is_dataclass(value) and not isinstance(value, type):
            yield from leaves(value, f"{name}.")
        else:
            yield name, value


def flag_of(path: str) -> str:
    return "--" + path.replace("_", "-")


def takes_long(path: str) -> bool:
    """Whether a large number there means much work rather than a mistake."""
    name = path.rpartition(".")[2]
    return name in LONG or name.endswith(("_steps", "_epochs", "_episodes", "steps"))


def at(config: Any, path: str) -> Any:
    for name in path.split("."):
        config = getattr(config, name)
    return config
