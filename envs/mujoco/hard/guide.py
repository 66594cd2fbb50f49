"""Who knows the hall: the task's errands, and then through the gate to the goal."""

from typing import Any, final

import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor

from envs.mujoco.hard.layouts import FRONT
from envs.mujoco.hard.task import WALK, Task
from envs.mujoco.physics import Bodies
from envs.mujoco.walking.course import steer
from envs.mujoco.walking.walker import Walker
from envs.vector_env import DiscreteActions

_PASSES = 0.3  # metres from the axis of the gate, within which it is walked through
_BEFORE = 0.7  # metres from the gate to where it is approached, and to where it leads


@final
class HallGuide:
    """Does the task's errands until none is left, and then goes to the goal.

    Args:
        task: that it knows.
    """

    def __init__(self, task: Task[Any]) -> None:
        assert isinstance(task.gait.actions, DiscreteActions)
        self.task, self._num = task, task.gait.actions.n

    def best(self, state: Any, bodies: Bodies) -> Bool[Tensor, "B A"]:
        """The one action to take, for each walker; `state` is a `HallState`."""
        task, layouts = self.task, self.task.layouts
        place = Walker.place(bodies)
        errand = task.errand(state.own, bodies)
        onward = self._onward(
            place, layouts.gate[state.layout], layouts.goal[state.layout]
        )
        leaves = errand.done | (place[:, 0] > FRONT)
        aim = torch.where(leaves.unsqueeze(1), onward, errand.aim)
        action = steer(place, Walker.facing(bodies), aim, errand.avoid, errand.wide)
        acts = (errand.action != WALK) & ~leaves
        return self._one(torch.where(acts, errand.action, action))

    def _onward(
        self,
        place: Float32[Tensor, "B 2"],
        gate: Float32[Tensor, "B"],
        goal: Float32[Tensor, "B 2"],
    ) -> Float32[Tensor, "B 2"]:
        """Straight through the gate, from before it; behind it to the goal."""
        x, y = place.unbind(1)
        passes = (y - gate).abs() < _PASSES
        door = torch.stack(
            [FRONT + torch.where(passes, _BEFORE, -_BEFORE).to(gate), gate], 1
        )
        return torch.where((x > FRONT + _PASSES).unsqueeze(1), goal, door)

    def _one(self, action: Int64[Tensor, "B"]) -> Bool[Tensor, "B A"]:
        number = torch.arange(self._num, device=action.device)
        return number == action.unsqueeze(1)
