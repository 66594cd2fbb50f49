"""Model updates on past rollouts, behind those on each fresh one."""

from dataclasses import dataclass

from world_models.data.replay import ReplayBuffer


@dataclass(frozen=True)
class Replaying:
    """A replay buffer, and how a world model learns from it.

    Attributes:
        buffer: past rollouts.
        updates: per rollout.
        burn_in: steps in front of each window that only bring its memory up to date.
    """

    buffer: ReplayBuffer
    updates: int = 0
    burn_in: int = 0
