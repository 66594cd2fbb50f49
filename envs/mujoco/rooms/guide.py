"""Who knows the maze: the way to the next key and to the goal, around boxes."""

from math import pi
from typing import final

import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from envs.mujoco.physics import Bodies
from envs.mujoco.rooms.plan import HERE, SIDE, WAYS, Plan
from envs.mujoco.rooms.state import RoomsState
from envs.mujoco.walking.boxes import Boxes
from envs.mujoco.walking.course import face, turned
from envs.mujoco.walking.gaits import HEADINGS, RIGHT, STAY, TURN
from envs.mujoco.walking.walker import Walker

_PASSES = 0.3  # metres from the axis of a doorway, within which it is walked through
_BEFORE = 0.6  # metres from the middle of a doorway to where it is approached
_NEAR = 0.8  # metres ahead within which a box is in the way
_WIDE = 0.5  # metres from a walker's line to the middle of a box that it passes
_THROUGH = 0.9  # metres from a doorway within which boxes are pushed, not passed
_BLOCKED = 100.0  # a turn that costs more than any other


@final
class RoomsGuide:
    """Goes from room to room by the shortest way, and within rooms straight ahead.

    Keys are fetched in their order, each as soon as it can be. Of the twelve headings
    it takes the nearest one to where it wants to go, on which no box stands close
    before it; a box in a doorway is pushed through. It needs the steps of
    `envs.mujoco.walking.gaits.Steps`.

    Args:
        plan: the mazes.
        boxes: in them.
    """

    def __init__(self, plan: Plan, boxes: Boxes) -> None:
        self.plan, self.boxes = plan, boxes
        device = plan.start.device
        out = [(right, -down) for down, right in WAYS] + [(0, 0)]
        self._out = torch.tensor(out, dtype=torch.float32, device=device)
        angle = torch.arange(HEADINGS, device=device) * TURN - pi
        self._ways = torch.stack([angle.cos(), angle.sin()], -1)

    def best(self, state: RoomsState, bodies: Bodies) -> Bool[Tensor, "B 4"]:
        """The one action to take, for each walker."""
        place, facing = Walker.place(bodies), Walker.facing(bodies)
        aim, door = self._aim(state, place)
        way = aim - place
        turn = turned(way, self._ways).abs()
        if self.boxes.num:
            turn = turn + _BLOCKED * self._blocked(place, door, way, bodies)
        wanted = self._ways[turn.argmin(1)]
        action = face(facing, wanted)
        number = torch.arange(STAY, RIGHT + 1, device=place.device)
        return number == action.unsqueeze(1)

    def _aim(
        self, state: RoomsState, place: Float32[Tensor, "B 2"]
    ) -> tuple[Float32[Tensor, "B 2"], Float32[Tensor, "B 2"]]:
        """Where to walk to now, and the doorway on the way; itself where there is none.

        A doorway is gone through in a straight line, from before it.
        """
        plan, maze, phase = self.plan, state.maze, state.taken.sum(1)
        room = plan.room(place)
        side = plan.way[maze, phase, room]
        targets = torch.cat([plan.keys[maze], plan.goal[maze].unsqueeze(1)], 1)
        sought = targets[torch.arange(len(maze), device=maze.device), phase]
        out = self._out[side]
        along = out.flip(1).abs()
        off = plan.offset[maze, room, side.clamp(max=HERE - 1)].unsqueeze(1)
        door = plan.middle(room) + SIDE / 2 * out + off * along
        aside = ((place - door) * along).sum(1, keepdim=True).abs()
        aim = door + torch.where(aside < _PASSES, _BEFORE, -_BEFORE) * out
        here = (side == HERE).unsqueeze(1)
        return torch.where(here, sought, aim), torch.where(here, place, door)

    def _blocked(
        self,
        place: Float32[Tensor, "B 2"],
        door: Float32[Tensor, "B 2"],
        way: Float32[Tensor, "B 2"],
        bodies: Bodies,
    ) -> Bool[Tensor, "B H"]:
        """On which headings a box stands close before the walker."""
        box = self.boxes.place(bodies)
        to = (box - place.unsqueeze(1)).unsqueeze(2)
        ahead = (to * self._ways).sum(-1)
        x, y = self._ways.unbind(-1)
        across = (to[..., 0] * y - to[..., 1] * x).abs()
        far = torch.linalg.vector_norm(way, dim=1).view(-1, 1, 1).clamp(max=_NEAR)
        pushed = torch.linalg.vector_norm(box - door.unsqueeze(1), dim=-1) < _THROUGH
        there = (ahead > 0) & (ahead < far) & (across < _WIDE)
        blocked: Tensor = (there & ~pushed.unsqueeze(-1)).any(1)
        return blocked
