"""What came before a rollout, handed on across the seam."""

from dataclasses import dataclass

from world_models.belief import Carry
from world_models.trajectory import Trajectory


@dataclass(frozen=True)
class Context:
    """The K-1 transitions before a rollout, with the carry before the first of them.

    Predictions made there land in the rollout: with them, its first transitions earn as
    many prediction losses as all others.
    """

    traj: Trajectory
    carry: Carry
