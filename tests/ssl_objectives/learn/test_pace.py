"""Paces: what learns slowly, at which rate, in whose optimiser."""

import copy
import math

import pytest
import torch
from torch import Tensor, nn, optim

from ssl_objectives.learn.optimizer import AdamWConfig
from ssl_objectives.learn.pace import (
    PacedAdam,
    by_pace,
    groups_by_pace,
    set_pace,
    set_rate,
)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    made = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    set_pace(made[0], 0.1)
    return made


def loss_of(made: nn.Module, step: int) -> Tensor:
    generator = torch.Generator().manual_seed(step)
    seen: Tensor = made(torch.randn(8, 3, generator=generator))
    return seen.square().sum()


def descend(made: nn.Module, optimizer: optim.Optimizer, step: int) -> None:
    optimizer.zero_grad()
    loss_of(made, step).backward()
    optimizer.step()


def test_parameters_are_sorted_by_pace_in_their_order() -> None:
    made = network()
    slow, fast = list(made[0].parameters()), list(made[2].parameters())
    found = by_pace(made.parameters())
    assert list(found) == [0.1, 1.0]
    for mine, expected in ((found[0.1], slow), (found[1.0], fast)):
        assert [id(x) for x in mine] == [id(x) for x in expected]
    [first, second] = groups_by_pace(made.parameters(), weight_decay=0.5)
    assert (first["pace"], first["weight_decay"]) == (0.1, 0.5)
    assert second["pace"] == 1.0


@pytest.mark.parametrize("pace", [0.0, -1.0, math.inf, math.nan])
def test_what_is_no_pace_is_refused(pace: float) -> None:
    with pytest.raises(ValueError, match="pace must be above 0"):
        set_pace(nn.Linear(1, 1), pace)


def test_a_rate_is_set_by_pace() -> None:
    optimizer = optim.SGD(groups_by_pace(network().parameters()), lr=1.0)
    optimizer.add_param_group({"params": [nn.Parameter(torch.zeros(1))]})
    set_rate(optimizer, 0.5)
    assert [x["lr"] for x in optimizer.param_groups] == [0.05, 0.5, 0.5]


def test_paced_adam_is_two_adams_whatever_sets_their_rate() -> None:
    """A schedule of others' sets one `lr` for all groups in front of every step."""
    made, naive = network(), network()
    paced = PacedAdam(made.parameters(), lr=1.0)
    slow = optim.Adam(naive[0].parameters(), eps=1e-5)
    fast = optim.Adam(naive[2].parameters(), eps=1e-5)
    for step, rate in enumerate((0.1, 0.05, 0.2)):
        for group in paced.param_groups:
            group["lr"] = rate
        slow.param_groups[0]["lr"], fast.param_groups[0]["lr"] = rate / 10, rate
        descend(made, paced, step)
        assert {x["lr"] for x in paced.param_groups} == {rate}
        naive.zero_grad()
        loss_of(naive, step).backward()
        slow.step()
        fast.step()
    for mine, expected in zip(made.parameters(), naive.parameters(), strict=True):
        assert torch.allclose(mine, expected, atol=1e-7)


def test_paced_adam_is_told_what_adam_is() -> None:
    """Its own `eps` only where nobody says otherwise; and a loss to compute anew."""
    made = network()
    assert PacedAdam(made.parameters()).defaults["eps"] == 1e-5
    paced = PacedAdam(made.parameters(), eps=1e-3, weight_decay=0.1)
    assert {(x["eps"], x["weight_decay"]) for x in paced.param_groups} == {(1e-3, 0.1)}
    asked = []

    def anew() -> float:
        paced.zero_grad()
        loss = loss_of(made, 0)
        loss.backward()
        asked.append(loss.item())
        return loss.item()

    before = [x.detach().clone() for x in made.parameters()]
    assert paced.step(anew) == asked[0]
    assert len(asked) == 1
    for now, was in zip(made.parameters(), before, strict=True):
        assert not torch.equal(now, was)


def test_paced_adam_goes_on_from_its_state() -> None:
    made = network()
    paced = PacedAdam(made.parameters(), lr=0.1)
    descend(made, paced, 0)
    other = copy.deepcopy(made)
    set_pace(other[0], 0.1)  # copies know no pace
    again = PacedAdam(other.parameters(), lr=9.0)
    again.load_state_dict(copy.deepcopy(paced.state_dict()))
    descend(made, paced, 1)
    descend(other, again, 1)
    for mine, expected in zip(other.parameters(), made.parameters(), strict=True):
        assert torch.equal(mine, expected)


def test_adamw_keeps_pace_and_decay_apart() -> None:
    optimizer = AdamWConfig(weight_decay=0.5).build(network())
    found = {
        (group["pace"], group["weight_decay"], x.ndim)
        for group in optimizer.param_groups
        for x in group["params"]
    }
    assert found == {(0.1, 0.5, 2), (0.1, 0.0, 1), (1.0, 0.5, 2), (1.0, 0.0, 1)}
