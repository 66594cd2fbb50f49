"""Pushing: what the plate holds, and how the block slides."""

from math import pi

import torch

from tests.envs.mujoco.hard.played import (
    AHEAD,
    STAY,
    TASKS,
    begun,
    everyone,
    put,
    shown_by_expert,
    stacked,
)

PUSH = TASKS["push-button"]


def test_the_gate_is_open_as_long_as_something_is_on_the_plate() -> None:
    env, row = begun(PUSH, 3)
    plate, away = row.facts["plate"], row.facts["place"]
    put(env, plate + torch.tensor([[0.3, -0.3], [0.4, 0.0], [0.0, 0.0]]))
    row = everyone(env, STAY)
    assert row.facts["opened"].tolist() == [1, 0, 1]
    assert not row.facts["held"].any()  # by the walker, not by the block
    assert not row.facts["steps"].any()
    put(env, away)
    row = everyone(env, STAY)
    assert not row.facts["opened"].any()
    beside = torch.tensor([[0.34, 0.0], [0.36, 0.0], [0.0, -0.36]])
    put(env, away, 0.0, block=plate + beside)
    row = everyone(env, STAY)
    for name in ("opened", "held", "steps"):
        assert row.facts[name].tolist() == [1, 0, 0]
    put(env, away, 0.0, block=plate + 1.0)
    assert not everyone(env, STAY).facts["opened"].any()


def test_a_block_slides_along_x_or_y_however_it_is_met() -> None:
    env, row = begun(PUSH, 4)
    angle = torch.arange(4) * pi / 2
    way = torch.stack([angle.cos(), angle.sin()], 1).round()
    aside = way.flip(1) * torch.tensor([[0.2], [-0.2], [0.25], [0.0]])
    put(env, -0.9 * way + aside, angle, block=torch.zeros(4, 2))
    for _ in range(3):
        row = everyone(env, AHEAD)
    moved = row.facts["block"]
    assert ((moved * way).sum(1) > 0.4).all()
    assert ((moved * way.flip(1)).sum(1).abs() < 1e-3).all()
    stood = everyone(env, STAY).facts["block"]
    slid = everyone(env, STAY).facts["block"] - stood
    assert slid.abs().max() < 0.02


def test_a_block_stays_in_the_room() -> None:
    env, row = begun(PUSH, 2)
    put(
        env,
        torch.tensor([[-1.0, 0.0], [-1.0, 0.0]]),
        pi,
        block=torch.tensor([-2.0, 0.0]),
    )
    for _ in range(12):
        row = everyone(env, AHEAD)
    assert (row.facts["block"][:, 0] > -3.0 + 0.3).all()
    assert (row.facts["place"][:, 0] > row.facts["block"][:, 0] + 0.5).all()


def test_the_guide_holds_the_gate_with_the_block() -> None:
    rows = shown_by_expert(PUSH, 20, 150)
    paid = torch.stack([row.reward for row in rows]) > 0
    assert paid.any(0).all()
    assert stacked(rows, "held")[paid].all()
    block, plate = stacked(rows, "block")[paid], stacked(rows, "plate")[paid]
    assert ((block - plate).abs() < 0.35).all()
