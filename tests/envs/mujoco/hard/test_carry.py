"""Carrying: what the hand takes, where it puts it, and what the pedestal wants."""

from dataclasses import replace

import torch
from torch import Tensor

from tests.envs.mujoco.hard.played import (
    AHEAD,
    HAND,
    LEFT,
    STAY,
    TASKS,
    begun,
    everyone,
    put,
    stage_of,
)

CARRY = TASKS["carry"]
BEFORE = torch.tensor([-0.45, 0.0])  # from what is in reach, looking along x
NOTHING = 4


def rows_of(things: Tensor, which: Tensor) -> Tensor:
    """Of each world the place of one thing."""
    return things[torch.arange(len(which)), which]


def test_the_hand_takes_what_is_before_it_and_carries_it() -> None:
    env, row = begun(CARRY, 6)
    things = row.facts["things"]
    which = torch.arange(6) % 4
    put(env, rows_of(things, which) + BEFORE)
    row = everyone(env, HAND)
    assert torch.equal(row.facts["held"], which)
    row = everyone(env, LEFT)
    row = everyone(env, AHEAD)
    assert torch.allclose(rows_of(row.facts["things"], which), row.facts["place"])
    still = torch.ones(6, 4, dtype=torch.bool)
    still[torch.arange(6), which] = False
    assert torch.equal(row.facts["things"][still], things[still])
    row = everyone(env, HAND)
    assert (row.facts["held"] == NOTHING).all()
    down = rows_of(row.facts["things"], which)
    ahead = row.facts["place"] + 0.45 * row.facts["facing"]
    assert (down - ahead).norm(dim=1).max() < 0.3  # a wall may be near
    assert torch.equal(everyone(env, AHEAD).facts["things"], row.facts["things"])


def test_what_is_out_of_reach_is_not_taken() -> None:
    env, row = begun(CARRY, 3)
    aside = torch.tensor([[-0.99, 0.0], [0.1, 0.0], [-0.4, 0.55]])
    put(env, row.facts["things"][:, 0] + aside)
    row = everyone(env, HAND)
    assert (row.facts["held"] == NOTHING).all()


def test_nothing_is_put_into_walls() -> None:
    env, _ = begun(CARRY, 4)
    held = torch.zeros(4, dtype=torch.int64)
    places = torch.tensor([[2.7, 0.2], [-2.7, 0.0], [0.0, 2.2], [3.3, 0.0]])
    heading = torch.tensor([0.0, torch.pi, torch.pi / 2, torch.pi])
    put(env, places, heading, held=held, wanted=held + 1)
    down = everyone(env, HAND).facts["things"][:, 0]
    wanted = torch.tensor([[2.75, 0.2], [-2.75, 0.0], [0.0, 2.25], [3.25, 0.0]])
    assert torch.allclose(down, wanted, atol=0.02)


def test_the_pedestal_takes_the_right_thing_alone() -> None:
    env, row = begun(CARRY, 4)
    wanted = row.facts["wanted"]
    right = torch.tensor([True, False, True, False])
    held = torch.where(right, wanted, (wanted + 1) % 4)
    put(env, row.facts["pedestal"] + BEFORE, held=held)
    row = everyone(env, STAY)
    assert row.facts["steps"].tolist() == [1, 0, 1, 0]
    assert row.facts["taken"].tolist() == [1, 0, 1, 0]
    row = everyone(env, HAND)
    assert row.facts["brought"].tolist() == [1, 0, 1, 0]
    assert row.facts["opened"].tolist() == [1, 0, 1, 0]
    assert row.facts["steps"].tolist() == [2, 0, 2, 0]
    assert (row.facts["held"] == NOTHING).all()
    # It stays there; what is wrong lies on the floor, and is taken again.
    row = everyone(env, HAND)
    assert (row.facts["held"] == NOTHING).tolist() == right.tolist()
    assert row.facts["opened"].tolist() == [1, 0, 1, 0]


def test_the_right_thing_far_from_the_pedestal_opens_nothing() -> None:
    env, row = begun(CARRY, 3)
    put(env, row.facts["pedestal"] + 3 * BEFORE, held=row.facts["wanted"])
    row = everyone(env, HAND)
    assert not row.facts["opened"].any()
    assert (row.facts["held"] == NOTHING).all()


def test_all_things_are_wanted_now_and_then() -> None:
    env, row = begun(replace(CARRY, layouts=1), 60)
    assert row.facts["wanted"].unique().tolist() == [0, 1, 2, 3]
    env.close()


def test_what_is_held_and_what_is_asked_for_is_seen() -> None:
    config = replace(CARRY, pixels=32, segmentation=True)
    env, row = begun(config, 4)
    number = stage_of(env)._geoms.number
    held = torch.arange(4)
    put(env, torch.tensor([0.0, 0.0]).expand(4, 2), held=held)
    row = everyone(env, STAY)
    seen = row.facts["segmentation"]
    for b in range(4):
        assert (seen[b, 16:] == number[f"thing {b}"]).sum() > 20
    put(env, row.facts["gate"] - torch.tensor([1.2, 0.0]), wanted=torch.arange(4))
    row = everyone(env, STAY)
    gates = [
        row.obs[b][:, row.facts["segmentation"][b] == number["gate"]]
        .float()
        .mean(1)
        .argmax()
        .item()
        for b in range(3)
    ]
    assert gates == [0, 2, 1]  # red, blue, green
