"""The model's own loss as yardstick of its progress."""

from dataclasses import dataclass
from typing import final

from jaxtyping import Float32
from torch import Tensor

from agents.curiosity.progress.yardstick import Measured, Yardstick
from agents.curiosity.scored import Scored
from agents.curiosity.signal import Surroundings
from world_models.belief import Carry
from world_models.latent_dynamics import LatentDynamics
from world_models.model_loss import PREDICTION


@final
class WholeModel(Measured):
    """A world model, measured by a term of its loss.

    Args:
        model: all of it.
        term: of its loss, summed where predictions land.
    """

    def __init__(self, model: LatentDynamics, term: str) -> None:
        super().__init__()
        self.model, self.term = model, term

    def start(self, num_envs: int) -> Carry:
        """The belief's."""
        return self.model.start(num_envs)

    def told(
        self, scored: Scored, aim: Float32[Tensor, "R B F"]
    ) -> Float32[Tensor, "T B"] | None:
        """The loss that the agent has scored already."""
        if scored.model_loss is None:
            return None
        return scored.model_loss.arrival(self.term)

    def along(
        self, scored: Scored, carry: Carry, aim: Float32[Tensor, "R B F"]
    ) -> tuple[Float32[Tensor, "T B"], Carry]:
        """Score the rollout, and the context in front of it."""
        loss, carry = scored.score(self.model, carry, aim)
        return loss.arrival(self.term), carry

    def begins(self, scored: Scored) -> Carry:
        """In front of the context, where there is one."""
        context = scored.experience.context
        return scored.experience.carry if context is None else context.carry


@final
class OwnLoss(Yardstick):
    """A term of the model's own loss, of all predictions that land on a transition.

    Right for models that predict what is fixed: coordinates, pixels. Of a model that
    predicts its own latents it measures how these latents drift apart as well, which
    never ends and is no progress. Aims are those of now, for old weights too.

    Args:
        term: of the model's loss.
    """

    needs_model = True

    def __init__(self, term: str = PREDICTION) -> None:
        super().__init__()
        self.term = term

    def measured(self, model: LatentDynamics) -> WholeModel:
        """All of the model."""
        return WholeModel(model, self.term)

    def aim(
        self, now: Measured, scored: Scored, carry: Carry
    ) -> Float32[Tensor, "R B F"]:
        """The targets of now."""
        if scored.target is not None:
            return scored.target
        assert isinstance(now, WholeModel)
        traj = scored.traj
        return now.model.targets(traj, carry)


@dataclass(frozen=True)
class OwnLossConfig:
    """The model's own loss: for models that predict what is fixed."""

    term: str = PREDICTION
    """of the model's loss, that is compared"""

    def build(self, surroundings: Surroundings, model: LatentDynamics) -> OwnLoss:
        """Build it."""
        return OwnLoss(self.term)
