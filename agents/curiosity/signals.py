"""Several signals at once: their configs, their names, and how they are built."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from agents.curiosity.signal import Curiosity, CuriosityConfig, Signal, Surroundings
from agents.policy.ppo import RewardStream
from envs.vector_env import EnvSpec
from ssl_objectives.distributed import num_processes
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


def named_signals(
    curiosity: CuriosityConfig | None,
    stream: RewardStream,
    also: Sequence[SignalConfig] = (),
) -> dict[str, SignalConfig]:
    """All signals by the names they have in logs: `RndConfig` becomes `rnd`.

    A second one of the same class becomes `rnd-2`.
    """
    first = () if curiosity is None else (SignalConfig(curiosity, stream),)
    named: dict[str, SignalConfig] = {}
    for signal in (*first, *also):
        plain = type(signal.curiosity).__name__.removesuffix("Config")
        kebab = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", plain).lower()
        taken = sum(x == kebab or x.startswith(f"{kebab}-") for x in named)
        named[f"{kebab}-{taken + 1}" if taken else kebab] = signal
    return named


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
                "none: add --model byol-explore"
            )
        if num_processes() > 1 and not signal.curiosity.across_processes:
            raise ValueError(
                f"curiosity {name} does not say that several processes pay what one "
                "would (Curiosity.across_processes): start the run without torchrun"
            )
