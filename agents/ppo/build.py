"""Builds PPO agents from configs: encoder, belief, PPO, reward streams, replay."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch

from agents.agent_config import Levers
from agents.at_least import check_least
from agents.compiling import compile_encoders
from agents.curiosity.signal import CuriosityConfig
from agents.curiosity.signals import SignalConfig, build_signal, named_signals
from agents.policy.actor_critic import ActorCritic
from agents.policy.ppo import PpoConfig, RewardStream
from agents.ppo.actor import Actor
from agents.ppo.agent import PpoAgent
from agents.ppo.head_start import HeadStartConfig
from agents.ppo.replaying import Replaying
from agents.seeds import Seeds
from envs.vector_env import EnvSpec, VectorEnv
from ssl_objectives.distributed import num_processes
from ssl_objectives.encoders.cnn import NatureConfig
from ssl_objectives.encoders.encoder import EncoderConfig
from world_models.belief import build_belief, checked
from world_models.cores.core import CoreConfig
from world_models.cores.recurrent import RecurrentConfig
from world_models.data.replay import ReplayBuffer
from world_models.latent_dynamics import LatentDynamics
from world_models.model_config import ModelConfig
from world_models.vector_encoder import VectorEncoderConfig


@dataclass(frozen=True)
class ReplayConfig:
    """Experience replay for the world model: more updates, on past rollouts."""

    capacity: int = 0
    """rollouts kept; 0 keeps none"""
    updates_per_rollout: int = 0
    """extra world-model updates after each rollout"""
    burn_in: int = 4
    """steps in front of each replayed window that only bring its memory up to date"""

    def __post_init__(self) -> None:
        check_least(self, 0, "capacity", "updates_per_rollout", "burn_in")


@dataclass(frozen=True)
class PpoAgentConfig:
    """A PPO agent on beliefs: encoder, core, learner, reward streams, replay."""

    encoder: EncoderConfig | VectorEncoderConfig = field(default_factory=NatureConfig)
    """turns frames, or the vector beside them, into latents"""
    core: CoreConfig = field(default_factory=RecurrentConfig)
    """turns latents into beliefs"""
    ppo: PpoConfig = field(default_factory=PpoConfig)
    """the learner"""
    extrinsic: RewardStream = field(
        default_factory=lambda: RewardStream(1.0, 0.99, clip=10.0, normalize=True)
    )
    """the world's reward; weight 0 trains on curiosity alone"""
    intrinsic: RewardStream = field(
        default_factory=lambda: RewardStream(1.0, 0.99, episodic=False)
    )
    """curiosity's reward"""
    replay: ReplayConfig = field(default_factory=ReplayConfig)
    """past rollouts for the world model"""
    head_start: HeadStartConfig = field(default_factory=HeadStartConfig)
    """rollouts in front that teach the world model alone"""
    model_coeff: float = 1.0
    """weight of the world model's loss beside PPO's"""
    rl_gradient: bool = True
    """let PPO's gradient reach belief core and encoder"""
    action_size: int = 32
    """E, size of an action's embedding"""
    compile: bool = False
    """torch.compile the encoder: a minute once; on a CPU few gain by it"""

    def __post_init__(self) -> None:
        check_least(self, 1, "action_size")

    @property
    def num_steps(self) -> int:
        """T, env steps per env and rollout."""
        return self.ppo.num_steps

    @property
    def name(self) -> str:
        """What moves the agent where no curiosity does."""
        return "Ppo"

    @property
    def fixed(self) -> Sequence[str]:
        """Fields that networks and the shape of what is saved depend on."""
        return "encoder", "core", "action_size", "ppo.num_steps", "replay.capacity"

    @property
    def slower(self) -> str:
        """A fifth of the learning rate."""
        return f"--agent.ppo.learning-rate {self.ppo.learning_rate / 5:g}"

    @property
    def levers(self) -> Levers:
        """See `AgentConfig.levers`."""
        return Levers(
            "--num-envs or --agent.ppo.num-steps",
            "--num-envs, or raise --agent.ppo.num-minibatches",
            "--agent.replay.capacity",
        )

    def uncompiled(self) -> "PpoAgentConfig":
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
    ) -> PpoAgent:
        """Build an agent for `env`; see `AgentConfig.build`.

        Raises:
            ValueError: parts that do not fit together, or build something else than
                they should.
        """
        if self.replay.updates_per_rollout and not self.replay.capacity:
            raise ValueError(
                "--agent.replay.updates-per-rollout needs --agent.replay.capacity"
            )
        wanted = named_signals(curiosity, self.intrinsic, also)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(Seeds.of(seed).weights)
            actor = self.build_player(env.spec, model, len(wanted))
            num_envs = num_processes() * env.spec.num_envs
            updates = self._updates(num_envs, env_steps)
            signals = {
                name: build_signal(
                    x,
                    env.spec,
                    actor.belief,
                    actor.world_model,
                    updates,
                    self.extrinsic.weight,
                )
                for name, x in wanted.items()
            }
        replay = None
        if self.replay.capacity:
            replay = Replaying(
                ReplayBuffer(self.replay.capacity, env.spec.device),
                self.replay.updates_per_rollout,
                self.replay.burn_in,
            )
        return PpoAgent(
            env,
            actor,
            self.extrinsic,
            signals,
            self.ppo,
            self.model_coeff,
            self.rl_gradient,
            replay,
            self.head_start,
            seed,
        )

    def build_player(
        self, spec: EnvSpec, model: ModelConfig | None, num_signals: int
    ) -> Actor:
        """Belief, policy and world model for worlds like `spec`, on the CPU."""
        belief = build_belief(
            self.encoder,
            self.core,
            spec.obs_shape,
            spec.actions,
            self.action_size,
            spec.vector_size,
        )
        policy = ActorCritic(belief.size, spec.actions, 1 + num_signals)
        built = None
        if model is not None:
            built = checked(model.build(belief), LatentDynamics, model)
        actor = Actor(policy, belief if built is None else built)
        if self.compile:
            compile_encoders(actor)
        return actor

    def _updates(self, num_envs: int, env_steps: int | None) -> int | None:
        """Gradient steps of a whole run, those on past rollouts included."""
        if env_steps is None:
            return None
        rollouts = -(-env_steps // (num_envs * self.num_steps))
        early = min(rollouts, self.head_start.rollouts)
        passes = (rollouts - early) * self.ppo.num_epochs
        passes += early * self.head_start.epochs
        fresh = passes * self.ppo.num_minibatches
        return fresh + rollouts * self.replay.updates_per_rollout
