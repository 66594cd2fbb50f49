"""Several signals at once: their configs, their names, and how they are built."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.curiosity.signal import Curiosity, CuriosityConfig, Signal, Surroundings
from agents.policy.ppo import RewardStream
from envs.vector_env import EnvSpec
from ssl_objectives.distributed import num_processes
from ssl_objectives.refusal import ConfigError
from world_models.belief import BeliefModel, checked
from world_models.latent_dynamics import LatentDynamics


@dataclass(frozen=True)
class SignalConfig:
    """A further curiosity signal, with a reward stream of its own."""

    curiosity: CuriosityConfig
    """what it finds interesting"""
    stream: RewardStream = field(
        default_factory=lambda: RewardStream(1.0, 0.99, episodic=False)
    )
    """how its reward counts"""

    def __post_init__(self) -> None:
        check_config(self.curiosity)
        if not isinstance(self.stream, RewardStream):
            raise ConfigError(
                "A signal's stream is a RewardStream(weight, discount), not "
                f"{self.stream!r}."
            )


def check_config(config: Any) -> None:
    """Pass if this says what is found interesting, as `RndConfig()` does.

    Raises:
        ConfigError: it is something else.
    """
    if isinstance(config, CuriosityConfig) and not isinstance(config, type):
        return
    told, cure = repr(config), "give a config, such as RndConfig()"
    if isinstance(config, type):
        told, cure = f"the class {config.__name__}", f"make one: {config.__name__}()"
    elif isinstance(config, list | tuple):
        told = "several"
        cure = (
            "further ones are CompanionConfig(first, also=[SignalConfig(second)]), or "
            "a sum is WeightedSumConfig((WeightedConfig(first), …))"
        )
    raise ConfigError(f"A signal of curiosity cannot be {told}: {cure}.")


def check_weight(name: str, weight: Any) -> None:
    """Pass if it is a finite number.

    Raises:
        ConfigError: it is none.
    """
    if not isinstance(weight, int | float) or not math.isfinite(weight):
        raise ConfigError(f"{name} must be a finite number, not {weight!r}.")


def names_of(configs: Sequence[CuriosityConfig]) -> tuple[str, ...]:
    """Names for logs: `RndConfig` becomes `rnd`, a second one of its class `rnd-2`."""
    names: list[str] = []
    for config in configs:
        plain = type(config).__name__.removesuffix("Config")
        kebab = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", plain).lower()
        taken = sum(x == kebab or x.startswith(f"{kebab}-") for x in names)
        names.append(f"{kebab}-{taken + 1}" if taken else kebab)
    return tuple(names)


def named_signals(
    curiosity: CuriosityConfig | None,
    stream: RewardStream,
    also: Sequence[SignalConfig] = (),
) -> dict[str, SignalConfig]:
    """All signals by the names they have in logs: see `names_of`."""
    first = () if curiosity is None else (SignalConfig(curiosity, stream),)
    every = (*first, *also)
    names = names_of([x.curiosity for x in every])
    return dict(zip(names, every, strict=True))


def build_signal(
    config: SignalConfig,
    spec: EnvSpec,
    belief: BeliefModel | None,
    model: LatentDynamics | None,
    updates: int | None = None,
    extrinsic: float = 1.0,
) -> Signal:
    """A signal for the worlds of `spec`, and for an agent with these, on the CPU.

    Args:
        config: what it finds interesting, and the stream that it pays into.
        spec: of the worlds.
        belief: gives the beliefs that it reads; None where there are none.
        model: the world model, if there is one.
        updates: gradient steps of the model that the run will take, where known.
        extrinsic: weight of the worlds' own reward.

    Raises:
        ValueError: the config builds something else.
    """
    surroundings = Surroundings(
        spec,
        0 if belief is None else belief.size,
        0 if belief is None else belief.encoder.size,
        config.stream.discount,
        model,
        updates,
        extrinsic,
        config.stream.episodic,
    )
    built = config.curiosity.build(surroundings)
    return Signal(checked(built, Curiosity, config.curiosity), config.stream)


def check_signals_fit(
    signals: Mapping[str, Signal], model: LatentDynamics | None
) -> None:
    """Refuse signals that pay what a model measures, where there is none.

    And where there are several processes those that do not say that they work there.

    Raises:
        ValueError: names the first of them.
    """
    for name, signal in signals.items():
        if model is None and signal.curiosity.needs_model:
            raise ValueError(
                f"curiosity {name} pays what a world model measures, and there is "
                "none: add --model byol-explore (in Python a world model, such as "
                "model=byol_explore())"
            )
        if num_processes() > 1 and not signal.curiosity.across_processes:
            raise ValueError(
                f"curiosity {name} does not say that several processes pay what one "
                "would (Curiosity.across_processes): start the run without torchrun"
            )
