"""Walls around a walker: closed where they should be, and nothing is seen beyond."""

from dataclasses import replace
from math import pi

import torch

from envs.mujoco.rooms.plan import OPEN, SIDE, WALL, WAYS
from envs.mujoco.rooms.walls import AWAY, LOCKS
from tests.envs.mujoco.rooms.played import BLIND, play, put, stacked, stage_of


def test_pieces_leave_a_doorway_and_nothing_else() -> None:
    stage = stage_of(replace(BLIND, locks=3).build(1, "cpu"))
    plan, walls = stage.plan, stage.walls
    room = torch.arange(16)
    shut = torch.zeros(16, 3, dtype=torch.bool)
    maze = torch.zeros(16, dtype=torch.int64)
    for opened in (shut, ~shut):
        around = walls.around(maze, room, opened)
        place = dict(zip(walls.names, around.place.unbind(1), strict=True))
        rgba = dict(zip(walls.names, around.rgba.unbind(1), strict=True))
        for r in range(16):
            middle = plan.middle(room[r : r + 1])[0]
            for side, (down, right) in enumerate(WAYS):
                what = int(plan.between[0, r, side])
                along = 1 - side % 2
                ends = [place[f"wall {side} {end}"][r] for end in (-1, 1)]
                for end in ends:
                    out = (end[:2] - middle) @ torch.tensor([right, -down]).float()
                    assert abs(out - SIDE / 2) < 1e-5
                # Each is 2.4 m long.
                gap = ends[1][along] - ends[0][along] - 2.4
                assert abs(gap - (1.2 if what > WALL else 0.0)) < 1e-5
                hole = (ends[0][along] + ends[1][along]) / 2 - middle[along]
                off = float(plan.offset[0, r, side]) if what > WALL else 0.0
                assert abs(hole - off) < 1e-5
                door = rgba[f"door {side}"][r]
                locked = what > OPEN and not opened[r, 0]
                assert (door[3] > 0) == locked
                assert (place[f"door {side}"][r, 2] > AWAY / 2) == locked
                if locked:
                    assert torch.allclose(door[:3], torch.tensor(LOCKS[what]))


def test_nobody_sees_the_sky() -> None:
    config = replace(BLIND, pixels=24, segmentation=True, locks=2, layouts=2)
    rows = play(replace(config, max_episode_steps=10_000), 12, 150, seed=4)
    assert (stacked(rows, "segmentation") >= 0).all()


def test_a_room_looks_the_same_from_the_doorway_to_either_side_of_its_middle() -> None:
    """Walls are exchanged there: what both rooms show must agree."""
    env = replace(BLIND, pixels=32, boxes=0, locks=0).build(6, "cpu")
    plan = stage_of(env).plan
    env.reset(seed=0)
    doorways = []
    for r in range(16):
        if plan.between[0, r, 0] > WALL:
            middle = plan.middle(torch.tensor([r]))[0]
            off = torch.tensor([SIDE / 2, float(plan.offset[0, r, 0])])
            doorways.append(middle + off)
    place = torch.stack(doorways[:6])
    assert len(place) == 6
    stay = torch.zeros(6, dtype=torch.int64)
    for heading in (0.0, pi):
        frames, rooms = [], []
        for shift in (-0.01, 0.01):
            put(env, place + torch.tensor([shift, 0.0]), heading)
            row = env.step(stay)
            frames.append(row.obs.int())
            rooms.append(row.facts["room"])
        assert (rooms[0] != rooms[1]).all()
        differs = (frames[0] - frames[1]).abs().amax(1) > 12
        # The room ahead is the same; behind its own doorways it is not dark any more,
        # and the posts of the doorway have the colour of the other room.
        assert differs.float().mean() < 0.35
        middle = differs[:, 8:24, 12:20].float().mean()
        assert middle < 0.2
