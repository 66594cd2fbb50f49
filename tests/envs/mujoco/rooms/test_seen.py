"""Rooms of several layouts: all is seen where it is, and locks are what they look."""

from dataclasses import replace
from math import atan2

import torch
from torch import Tensor

from envs.mujoco.rooms.plan import WAYS
from envs.mujoco.world import MujocoWorld
from envs.native_env import NativeVectorEnv
from envs.vector_env import Step
from tests.envs.mujoco.rooms.played import BLIND, put, stage_of

DRAWN = replace(BLIND, pixels=24, segmentation=True, boxes=0)


def geoms(env: NativeVectorEnv, *begins: str) -> Tensor:
    """Numbers of the geoms whose names begin so."""
    assert isinstance(env.world, MujocoWorld)
    model = env.world.physics.model
    names = [model.geom(i).name for i in range(model.ngeom)]
    return torch.tensor([i for i, x in enumerate(names) if x.startswith(begins)])


def stay(env: NativeVectorEnv) -> Step:
    return env.step(torch.zeros(env.spec.num_envs, dtype=torch.int64))


def looked_at(env: NativeVectorEnv, thing: Tensor, far: float) -> Tensor:
    """Geoms in the middle of frames, from so far towards the middle of the room."""
    plan = stage_of(env).plan
    inwards = plan.middle(plan.room(thing)) - thing + 1e-4
    way = inwards / inwards.norm(dim=1, keepdim=True)
    put(env, thing + far * way, torch.atan2(-way[:, 1], -way[:, 0]))
    return stay(env).facts["segmentation"]


def test_things_are_seen_where_the_layout_of_the_episode_has_them() -> None:
    config = replace(DRAWN, layouts=6, rooms=(2, 2), locks=1, tv=True)
    env = config.build(12, "cpu")
    layout = env.reset(seed=0).facts["layout"]
    assert len(layout.unique()) > 4
    plan = stage_of(env).plan
    for begins, thing, far, least in (
        ("goal", plan.goal[layout], 1.2, 1),
        ("key", plan.keys[layout, 0], 1.2, 1),
        ("tv", plan.tv[layout], 1.5, 10),  # square to who looks: no narrow edge
    ):
        seen = torch.isin(looked_at(env, thing, far), geoms(env, begins))
        assert seen[:, :, 10:14].any(2).any(1).all(), begins
        assert (seen.any(1).sum(1) >= least).all(), begins


def test_a_key_opens_no_door_but_its_own() -> None:
    env = replace(BLIND, boxes=0).build(2, "cpu")
    plan = stage_of(env).plan
    env.reset(seed=0)
    put(env, plan.keys[0])
    assert stay(env).facts["keys"].tolist() == [1, 1]
    put(env, plan.doors[0, 1] + torch.tensor([0.0, 0.5]))
    assert stay(env).facts["doors"].tolist() == [0, 1]


def test_a_door_looks_shut_until_it_is_opened_and_keeps_its_key() -> None:
    env = DRAWN.build(1, "cpu")
    plan, look = stage_of(env).plan, stage_of(env).look
    room, side = (plan.between[0] == 0).nonzero()[0].tolist()
    down, right = WAYS[side]
    door, out = plan.doors[0, :1], torch.tensor([[right, -down]]).float()
    assert plan.room(door - out).tolist() == [room]
    shut, hand = geoms(env, "door"), look.carried[:1]
    env.reset(seed=0)
    put(env, plan.keys[0, :1])
    assert torch.isin(stay(env).facts["segmentation"], hand).any()
    for far, opens in ((1.3, False), (0.7, True)):
        put(env, door - far * out, atan2(-down, right))
        row = stay(env)
        assert row.facts["doors"].tolist() == [opens]
        seen = row.facts["segmentation"]
        assert torch.isin(seen, shut).any() != opens
        assert torch.isin(seen, hand).any() != opens


def test_more_is_seen_of_the_floor_than_of_the_ceiling() -> None:
    """The eye is at half the height of rooms, and looks down a bit."""
    env = replace(DRAWN, rooms=(1, 1), locks=0).build(8, "cpu")
    seen = env.reset(seed=0).facts["segmentation"]
    floor, ceiling = (torch.isin(seen, geoms(env, x)) for x in ("floor", "ceiling"))
    assert (floor.sum((1, 2)) > 1.3 * ceiling.sum((1, 2))).all()


def test_episodes_begin_all_about_the_first_middle_looking_anywhere() -> None:
    """Whatever their layout, and with all boxes where they belong."""
    config = replace(BLIND, layouts=3, rooms=(2, 2), locks=0, boxes=3)
    env = config.build(300, "cpu")
    facts, plan = env.reset(seed=0).facts, stage_of(env).plan
    off = facts["place"] - plan.start[facts["layout"]]
    assert off.abs().max() <= 0.5 + 1e-5
    for x, y in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        there = (off * torch.tensor([x, y]) > 0).all(1)
        assert there.float().mean() > 0.15
    for layout in range(3):
        facing = facts["facing"][facts["layout"] == layout]
        angle = torch.atan2(facing[:, 1], facing[:, 0]).rad2deg().round() % 360
        assert len(angle.unique()) == 12
    assert not facts["pushed"].any()
