"""The replay buffer: past rollouts in a ring, for more model updates per env step."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Int64, Shaped, UInt8
from torch import Tensor

from ssl_objectives.distributed import num_processes, own_rows
from world_models.belief import Carry
from world_models.trajectory import Trajectory

_ROWS = ("obs", "first", "vector")  # T+1 of each; of the other columns there are T
_TIMED = (*_ROWS, "action", "reward", "terminated", "truncated")
_CARRY, _EXTRA = "carry.", "extra."


@dataclass(frozen=True)
class Replayed:
    """Some columns of past rollouts.

    Attributes:
        traj, carry: as they were collected. A window that begins inside a rollout
            begins with an empty memory: `burn_in` of `LatentDynamics.loss` fills it.
        extras: whatever was stored beside.
    """

    traj: Trajectory
    carry: Carry
    extras: Mapping[str, Shaped[Tensor, "T b ..."]] = field(default_factory=dict)


class ReplayBuffer:
    """A ring of the latest `capacity` rollouts `[T, B]`, with carries; frames uint8.

    Rows stay in order, and no seam is ever invented: a window lies in one env's stream,
    of which rollouts are consecutive parts, and that of a whole rollout begins with the
    carry it really had. Memory is allocated at the first `add` and never grows.

    Args:
        capacity: rollouts kept.
        device: where a loaded state is put; None leaves it where it was saved to.
    """

    def __init__(self, capacity: int, device: torch.device | str | None = None) -> None:
        if capacity < 1:
            raise ValueError(f"replay capacity must be at least 1, not {capacity}")
        self.capacity, self.device = capacity, device
        self.num_added = 0
        self._rows: dict[str, Tensor] = {}

    def __len__(self) -> int:
        """Rollouts that can be sampled."""
        return min(self.num_added, self.capacity)

    def add(
        self,
        traj: Trajectory,
        carry: Carry,
        extras: Mapping[str, Shaped[Tensor, "T B ..."]] | None = None,
    ) -> None:
        """Store a rollout over the oldest one; its facts are not kept.

        Args:
            traj, carry: the rollout.
            extras: further columns, such as the log probability of the actions.
        """
        slot = self.num_added % self.capacity
        for name, rows in _columns(traj, carry, extras or {}).items():
            if name not in self._rows:
                self._rows[name] = rows.new_zeros(self.capacity, *rows.shape)
            self._rows[name][slot] = rows
        self.num_added += 1

    def sample(
        self,
        num_columns: int,
        generator: torch.Generator,
        num_steps: int | None = None,
        newest: int | None = None,
    ) -> Replayed:
        """Draw env columns uniformly, with replacement.

        Args:
            num_columns: b, how many.
            generator: draws rollout, env and beginning.
            num_steps: transitions in each window; it may begin in one rollout and end
                in a later one. None takes whole rollouts.
            newest: rollouts that are drawn from; None: all.

        Raises:
            RuntimeError: nothing was added yet.
            ValueError: more steps than were kept.
        """
        if not self.num_added:
            raise RuntimeError("the replay buffer is empty; add a rollout first")
        _, num_envs, whole = self._rows["reward"].shape
        kept = len(self) if newest is None else max(1, min(newest, len(self)))

        def draw(below: int) -> Tensor:
            size, device = (num_columns,), generator.device
            return torch.randint(below, size, generator=generator, device=device)

        env = draw(num_envs)
        oldest = self.num_added - kept
        if num_steps is None:
            slot = (oldest + draw(kept)) % self.capacity
            return self.window(slot, env, torch.zeros_like(env), whole)
        if not 1 <= num_steps <= kept * whole:
            raise ValueError(
                f"windows of {num_steps} steps in {kept} rollouts of {whole} steps"
            )
        place = oldest * whole + draw(kept * whole - num_steps + 1)
        slot = place.div(whole, rounding_mode="floor") % self.capacity
        return self.window(slot, env, place % whole, num_steps)

    def sample_rollouts(
        self, env: Int64[Tensor, "b"], generator: torch.Generator
    ) -> Replayed:
        """Of each of these envs one whole rollout of those kept, drawn uniformly.

        Several processes with rollouts of their own share one stream of draws.

        Raises:
            RuntimeError: nothing was added yet.
        """
        if not self.num_added:
            raise RuntimeError("the replay buffer is empty; add a rollout first")
        size = (num_processes() * len(env),)
        drawn = torch.randint(
            len(self), size, generator=generator, device=generator.device
        )
        slot = (self.num_added - len(self) + own_rows(drawn, 0)) % self.capacity
        whole = self._rows["reward"].shape[2]
        return self.window(slot, env, torch.zeros_like(env), whole)

    def window(
        self,
        slot: Int64[Tensor, "b"],
        env: Int64[Tensor, "b"],
        begin: Int64[Tensor, "b"],
        num_steps: int,
    ) -> Replayed:
        """The given columns, time-major: transitions `begin … begin+num_steps-1`.

        What lies behind a rollout's last transition is read from the one added next.
        """
        whole = self._rows["reward"].shape[2]
        place = begin + torch.arange(num_steps, device=begin.device).unsqueeze(-1)
        later = place.div(whole, rounding_mode="floor")
        at = (slot + later) % self.capacity, env.expand_as(place), place - later * whole
        # one row more than transitions: the one that the last of them leads to
        last = at[0][-1:], at[1][-1:], at[2][-1:] + 1
        around = [torch.cat(pair) for pair in zip(at, last, strict=True)]

        def rows(name: str) -> Tensor:
            return self._rows[name][tuple(around) if name in _ROWS else at]

        timed: dict[str, Any] = {x: rows(x) for x in _TIMED if x in self._rows}
        extras = {
            name.removeprefix(_EXTRA): rows(name)
            for name in self._rows
            if name.startswith(_EXTRA)
        }
        return Replayed(Trajectory(**timed), self._carry(slot, env, begin), extras)

    def _carry(
        self,
        slot: Int64[Tensor, "b"],
        env: Int64[Tensor, "b"],
        begin: Int64[Tensor, "b"],
    ) -> Carry:
        """The carry before the rows `begin`: inside a rollout without memory."""
        stored = {
            name: self._rows[_CARRY + name][slot, env]
            for name in ("frames", "memory", "action")
        }
        inside = begin > 0
        previous = self._rows["action"][slot, env, (begin - 1).clamp(min=0)]
        history = stored["frames"].shape[1]
        frames = stored["frames"].transpose(0, 1)
        if history:
            frames = self._frames(slot, env, begin, frames)
        return Carry(
            frames=frames,
            memory=stored["memory"] * ~inside.unsqueeze(-1),
            action=torch.where(_like(inside, previous), previous, stored["action"]),
        )

    def _frames(
        self,
        slot: Int64[Tensor, "b"],
        env: Int64[Tensor, "b"],
        begin: Int64[Tensor, "b"],
        stored: UInt8[Tensor, "P b C H W"],
    ) -> UInt8[Tensor, "P b C H W"]:
        """The frames to stack in front of the rows `begin`; see `stack_frames`."""
        history = len(stored)
        behind = torch.arange(history, device=begin.device).unsqueeze(-1)
        row = begin + behind - history  # below 0: among those before the rollout
        inside = row >= 0
        kept = self._rows["obs"][slot, env, row.clamp(min=0)]
        older = stored.gather(
            0,
            (row + history)
            .clamp(max=history - 1)
            .view(*row.shape, 1, 1, 1)
            .expand_as(stored),
        )
        frames = torch.where(inside.view(*row.shape, 1, 1, 1), kept, older)
        # a frame counts while no episode began between it and the row before `begin`
        begun = self._rows["first"][slot, env].long().cumsum(-1)
        so_far = torch.where(begin > 0, _at(begun, (begin - 1).clamp(min=0)), 0)
        then = torch.where(inside, _at(begun, row.clamp(min=0)), 0)
        return frames * (so_far == then).view(*row.shape, 1, 1, 1)

    def state_dict(self) -> dict[str, Any]:
        """All rollouts and the position to write to next."""
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


def _columns(
    traj: Trajectory, carry: Carry, extras: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """All tensors of a rollout, env axis first, so that a column is contiguous."""
    given = {name: getattr(traj, name) for name in _TIMED}
    timed = {name: x.transpose(0, 1) for name, x in given.items() if x is not None}
    return {
        **timed,
        **{_EXTRA + name: x.transpose(0, 1) for name, x in extras.items()},
        _CARRY + "frames": carry.frames.transpose(0, 1),
        _CARRY + "memory": carry.memory,
        _CARRY + "action": carry.action,
    }


def _at(
    counts: Int64[Tensor, "b R"], row: Int64[Tensor, "*P b"]
) -> Int64[Tensor, "*P b"]:
    """Entries of each column."""
    return counts[torch.arange(len(counts), device=counts.device), row]


def _like(mask: Tensor, x: Tensor) -> Tensor:
    return mask.view(-1, *[1] * (x.dim() - 1))
