"""Builds off-policy agents from configs: policy, belief, streams, replay."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch

from agents.agent_config import Levers
from agents.at_least import check_least
from agents.compiling import compile_encoders
from agents.curiosity.signal import CuriosityConfig
from agents.curiosity.signals import SignalConfig, build_signal, named_signals
from agents.off_policy.agent import OffPolicyAgent
from agents.off_policy.player import OffPolicyPlayer
from agents.off_policy.study import StudyConfig
from agents.policy.dqn import DqnConfig
from agents.policy.off_policy import OffPolicy, OffPolicyConfig
from agents.policy.ppo import RewardStream
from agents.seeds import Seeds
from envs.vector_env import EnvSpec, VectorEnv
from ssl_objectives.encoders.cnn import NatureConfig
from ssl_objectives.encoders.encoder import EncoderConfig
from world_models.belief import build_belief, checked
from world_models.cores.core import CoreConfig
from world_models.cores.recurrent import RecurrentConfig
from world_models.latent_dynamics import LatentDynamics
from world_models.model_config import ModelConfig
from world_models.vector_encoder import VectorEncoderConfig


@dataclass(frozen=True)
class OffPolicyAgentConfig:
    """A policy that acts, a world model with curiosity that looks on, one replay."""

    encoder: EncoderConfig | VectorEncoderConfig = field(default_factory=NatureConfig)
    """turns frames into the world model's latents"""
    core: CoreConfig = field(default_factory=RecurrentConfig)
    """turns latents into the world model's beliefs"""
    policy: OffPolicyConfig = field(default_factory=DqnConfig)
    """who acts"""
    study: StudyConfig = field(default_factory=StudyConfig)
    """how world model and curiosity learn"""
    extrinsic: RewardStream = field(
        default_factory=lambda: RewardStream(1.0, 0.99, clip=10.0, normalize=True)
    )
    """the world's reward; weight 0 trains on curiosity alone"""
    intrinsic: RewardStream = field(
        default_factory=lambda: RewardStream(1.0, 0.99, episodic=False)
    )
    """curiosity's reward"""
    num_steps: int = 40
    """T, env steps per env and rollout"""
    action_size: int = 32
    """E, size of an action's embedding in the world model"""
    compile: bool = False
    """torch.compile the encoders: a minute once; on a CPU few gain by it"""

    def __post_init__(self) -> None:
        check_least(self, 1, "num_steps", "action_size")

    @property
    def name(self) -> str:
        """Who acts."""
        return type(self.policy).__name__.removesuffix("Config")

    @property
    def fixed(self) -> Sequence[str]:
        """Fields that networks and the shape of what is saved depend on."""
        own = (
            "encoder",
            "core",
            "num_steps",
            "action_size",
            "study.capacity",
        )
        parts = ("encoder", "core", "hidden", "action_size")
        learned = (x for x in parts if hasattr(self.policy, x))
        return (*own, *(f"policy.{x}" for x in learned))

    @property
    def slower(self) -> str:
        """A fifth of all learning rates."""
        flags = [f"--agent.study.learning-rate {self.study.learning_rate / 5:g}"]
        rate = getattr(self.policy, "learning_rate", None)
        if rate is not None:
            flags.append(f"--agent.policy.learning-rate {rate / 5:g}")
        return " ".join(flags)

    @property
    def levers(self) -> Levers:
        """See `AgentConfig.levers`."""
        return Levers(
            "--num-envs or --agent.num-steps",
            "--agent.study.batch or --num-envs",
            "--agent.study.capacity or --num-envs",
        )

    def uncompiled(self) -> "OffPolicyAgentConfig":
        """The same without torch.compile."""
        return replace(self, compile=False)

    def build(
        self,
        env: VectorEnv,
        model: ModelConfig | None = None,
        curiosity: CuriosityConfig | None = None,
        seed: int = 0,
        also: Sequence[SignalConfig] = (),
        env_steps: int | None = None,
    ) -> OffPolicyAgent:
        """Build an agent for `env`; see `AgentConfig.build`.

        Raises:
            ValueError: parts that do not fit together, or build something else than
                they should.
        """
        wanted = named_signals(curiosity, self.intrinsic, also)
        spec, updates = env.spec, self._updates(env.spec.num_envs, env_steps)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(Seeds.of(seed).weights)
            # in this order: whoever acts, model and signals begin alike
            world_model = self._build_model(spec, model)
            belief = None if world_model is None else world_model.belief
            signals = {
                name: build_signal(
                    x, spec, belief, world_model, updates, self.extrinsic.weight
                )
                for name, x in wanted.items()
            }
            player = self._build_player(spec, world_model)
        return OffPolicyAgent(
            env, player, self.extrinsic, signals, self.study, self.num_steps, seed
        )

    def build_player(
        self, spec: EnvSpec, model: ModelConfig | None, num_signals: int
    ) -> OffPolicyPlayer:
        """Policy and world model for worlds like `spec`, on the CPU."""
        return self._build_player(spec, self._build_model(spec, model))

    def _build_model(
        self, spec: EnvSpec, model: ModelConfig | None
    ) -> LatentDynamics | None:
        if model is None:
            return None
        belief = build_belief(
            self.encoder,
            self.core,
            spec.obs_shape,
            spec.actions,
            self.action_size,
            spec.vector_size,
        )
        return checked(model.build(belief), LatentDynamics, model)

    def _build_player(
        self, spec: EnvSpec, model: LatentDynamics | None
    ) -> OffPolicyPlayer:
        policy = self.policy.build(spec, self.study.learning_starts)
        player = OffPolicyPlayer(checked(policy, OffPolicy, self.policy), model)
        if self.compile:
            compile_encoders(player)
        return player

    def _updates(self, num_envs: int, env_steps: int | None) -> int | None:
        """Gradient steps of model and signals in a whole run."""
        if env_steps is None:
            return None
        each = num_envs * self.num_steps
        rollouts = -(-env_steps // each)
        waiting = max(1, -(-self.study.learning_starts // each)) - 1
        return max(0, rollouts - waiting) * self.study.updates_per_rollout
