"""The contract of agents' configs: what builds an agent, and what a run asks of it."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from agents.agent import Agent
from agents.curiosity.signal import CuriosityConfig
from agents.curiosity.signals import SignalConfig
from agents.player import Player
from agents.policy.ppo import RewardStream
from envs.vector_env import EnvSpec, VectorEnv
from ssl_objectives.encoders.encoder import EncoderConfig
from world_models.cores.core import CoreConfig
from world_models.model_config import ModelConfig
from world_models.vector_encoder import VectorEncoderConfig


class Levers(NamedTuple):
    """What to lower, in the words of a command line, where memory does not suffice."""

    rollout: str
    activations: str
    replay: str


@runtime_checkable
class AgentConfig(Protocol):
    """Describes how an agent perceives, acts and learns: a dataclass."""

    @property
    def num_steps(self) -> int:
        """T, env steps per env and rollout."""

    @property
    def encoder(self) -> EncoderConfig | VectorEncoderConfig:
        """How the world model sees, and a policy that shares its beliefs."""

    @property
    def core(self) -> CoreConfig:
        """What they remember."""

    @property
    def extrinsic(self) -> RewardStream:
        """How the world's own reward counts."""

    @property
    def intrinsic(self) -> RewardStream:
        """How the reward of the first signal counts."""

    @property
    def name(self) -> str:
        """What moves the agent, for the names of runs: `Ppo`."""

    @property
    def fixed(self) -> Sequence[str]:
        """Its fields that cannot change when a run goes on, as paths: `ppo.clip`."""

    @property
    def slower(self) -> str:
        """Flags with which it learns more slowly: the remedy of a run that diverged."""

    @property
    def levers(self) -> Levers:
        """Flags that lower what a run takes of memory."""

    def uncompiled(self) -> "AgentConfig":
        """The same without torch.compile."""

    def build(
        self,
        env: VectorEnv,
        model: ModelConfig | None = None,
        curiosity: CuriosityConfig | None = None,
        seed: int = 0,
        also: Sequence[SignalConfig] = (),
        env_steps: int | None = None,
    ) -> Agent:
        """Build an agent for `env`; `seed` fixes initial weights and all draws.

        Args:
            env: the worlds.
            model: what it predicts.
            curiosity: what it finds interesting, paid into the stream `intrinsic`.
            seed: of the whole run.
            also: further signals, each with a stream of its own.
            env_steps: the run's budget, where it is known: some signals forget at a
                pace that follows from it.

        Raises:
            ValueError: parts that do not fit together, or build something else than
                they should.
        """

    def build_player(
        self, spec: EnvSpec, model: ModelConfig | None, num_signals: int
    ) -> Player:
        """What a checkpoint's `actor` is loaded into, on the CPU.

        Args:
            spec: of worlds like those that it was trained in.
            model: what it predicts.
            num_signals: how many pay it beside the world.
        """
