"""The contract of curiosity: signals of intrinsic reward, over any world model."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, runtime_checkable

from jaxtyping import Float, Float32, UInt8
from torch import Tensor, nn

from agents.curiosity.scored import Learning, Scored
from agents.policy.ppo import RewardStream
from envs.vector_env import EnvSpec
from ssl_objectives.distributed import gathered_rows
from ssl_objectives.objective import Loss
from world_models.latent_dynamics import LatentDynamics


@dataclass(frozen=True)
class Surroundings:
    """What a signal is built for.

    Attributes:
        spec: of the worlds: observations, actions, how many there are.
        belief_size: S.
        latent_size: D, of the encoder that the policy shares.
        discount: γ of the reward stream that the signal pays into.
        model: the world model, to be copied or measured; None where there is none. It
            is trained by the agent: a signal must not take it among its own modules.
        updates: gradient steps of the world model that the run will take; None where
            nobody knows.
        extrinsic: weight of the worlds' own reward beside the signal's; 0: none.
        episodic: whether the return that the signal pays into ends with an episode.
    """

    spec: EnvSpec
    belief_size: int
    latent_size: int
    discount: float
    model: LatentDynamics | None = None
    updates: int | None = None
    extrinsic: float = 1.0
    episodic: bool = True


@dataclass(frozen=True)
class IntrinsicReward:
    """The intrinsic reward of each transition: as measured, and as paid.

    Both are 0 on transitions that join two episodes. `told` is for people, and logged
    as `intrinsic/<signal>/<name>`.
    """

    raw: Float32[Tensor, "T B"]
    reward: Float32[Tensor, "T B"]
    told: Mapping[str, Float[Tensor, ""]] = field(default_factory=dict)

    def of_all_processes(self) -> "IntrinsicReward":
        """With the rewards of all envs; what is told is of all of them anyway."""
        raw, reward = gathered_rows(self.raw, 1), gathered_rows(self.reward, 1)
        return IntrinsicReward(raw, reward, self.told)


class Curiosity(nn.Module, ABC):
    """An intrinsic reward signal (novelty bonus); all its state is saved with it.

    State lies in buffers and parameters, the same in all of several processes, of which
    each is shown its own envs. What is remembered of an episode is forgotten
    at `first`: rows before it never change what is paid behind it, unless through
    weights, lifelong memories and normalisers.

    Attributes:
        needs_model: whether `Scored.model_loss` must be there.
        remembers: whether networks of its own have a memory, and learn better from
            minibatches with `Learning.past`.
        warm_up_steps: random env steps (per env) that the signal wants to see first.
        across_processes: whether several processes pay and learn what one would. For
            that, statistics and the mean of `loss` must be taken over the rows of all,
            which `ssl_objectives.distributed.gathered_rows` gives; our normalisers and
            moments do so by themselves. Signals that do not say so are refused there.
    """

    needs_model: bool = False
    remembers: bool = False
    warm_up_steps: int = 0
    across_processes: bool = False

    @abstractmethod
    def reward(self, scored: Scored) -> IntrinsicReward:
        """Reward of each fresh transition, once per rollout, without gradient."""

    def loss(self, learning: Learning) -> Loss | None:
        """What the signal itself learns from a minibatch; None if nothing.

        Each of several processes is shown its part; see `across_processes`.
        """
        return None

    def warm_up(
        self,
        obs: UInt8[Tensor, "R B C H W"],
        vector: Float32[Tensor, "R B V"] | None = None,
    ) -> None:
        """See rows of random play before training begins.

        Args:
            obs: frames.
            vector: what is observed beside them; None where there is nothing.
        """

    def after_update(self, model: LatentDynamics | None) -> None:
        """Follow a gradient step of the world model and one's own.

        Args:
            model: None where there is none, or the step was not one of its.
        """

    def settled(self) -> Mapping[str, float]:
        """What was settled for this run when it was built, to tell people."""
        return {}

    def caution(self) -> str | None:
        """Why it will be of no use in this run, in a sentence; None if it may be."""
        return None


class Signal(NamedTuple):
    """A curiosity signal, and the reward stream that it pays into."""

    curiosity: Curiosity
    stream: RewardStream


@runtime_checkable
class CuriosityConfig(Protocol):
    """Builds a curiosity signal."""

    def build(self, surroundings: Surroundings) -> Curiosity:
        """Build it."""
