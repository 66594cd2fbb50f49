"""Builds companions from configs: signals, world model, how they learn."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from agents.at_least import check_least
from agents.beside.companion import Companion
from agents.curiosity.signal import CuriosityConfig
from agents.curiosity.signals import (
    SignalConfig,
    build_signal,
    check_config,
    named_signals,
)
from agents.off_policy.study import StudyConfig
from agents.policy.ppo import RewardStream
from agents.seeds import Seeds
from envs.vector_env import EnvSpec
from ssl_objectives.distributed import num_processes
from ssl_objectives.encoders.cnn import NatureConfig
from ssl_objectives.encoders.encoder import EncoderConfig
from ssl_objectives.refusal import ConfigError
from world_models.belief import build_belief, checked
from world_models.cores.core import CoreConfig
from world_models.cores.recurrent import RecurrentConfig
from world_models.latent_dynamics import LatentDynamics
from world_models.model_config import ModelConfig
from world_models.vector_encoder import VectorEncoderConfig

_ROWS = 256  # transitions of a batch, if nobody says


@dataclass(frozen=True)
class CompanionConfig:
    """Signals for an agent that is not ours, and the world model that they look at."""

    curiosity: CuriosityConfig
    """what is found interesting"""
    model: ModelConfig | None = None
    """what is predicted, for signals that want it"""
    also: Sequence[SignalConfig] = ()
    """further signals"""
    stream: RewardStream = field(default_factory=lambda: RewardStream(1.0, 0.99))
    """weight and clipping of what is paid; its discount is that of the scale"""
    encoder: EncoderConfig | VectorEncoderConfig = field(default_factory=NatureConfig)
    """turns frames into the world model's latents"""
    core: CoreConfig = field(default_factory=RecurrentConfig)
    """turns latents into its beliefs"""
    num_steps: int = 128
    """T, steps per env between two times that it learns, where it is shown steps"""
    study: StudyConfig | None = None
    """how it learns; None: 16 steps on 256 transitions each of the latest rollout"""
    action_size: int = 32
    """E, size of an action's embedding"""

    def __post_init__(self) -> None:
        check_least(self, 1, "num_steps", "action_size")
        check_config(self.curiosity)
        if not all(isinstance(x, SignalConfig) for x in self.also):
            raise ConfigError(
                "Further signals are SignalConfig(config, stream): "
                "also=[SignalConfig(RndConfig())]."
            )

    def build(
        self,
        spec: EnvSpec,
        seed: int = 0,
        updates: int | None = None,
        extrinsic: float = 1.0,
    ) -> Companion:
        """Build it for worlds like these, on their device.

        Args:
            spec: of the worlds.
            seed: of initial weights and of all draws.
            updates: gradient steps that it will take, where they are known.
            extrinsic: weight that the worlds' own reward has for the agent.

        Raises:
            ValueError: parts that do not fit together, or several processes.
        """
        if num_processes() > 1:
            raise ValueError(
                "a companion of another agent learns in one process alone: start "
                "without torchrun"
            )
        seeds = Seeds.of(seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seeds.weights)
            model = self._build_model(spec)
            belief = None if model is None else model.belief
            signals = {
                name: build_signal(x, spec, belief, model, updates, extrinsic)
                for name, x in named_signals(
                    self.curiosity, self.stream, self.also
                ).items()
            }
        study = self.study or _of_the_latest(model)
        return Companion(spec, model, signals, study, seeds.minibatches)

    def _build_model(self, spec: EnvSpec) -> LatentDynamics | None:
        if self.model is None:
            return None
        belief = build_belief(
            self.encoder,
            self.core,
            spec.obs_shape,
            spec.actions,
            self.action_size,
            spec.vector_size,
        )
        return checked(self.model.build(belief), LatentDynamics, self.model)


def _of_the_latest(model: LatentDynamics | None) -> StudyConfig:
    """As our PPO agent learns: from the latest rollout, every transition some times."""
    horizon = 1 if model is None else model.horizon
    return StudyConfig(
        capacity=1,
        learning_starts=0,
        updates_per_rollout=16,
        batch=max(1, _ROWS // horizon),
        max_grad_norm=0.5,
    )
