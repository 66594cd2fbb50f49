"""Agents from configs: which encoder, which belief, which learner."""

from dataclasses import dataclass, field
from typing import Protocol, TypeVar, runtime_checkable

import torch

from agents.actor import Actor
from agents.curiosity import Curiosity
from agents.curious_agent import CuriousAgent
from agents.policy import ActorCritic, action_embedding
from agents.ppo import PpoConfig, RewardStream
from envs.vector_env import EnvSpec, VectorEnv
from ssl_objectives.encoders.cnn import NatureConfig
from ssl_objectives.encoders.encoder import Encoder, EncoderConfig
from world_models.actions import ActionEmbedding
from world_models.belief import BeliefCore, BeliefModel, FeedForwardCore, RecurrentCore
from world_models.latent_dynamics import LatentDynamics
from world_models.replay import ReplayRing

T = TypeVar("T")


@runtime_checkable
class ModelConfig(Protocol):
    """Builds a world model around a belief model."""

    def build(self, belief: BeliefModel) -> LatentDynamics:
        """Build it."""


@runtime_checkable
class CuriosityConfig(Protocol):
    """Builds a curiosity signal for observations (C, H, W) of B envs.

    `discount` is that of the intrinsic reward stream.
    """

    def build(
        self, obs_shape: tuple[int, int, int], num_envs: int, discount: float
    ) -> Curiosity:
        """Build it."""


@runtime_checkable
class CoreConfig(Protocol):
    """Describes what an agent remembers, and of how many frames at once."""

    @property
    def num_frames(self) -> int:
        """Frames the encoder sees at once, stacked as channels."""

    def build(self, encoder: Encoder, embedding: ActionEmbedding) -> BeliefCore:
        """Build the core."""


@dataclass(frozen=True)
class RecurrentConfig:
    """Remember with a GRU over single frames and previous actions."""

    size: int = 256
    """S, units of the GRU"""
    num_frames: int = 1
    """frames the encoder sees at once"""

    def __post_init__(self) -> None:
        _check_least(self, 1, "size", "num_frames")

    def build(self, encoder: Encoder, embedding: ActionEmbedding) -> BeliefCore:
        """Build the core."""
        return RecurrentCore(encoder.size, embedding.size, self.size)


@dataclass(frozen=True)
class FrameStackConfig:
    """Remember the last few frames and nothing else (feed-forward)."""

    num_frames: int = 4
    """frames the encoder sees at once"""

    def __post_init__(self) -> None:
        _check_least(self, 1, "num_frames")

    def build(self, encoder: Encoder, embedding: ActionEmbedding) -> BeliefCore:
        """Build the core."""
        return FeedForwardCore(encoder.size)


@dataclass(frozen=True)
class ReplayConfig:
    """Model updates on past rollouts."""

    capacity: int = 0
    """rollouts kept; 0 keeps none"""
    updates_per_rollout: int = 0
    """extra world-model updates after each rollout"""

    def __post_init__(self) -> None:
        _check_least(self, 0, "capacity", "updates_per_rollout")


@dataclass(frozen=True)
class AgentConfig:
    """PPO on a belief."""

    encoder: EncoderConfig = field(default_factory=NatureConfig)
    """turns frames into latents"""
    core: CoreConfig = field(default_factory=RecurrentConfig)
    """turns latents into beliefs"""
    ppo: PpoConfig = field(default_factory=PpoConfig)
    """the learner"""
    extrinsic: RewardStream = field(
        default_factory=lambda: RewardStream(1.0, 0.999, clip=1.0)
    )
    """the world's reward; weight 0 trains on curiosity alone"""
    intrinsic: RewardStream = field(
        default_factory=lambda: RewardStream(1.0, 0.99, episodic=False)
    )
    """curiosity's reward"""
    replay: ReplayConfig = field(default_factory=ReplayConfig)
    """past rollouts for the world model"""
    model_coeff: float = 1.0
    """weight of the world model's loss beside PPO's"""
    rl_gradient: bool = True
    """let PPO's gradient reach belief core and encoder"""
    action_size: int = 32
    """E, size of an action's embedding"""
    compile: bool = False
    """torch.compile the encoder: about a minute once, then faster"""

    def __post_init__(self) -> None:
        _check_least(self, 1, "action_size")

    def build(
        self,
        env: VectorEnv,
        model: ModelConfig | None,
        curiosity: CuriosityConfig | None,
        seed: int,
    ) -> CuriousAgent:
        """Build an agent for `env`; `seed` fixes initial weights and all draws.

        Raises:
            ValueError: parts that do not fit together, or build something else than
                they should.
        """
        if self.replay.updates_per_rollout and not self.replay.capacity:
            raise ValueError(
                "--agent.replay.updates-per-rollout needs --agent.replay.capacity"
            )
        spec, signal = env.spec, None
        streams = [self.extrinsic]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            if curiosity is not None:
                streams.append(self.intrinsic)
                signal = _checked(
                    curiosity.build(
                        spec.obs_shape, spec.num_envs, self.intrinsic.discount
                    ),
                    Curiosity,
                    curiosity,
                )
            actor = self.build_actor(spec, model, len(streams))
        return CuriousAgent(
            env,
            actor.belief,
            actor.policy,
            actor.world_model,
            signal,
            streams,
            self.ppo,
            self.model_coeff,
            self.rl_gradient,
            ReplayRing(self.replay.capacity, spec.device)
            if self.replay.capacity
            else None,
            self.replay.updates_per_rollout,
            seed,
        )

    def build_actor(
        self, spec: EnvSpec, model: ModelConfig | None, num_values: int
    ) -> Actor:
        """Belief, policy and world model for worlds like `spec`, on the CPU."""
        channels, height, width = spec.obs_shape
        frames = self.core.num_frames
        shape = (frames * channels, height, width)
        encoder = _checked(self.encoder.build(shape), Encoder, self.encoder)
        embedding = action_embedding(spec.actions, self.action_size)
        core = _checked(self.core.build(encoder, embedding), BeliefCore, self.core)
        belief = BeliefModel(encoder, core, embedding, frames)
        policy = ActorCritic(belief.size, spec.actions, num_values)
        if self.compile:
            encoder.body.compile()
        if model is None:
            return Actor(policy, belief)
        return Actor(policy, _checked(model.build(belief), LatentDynamics, model))


def _checked(built: T, kind: type, config: object) -> T:
    """Refuse what a part from outside built if it cannot stand where it should."""
    if isinstance(built, kind):
        return built
    raise ValueError(
        f"{type(config).__name__}.build gave a {type(built).__name__} where a "
        f"{kind.__name__} is needed"
    )


def _check_least(config: object, least: int, *names: str) -> None:
    for name in names:
        value = getattr(config, name)
        if value < least:
            raise ValueError(f"{name} must be at least {least}, not {value}")
