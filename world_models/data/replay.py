"""The replay buffer: past rollouts in a ring, for more model updates per env step."""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Int64
from torch import Tensor

from world_models.belief import Carry
from world_models.trajectory import Trajectory


class ReplayBuffer:
    """A ring of the latest `capacity` rollouts `[T, B]`, with carries; frames uint8.

    A window is a rollout as it was collected: rows stay in order, and each env's column
    begins with the carry it really had, so no seam is ever invented. Memory is
    allocated at the first `add` and never grows.

    Args:
        capacity: windows kept.
        device: where a loaded state is put; None leaves it where it was saved to.
    """

    def __init__(self, capacity: int, device: torch.device | str | None = None) -> None:
        if capacity < 1:
            raise ValueError(f"replay capacity must be at least 1, not {capacity}")
        self.capacity, self.device = capacity, device
        self.num_added = 0
        self._rows: dict[str, Tensor] = {}

    def __len__(self) -> int:
        """Windows that can be sampled."""
        return min(self.num_added, self.capacity)

    def add(self, traj: Trajectory, carry: Carry) -> None:
        """Store a rollout over the oldest one; its facts are not kept."""
        slot = self.num_added % self.capacity
        for name, rows in _columns(traj, carry).items():
            if name not in self._rows:
                self._rows[name] = rows.new_zeros(self.capacity, *rows.shape)
            self._rows[name][slot] = rows
        self.num_added += 1

    def sample(
        self, num_columns: int, generator: torch.Generator
    ) -> tuple[Trajectory, Carry]:
        """Draw whole env columns uniformly, with replacement: `[T, num_columns]`.

        Raises:
            RuntimeError: nothing was added yet.
        """
        if not self.num_added:
            raise RuntimeError("the replay buffer is empty; add a rollout first")
        num_envs = self._rows["reward"].shape[1]
        device = generator.device
        shape = (num_columns,)
        window = torch.randint(len(self), shape, generator=generator, device=device)
        env = torch.randint(num_envs, shape, generator=generator, device=device)
        return self.columns(window, env)

    def columns(
        self, window: Int64[Tensor, "b"], env: Int64[Tensor, "b"]
    ) -> tuple[Trajectory, Carry]:
        """The given (window, env) columns, time-major."""
        rows = {k: v[window, env] for k, v in self._rows.items()}
        timed = {k: v.transpose(0, 1) for k, v in rows.items() if "carry" not in k}
        carry = Carry(
            frames=rows["carry_frames"].transpose(0, 1),
            memory=rows["carry_memory"],
            action=rows["carry_action"],
        )
        traj = Trajectory(
            timed["action"],
            timed["reward"],
            timed["terminated"],
            timed["truncated"],
            timed["obs"],
            timed["first"],
        )
        return traj, carry

    def state_dict(self) -> dict[str, Any]:
        """All windows and the position to write to next."""
        return {"num_added": self.num_added, "rows": dict(self._rows)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned.

        Raises:
            ValueError: it was saved with another capacity.
        """
        for rows in state["rows"].values():
            if len(rows) != self.capacity:
                raise ValueError(
                    f"the saved replay holds {len(rows)} rollouts, this one "
                    f"{self.capacity}; give it the capacity it was saved with"
                )
        self.num_added = state["num_added"]
        self._rows = {
            k: v if self.device is None else v.to(self.device)
            for k, v in state["rows"].items()
        }


def _columns(traj: Trajectory, carry: Carry) -> dict[str, Tensor]:
    """All tensors of a window, env axis first, so that a column is contiguous."""
    timed = {
        name: getattr(traj, name).transpose(0, 1)
        for name in ("action", "reward", "terminated", "truncated", "obs", "first")
    }
    return {
        **timed,
        "carry_frames": carry.frames.transpose(0, 1),
        "carry_memory": carry.memory,
        "carry_action": carry.action,
    }
