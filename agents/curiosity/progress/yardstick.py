"""By which loss old weights and new ones are compared: the contract."""

from abc import ABC, abstractmethod
from typing import Protocol, runtime_checkable

from jaxtyping import Float32
from torch import Tensor, nn

from agents.curiosity.scored import Learning, Scored
from agents.curiosity.signal import Surroundings
from ssl_objectives.objective import Loss
from world_models.belief import Carry
from world_models.latent_dynamics import LatentDynamics
from world_models.trajectory import Trajectory


class Measured(nn.Module, ABC):
    """The weights that are compared: those of now, or an old copy of them.

    Holds what a yardstick reads of a model and nothing else, since all of it is copied.
    """

    @abstractmethod
    def start(self, num_envs: int) -> Carry:
        """The carry before the first row of all."""

    @abstractmethod
    def told(
        self, scored: Scored, aim: Float32[Tensor, "R B F"]
    ) -> Float32[Tensor, "T B"] | None:
        """Loss on each transition, from what the agent knows of a rollout already.

        Of the agent's own model, without another pass. None where it knows too little.
        """

    @abstractmethod
    def along(
        self, scored: Scored, carry: Carry, aim: Float32[Tensor, "R B F"]
    ) -> tuple[Float32[Tensor, "T B"], Carry]:
        """The same by a pass over the rollout, and the carry for the rollout behind."""

    def begins(self, scored: Scored) -> Carry:
        """The carry of the agent's model, where a pass begins."""
        return scored.experience.carry


class Yardstick(nn.Module, ABC):
    """What the loss is that old weights and new ones are compared by.

    On one rollout both are measured alike, by one `aim`.

    Attributes:
        needs_model: whether `Scored.model_loss` must be there.
    """

    needs_model: bool = False

    @abstractmethod
    def measured(self, model: LatentDynamics) -> Measured:
        """What of a model (and of the yardstick's own networks) is compared."""

    @abstractmethod
    def aim(
        self, now: Measured, scored: Scored, carry: Carry
    ) -> Float32[Tensor, "R B F"]:
        """What is to be predicted, of rows 0 … T or of transitions 0 … T-1.

        Args:
            now: the weights of now.
            scored: a rollout.
            carry: of its first row, in a pass of theirs.
        """

    def watch(self, traj: Trajectory) -> None:
        """Take statistics of a rollout; not any more once old weights are compared."""

    def loss(self, now: Measured, learning: Learning) -> Loss | None:
        """What networks of its own learn from a minibatch; None if there are none.

        Args:
            now: the weights of now.
            learning: the minibatch; a belief in it is theirs.
        """
        return None


@runtime_checkable
class YardstickConfig(Protocol):
    """Builds a yardstick."""

    def build(self, surroundings: Surroundings, model: LatentDynamics) -> Yardstick:
        """Build it for these worlds, and for a model that is to be measured."""
