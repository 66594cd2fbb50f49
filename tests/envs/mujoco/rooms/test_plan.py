"""Mazes in metres: they are those of the tiles, and furniture is in nobody's way."""

import pytest
import torch

from envs.mujoco.rooms.plan import OPEN, SIDE, WALL, WAYS, draw_plan
from envs.tiles.maze.layout import generate_maze


@pytest.mark.parametrize(("rooms", "locks"), [((1, 1), 0), ((2, 3), 2), ((10, 10), 4)])
def test_passages_are_those_of_the_tiles_from_both_sides(
    rooms: tuple[int, int], locks: int
) -> None:
    plan = draw_plan(rooms, locks, 2, 2, [3, 4], "cpu")
    for i, seed in enumerate((3, 4)):
        maze = generate_maze(rooms, 10, locks, 2, seed)
        expected = {(x.first, x.second): x.lock for x in maze.passages}
        found: dict[tuple[int, int], int | None] = {}
        for room in range(rooms[0] * rooms[1]):
            for side, (down, right) in enumerate(WAYS):
                what = int(plan.between[i, room, side])
                if what == WALL:
                    continue
                other = room + rooms[1] * down + right
                lock = None if what == OPEN else what
                assert (
                    found.setdefault((min(room, other), max(room, other)), lock) == lock
                )
                back = (side + 2) % 4
                assert plan.between[i, other, back] == what
                assert plan.offset[i, other, back] == plan.offset[i, room, side]
                assert abs(plan.offset[i, room, side]) < 1.01
        assert found == expected
        assert plan.room(plan.goal)[i] == maze.goal.room
        assert plan.room(plan.keys)[i].tolist() == [x.room for x in maze.keys]


def test_rooms_and_their_middles() -> None:
    plan = draw_plan((3, 5), 0, 0, 0, [0], "cpu")
    room = torch.arange(15)
    middle = plan.middle(room)
    assert middle[7].tolist() == [2 * SIDE, -SIDE]
    for shift in (-0.49, 0.0, 0.49):
        assert torch.equal(plan.room(middle + shift * SIDE), room)


def test_boxes_stand_apart_from_all_that_is_needed() -> None:
    plan = draw_plan((4, 4), 3, 2, 12, list(range(6)), "cpu")
    for i in range(6):
        boxes = plan.boxes[i]
        apart = torch.cdist(boxes, boxes) + 10 * torch.eye(12)
        assert apart.min() > 0.89
        for thing in (plan.keys[i], plan.goal[i : i + 1]):
            assert torch.cdist(boxes, thing).min() > 0.89
        assert torch.cdist(boxes, plan.doors[i]).min() > 1.09
        assert torch.cdist(boxes, plan.start[i : i + 1]).min() > 1.09
        off = (boxes - plan.middle(plan.room(boxes))).abs()
        assert off.max() < SIDE / 2 - 0.1 - 0.36, "a box could stand in a wall"
        assert len(plan.room(boxes).unique()) > 8


def test_the_television_hangs_where_episodes_begin_and_there_is_no_doorway() -> None:
    plan = draw_plan((3, 3), 2, 2, 0, list(range(20)), "cpu")
    room = plan.room(plan.tv)
    assert torch.equal(room, plan.room(plan.start))
    assert len(plan.tv_side.unique()) > 1
    for i in range(20):
        side = int(plan.tv_side[i])
        assert plan.between[i, room[i], side] == WALL
        down, right = WAYS[side]
        off = plan.tv[i] - plan.middle(room[i : i + 1])[0]
        assert torch.allclose(off, 1.86 * torch.tensor([right, -down]).float())
