"""Parts from outside this repository, and whether they can stand where they should."""

from inspect import signature
from typing import Any

from agents.curiosity.signal import CuriosityConfig
from envs.vector_env import WorldConfig
from experiments.config.outside import load_part
from ssl_objectives.encoders.encoder import EncoderConfig
from ssl_objectives.objective import ObjectiveConfig
from ssl_objectives.refusal import ConfigError
from world_models.belief import CoreConfig
from world_models.latent_dynamics import ModelConfig

_PROTOCOLS: dict[str, type] = {
    "world": WorldConfig,
    "agent": CoreConfig,
    "encoder": EncoderConfig,
    "model": ModelConfig,
    "objective": ObjectiveConfig,
    "curiosity": CuriosityConfig,
}


def load_outside(part: str, name: str) -> Any:
    """A part from outside, refused where it cannot stand for this part.

    Python's own check of a protocol asks for names alone, and all parts have a `build`:
    what tells them apart is what it is called with.

    Args:
        part: `world`, `agent`, `encoder`, `model`, `objective` or `curiosity`.
        name: `my_module:MyConfig`.

    Raises:
        ConfigError: it cannot be loaded, or is no such part.
    """
    config, protocol = load_part(name), _PROTOCOLS[part]
    wanted, given = _arguments(protocol), _arguments(config)
    others = [_arguments(x) for x in _PROTOCOLS.values() if x is not protocol]
    fits = len(given) == len(wanted) and (given == wanted or given not in others)
    if fits and isinstance(config, protocol):
        return config
    attributes = [x for x, y in vars(protocol).items() if isinstance(y, property)]
    more = f", and {', '.join(attributes)}" if attributes else ""
    raise ConfigError(
        f"--{part}: {name} is no {part}. It needs a method "
        f"build(self, {', '.join(wanted)}){more}: see {protocol.__module__}:"
        f"{protocol.__name__}."
    )


def _arguments(config: Any) -> list[str]:
    """What `build` must be given; nothing where there is none."""
    build = getattr(config, "build", None)
    if not callable(build):
        return []
    given = signature(build).parameters.values()
    return [x.name for x in given if x.default is x.empty and x.name != "self"]
