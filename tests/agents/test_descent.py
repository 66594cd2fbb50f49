"""Gradient steps of several modules: each part at its pace, also behind loading."""

import pytest
import torch
from torch import nn

from agents.descent import Descent
from ssl_objectives.learn.pace import set_pace

PACES = (0.25, 1.0)


def modules() -> list[nn.Linear]:
    """Of which the first learns slowly."""
    made = [nn.Linear(2, 3), nn.Linear(3, 1)]
    set_pace(made[0], PACES[0])
    return made


def moved(descent: Descent, made: list[nn.Linear]) -> list[float]:
    """How far each number of each module goes, where all have a slope of 1."""
    before = [x.weight.clone() for x in made]
    descent.step(sum((x.weight.sum() for x in made), start=torch.zeros(())))
    far = [was - x.weight.detach() for was, x in zip(before, made, strict=True)]
    for x in far:
        torch.testing.assert_close(x, x[:1, :1].expand_as(x))
    return [float(x[0, 0].detach()) for x in far]


def test_each_part_learns_at_its_pace() -> None:
    """Adam's first steps move each number by the rate."""
    made = modules()
    descent = Descent(made, 0.1, max_grad_norm=1e9)
    for _ in range(2):
        assert moved(descent, made) == pytest.approx([0.1 * x for x in PACES], rel=1e-3)


def test_what_goes_on_does_so_at_its_own_rate_and_pace() -> None:
    made = modules()
    first = Descent(made, 0.1, max_grad_norm=1e9)
    moved(first, made)
    again = Descent(made, 0.02, max_grad_norm=1e9)
    again.load_state_dict(first.state_dict())
    assert moved(again, made) == pytest.approx([0.02 * x for x in PACES], rel=1e-3)


def test_what_is_frozen_is_left_out() -> None:
    made = modules()
    made[0].requires_grad_(False)
    assert [len(x) for x in Descent(made, 0.1, 1.0).groups] == [2]
