"""Experience: a rollout with all that learning from it needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jaxtyping import Shaped
from torch import Tensor

from world_models.belief import Carry
from world_models.context import Context
from world_models.trajectory import Trajectory


@dataclass(frozen=True)
class Experience:
    """A fresh rollout of T steps in B envs.

    Attributes:
        traj: what happened.
        carry: of row 0.
        end: the carry of row T, where the next rollout begins.
        extras: what the acting policy noted of each action, by name: PPO's actor notes
            `belief` `[T, B, S]`, `log_prob` `[T, B]` and `value` `[T, B, V]`.
        context: the transitions before row 0, where asked for and already there.
        overlap: transitions at the end that the next rollout gets as its context.
    """

    traj: Trajectory
    carry: Carry
    end: Carry
    extras: Mapping[str, Shaped[Tensor, "T B ..."]] = field(default_factory=dict)
    context: Context | None = None
    overlap: int = 0
