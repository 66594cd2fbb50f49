"""Mazes from above, for people: all rooms, those that were visited in full colour."""

from typing import final

import torch
from jaxtyping import Bool, Float32, Int64, UInt8
from torch import Tensor

from envs.mujoco.rooms.plan import DOORWAY, SIDE, WALL, WAYS, Plan
from envs.mujoco.rooms.walls import LOCKS, THICK, colour
from envs.mujoco.walking.boxes import HALF
from envs.mujoco.walking.walker import RADIUS

_PIXELS = 160  # rows or columns that a map has at most, unless it has many rooms
_LEAST = 10  # pixels of a room's side at least
_EDGE = (0.16, 0.16, 0.18)
_BOX, _GOAL, _SELF, _NOSE = (
    (0.75, 0.5, 0.3),
    (1.0, 0.82, 0.1),
    (0.95, 0.95, 0.95),
    (0.1, 0.1, 0.1),
)


@final
class Map:
    """Draws all rooms, doors, keys, boxes, the goal and the walker.

    Args:
        plan: the mazes.
        device: where pictures are drawn.

    Attributes:
        shape: (3, H, W) of a map.
    """

    def __init__(self, plan: Plan, device: torch.device | str) -> None:
        rows, columns = plan.rooms
        side = max(_LEAST, _PIXELS // max(plan.rooms))
        self.shape = (3, rows * side, columns * side)
        self._metres = SIDE / side
        y, x = (
            (torch.arange(n * side, device=device) + 0.5) * self._metres - SIDE / 2
            for n in plan.rooms
        )
        self._at = torch.stack(
            [x.expand(len(y), -1), -y.unsqueeze(1).expand(-1, len(x))], -1
        )
        self._room = plan.room(self._at)
        walls = [colour(i, 0) for i in range(plan.num_rooms)]
        ground = torch.tensor(walls, device=device)[self._room].permute(2, 0, 1)
        self._ground = torch.stack(
            [self._with_walls(plan, i, ground) for i in range(plan.num_layouts)]
        )
        self._plan = plan
        self._locks = torch.tensor(LOCKS, device=device)

    def draw(
        self,
        maze: Int64[Tensor, "B"],
        taken: Bool[Tensor, "B K"],
        opened: Bool[Tensor, "B K"],
        visited: Bool[Tensor, "B R"],
        boxes: Float32[Tensor, "B n 2"],
        place: Float32[Tensor, "B 2"],
        facing: Float32[Tensor, "B 2"],
        goal: bool,
    ) -> UInt8[Tensor, "B 3 H W"]:
        """Mazes as they are now, with the walker at a place and its nose ahead."""
        plan, picture = self._plan, self._ground[maze]
        known = visited[:, self._room].unsqueeze(1)
        picture = torch.where(known, picture, 0.4 * picture)
        for i in range(plan.num_locks):
            paint = self._locks[i % len(LOCKS)]
            shut, lies = ~opened[:, i], ~taken[:, i]
            self._dot(picture, plan.doors[maze, i], 0.45 * DOORWAY, paint, shut)
            self._dot(picture, plan.keys[maze, i], 0.3, paint, lies)
        for i in range(boxes.shape[1]):
            self._dot(picture, boxes[:, i], HALF, _BOX)
        if goal:
            self._dot(picture, plan.goal[maze], 0.4, _GOAL)
        self._dot(picture, place, 1.8 * RADIUS, _SELF)
        self._dot(picture, place + 1.4 * RADIUS * facing, 0.8 * RADIUS, _NOSE)
        return (255 * picture).round().byte()

    def _with_walls(
        self, plan: Plan, maze: int, ground: Float32[Tensor, "3 H W"]
    ) -> Float32[Tensor, "3 H W"]:
        """The ground of a maze, dark where walls are."""
        thick = max(2 * THICK, 0.6 * self._metres)  # so that it can be seen
        middle = plan.middle(torch.arange(plan.num_rooms, device=ground.device))
        off = self._at - middle[self._room]
        wall = torch.zeros_like(self._room, dtype=torch.bool)
        for side, (down, right) in enumerate(WAYS):
            way = off.new_tensor([right, -down])
            along = off[..., 1 - side % 2]
            near = (off * way).sum(-1) > SIDE / 2 - thick
            hole = (along - plan.offset[maze, :, side][self._room]).abs() < DOORWAY / 2
            is_open = plan.between[maze, :, side][self._room] > WALL
            wall |= near & ~(is_open & hole)
        edge = ground.new_tensor(_EDGE).view(3, 1, 1)
        return torch.where(wall, edge, ground)

    def _dot(
        self,
        picture: Float32[Tensor, "B 3 H W"],
        place: Float32[Tensor, "B 2"],
        radius: float,
        paint: Tensor | tuple[float, float, float],
        there: Bool[Tensor, "B"] | None = None,
    ) -> None:
        """Paints a round spot, at least one pixel, into pictures."""
        way = self._at - place.view(-1, 1, 1, 2)
        some = way.square().sum(-1) < max(radius, 0.7 * self._metres) ** 2
        if there is not None:
            some &= there.view(-1, 1, 1)
        colours = torch.as_tensor(paint, device=picture.device).view(1, 3, 1, 1)
        torch.where(some.unsqueeze(1), colours, picture, out=picture)
