"""Steps of envs that reset at once, as rollouts with a row for every observation."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from agents.beside.shown import Moved, Shown
from world_models.belief import Carry
from world_models.trajectory import Trajectory


class Streams:
    """B streams of rows, and rollouts `[T, B]` cut from them.

    Where an episode ends within a step, that env has two new rows, as in NEXT_STEP
    worlds: the last of the episode and, marked `first`, that of the next one. So no
    transition is lost, and streams are of unlike length: a rollout is cut as soon as
    all have T transitions, and its columns need not be of the same time.

    An env that gets a whole rollout ahead of another, since its episodes are shorter,
    begins anew at its latest `first` row (or, without one, at a row that is made one):
    what lies before is not learned from.

    Args:
        num_envs: B.
        num_steps: T.
        history: P, frames to be stacked before row 0.
    """

    def __init__(self, num_envs: int, num_steps: int, history: int = 0) -> None:
        self.num_envs, self.num_steps, self.history = num_envs, num_steps, history
        self.length = 2 * num_steps + history + 4
        self.rows: dict[str, Tensor] = {}
        # in rows since the beginning: of the next rollout, of the latest first, behind
        self.begin, self.latest, self.end = np.zeros((3, num_envs), np.int64)

    def restart(self, now: Shown, action: Tensor) -> None:
        """All envs were reset; `action` is of the shape and kind that they take."""
        nothing = torch.zeros(self.num_envs, device=now.obs.device)
        never = nothing.bool()
        led = (torch.zeros_like(action), nothing, never, never)
        self._write(np.arange(self.num_envs), now, *led, first=True)

    def add(self, moved: Moved) -> None:
        """A step of all envs."""
        everywhere = np.arange(self.num_envs)
        led = (moved.action, moved.reward, moved.terminated, moved.truncated)
        self._write(everywhere, moved.arrived, *led, first=False)
        ended = np.flatnonzero(moved.ended.cpu().numpy())
        if len(ended):
            nothing, never = moved.reward * 0, moved.ended & False
            led = (torch.zeros_like(moved.action), nothing, never, never)
            self._write(ended, moved.now, *led, first=True)

    @property
    def ready(self) -> bool:
        """Whether all streams have T transitions."""
        return bool((self.end - self.begin > self.num_steps).all())

    def cut(self) -> tuple[Trajectory, Carry]:
        """The next T transitions of each, with frames and action before them."""
        rows = self._at(np.arange(self.num_steps + 1))
        led: dict[str, Any] = {name: self._at_in(name, rows)[1:] for name in _LED}
        vector = self._at_in("vector", rows) if "vector" in self.rows else None
        obs, first = self._at_in("obs", rows), self._at_in("first", rows)
        traj = Trajectory(obs=obs, first=first, vector=vector, **led)
        carry = Carry(
            self._frames(), obs.new_zeros(self.num_envs, 0).float(), self._led()
        )
        self.begin = self.begin + self.num_steps
        return traj, carry

    def _led(self) -> Tensor:
        """The actions that led into row 0."""
        return self._at_in("action", self._at(np.zeros(1, np.int64)))[0]

    def _frames(self) -> Tensor:
        """The P frames before row 0, zero where they are of an earlier episode."""
        before = self._at(np.arange(-self.history, 0))
        frames = self._at_in("obs", before)
        # one counts while no row behind it, row 0 included, is the first of an episode
        behind = self._at_in("first", self._at(np.arange(1 - self.history, 1)))
        begun = behind.flip(0).cumsum(0).flip(0) > 0
        return frames.masked_fill(begun[..., None, None, None], 0)

    def _at(self, offset: Any) -> Tensor:
        """Places of rows in the ring, `[R, B]`, counted from row 0 of each."""
        return torch.from_numpy((self.begin + offset[:, None]) % self.length)

    def _at_in(self, name: str, places: Tensor) -> Tensor:
        held = self.rows[name]
        columns = torch.arange(self.num_envs, device=held.device)
        return held[places.to(held.device), columns]

    def _write(
        self,
        envs: Any,
        shown: Shown,
        action: Tensor,
        reward: Tensor,
        terminated: Tensor,
        truncated: Tensor,
        *,
        first: bool,
    ) -> None:
        self._make_room(envs)
        row: dict[str, Tensor | None] = {
            "obs": shown.obs,
            "vector": shown.vector,
            "first": torch.full_like(terminated, first),
            "action": action,
            "reward": reward,
            "terminated": terminated,
            "truncated": truncated,
        }
        place, column = (
            torch.from_numpy(self.end[envs] % self.length),
            torch.from_numpy(envs),
        )
        for name, x in row.items():
            if x is None:
                continue
            if name not in self.rows:
                self.rows[name] = x.new_zeros(self.length, *x.shape)
            on = x.device
            self.rows[name][place.to(on), column.to(on)] = x[column.to(on)]
        if first:
            self.latest[envs] = self.end[envs]
        self.end[envs] += 1

    def _make_room(self, envs: Any) -> None:
        """Before a row is written over one that is still to be cut, or stacked."""
        full = envs[self.end[envs] - self.begin[envs] >= self.length - self.history]
        if not len(full):
            return
        inside = self.latest[full] > self.begin[full]
        later = np.where(inside, self.latest[full], self.end[full] - self.num_steps)
        self.begin[full] = later
        held = self.rows["first"]
        place, column = torch.from_numpy(later % self.length), torch.from_numpy(full)
        held[place.to(held.device), column.to(held.device)] = True

    def state_dict(self) -> dict[str, Any]:
        """All rows, and where the streams stand."""
        stand = np.stack([self.begin, self.latest, self.end])
        return {"rows": dict(self.rows), "stand": torch.from_numpy(stand)}

    def load_state_dict(self, state: Mapping[str, Any], device: torch.device) -> None:
        """Go on."""
        self.rows = {name: x.to(device) for name, x in state["rows"].items()}
        self.begin, self.latest, self.end = state["stand"].cpu().numpy().copy()


_LED = ("action", "reward", "terminated", "truncated")
"""what led into a row"""
