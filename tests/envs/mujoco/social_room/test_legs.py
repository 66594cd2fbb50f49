"""An agent that walks: along its gaze, within its circle, and sees from there."""

from math import pi

import pytest
import torch
from torch import Tensor

from envs.behaviours.groups import Animate
from envs.check import check_env
from envs.mujoco.social_room.config import SocialRoomConfig
from envs.vector_env import DiscreteActions, Step

CONFIG = SocialRoomConfig(pixels=0, poses=True, walks=True)
AHEAD, BACK = 9, 10


def place(row: Step) -> Tensor:
    """What the agent feels of it."""
    assert row.vector is not None
    return row.vector[:, 8:10]


def test_contract() -> None:
    check_env(
        lambda: SocialRoomConfig(
            Animate.NOBODY, pixels=8, walks=True, max_episode_steps=5
        ).build(2, "cpu"),
        num_steps=12,
    )


def test_it_walks_along_its_gaze_and_not_out_of_its_circle() -> None:
    env = CONFIG.build(6, "cpu")
    space = env.spec.actions
    assert isinstance(space, DiscreteActions)
    assert (space.n, *space.names[9:]) == (11, "walk ahead", "walk back")
    row = env.reset(seed=0)
    assert not place(row).any()
    for action in (AHEAD, 7, AHEAD, BACK, 4, BACK):
        before = place(row)
        row = env.step(torch.full((6,), action))
        angle = row.facts["heading"] * (2 * pi / 30)
        stride = {AHEAD: 0.25, BACK: -0.25}.get(action, 0.0)
        way = stride * torch.stack([angle.cos(), angle.sin()], 1)
        assert torch.allclose(place(row), before + way, atol=1e-5)
        assert torch.allclose(row.facts["eye"][:, :2], place(row), atol=1e-5)
    for _ in range(15):
        row = env.step(torch.full((6,), AHEAD))
    far = torch.linalg.vector_norm(place(row), dim=1)
    assert far.tolist() == pytest.approx([1.5] * 6, abs=1e-5)
    ahead = torch.stack([angle.cos(), angle.sin()], 1)
    assert ((place(row) * ahead).sum(1) > 1).all()


def test_nobody_comes_near_it() -> None:
    env = SocialRoomConfig(
        Animate.CHASING, others=7, pixels=0, poses=True, walks=True
    ).build(8, "cpu")
    row = env.reset(seed=2)
    exist = env.reset(seed=2).facts["there"][0]
    generator = torch.Generator().manual_seed(0)
    for _ in range(60):
        action = torch.randint(0, 3, (8,), generator=generator) + 8  # mostly walks
        row = env.step(action)
        way = row.facts["positions"][:, exist][..., :2] - place(row).unsqueeze(1)
        assert (torch.linalg.vector_norm(way, dim=-1) > 0.45).all()


def test_the_gaze_is_on_the_box_that_is_nearest_to_straight_ahead() -> None:
    env = CONFIG.build(5, "cpu")
    row = env.reset(seed=1)
    generator = torch.Generator().manual_seed(1)
    for _ in range(40):
        row = env.step(torch.randint(11, (5,), generator=generator))
        for b in range(5):
            off = []
            for group in range(4):
                middle = (row.facts["sector"][b, group] + 0.5) * (pi / 2)
                x = 4 * middle.cos() - place(row)[b, 0]
                y = 4 * middle.sin() - place(row)[b, 1]
                angle = torch.atan2(y, x) - row.facts["heading"][b] * (2 * pi / 30)
                off.append(float(1 - angle.cos()))
            assert off[row.facts["in_view"][b]] < min(off) + 1e-3


def test_watching_goes_on_from_where_it_stands() -> None:
    env = CONFIG.build(2, "cpu")
    env.reset(seed=0)
    for _ in range(4):
        row = env.step(torch.full((2,), AHEAD))
    watching = CONFIG.watching(env, seed=0)
    watched = watching.step(torch.full((8,), AHEAD))
    assert torch.equal(place(watched), place(row).repeat_interleave(4, 0))
    assert torch.equal(watched.facts["in_view"], torch.arange(4).repeat(2))
