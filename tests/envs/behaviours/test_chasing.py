"""Chasing: flight, pursuit, and escapes from walls."""

import pytest
import torch
from torch import Tensor

from envs.behaviours.chasing import Chasing
from tests.envs.behaviours.played import BEHAVIOURS, length, on, played, stream

VARIANTS = [x for x in BEHAVIOURS if x.startswith("chasing")]
CORNERS = torch.tensor([[x, y] for x in (-0.7, 0.7) for y in (-0.7, 0.7)])


def parts(states: Tensor) -> tuple[Tensor, ...]:
    """Runner, chaser, whether the runner escapes, and where to."""
    runner, chaser, escapes, aim = states.split((2, 2, 1, 2), -1)
    return runner, chaser, escapes.squeeze(-1) > 0, aim


def begun(states: Tensor) -> Tensor:
    """`[steps, num]`: an escape begins with this step, as the rules say."""
    runner, chaser, escapes, _ = parts(states[:-1])
    at_wall = runner.abs().amax(-1) > 0.95
    near = length(runner - chaser) < 0.4
    return at_wall & near & ~escapes


@pytest.mark.parametrize("name", VARIANTS)
def test_the_chaser_goes_straight_to_where_the_runner_is(name: str) -> None:
    runner, chaser, _, _ = parts(played(BEHAVIOURS[name], 300))
    way, aim = chaser[1:] - chaser[:-1], runner[:-1] - chaser[:-1]
    distance = aim.norm(dim=-1, keepdim=True)
    torch.testing.assert_close(
        way, aim / distance * distance.clamp(max=0.12), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("name", VARIANTS)
def test_the_runner_flees_as_far_as_the_walls_allow(name: str) -> None:
    states = played(BEHAVIOURS[name], 300)
    runner, chaser, escapes, _ = parts(states)
    away = runner - chaser
    there = runner + 0.1 * away / away.norm(dim=-1, keepdim=True)
    flees = ~(escapes[:-1] | begun(states))
    torch.testing.assert_close(
        runner[1:][flees], there[:-1].clamp(-1, 1)[flees], atol=1e-6, rtol=0
    )
    assert 0.3 < float(flees.float().mean()) < 1


@pytest.mark.parametrize("name", VARIANTS)
def test_escapes_are_fast_and_straight_to_their_end(name: str) -> None:
    states = played(BEHAVIOURS[name], 300)
    runner, _, escapes, aim = parts(states)
    runs = escapes[:-1] | begun(states)
    assert int(begun(states).sum()) > 300
    assert torch.equal(escapes[1:], runs & ~_arrives(runner[:-1], aim[1:]))
    way, whole = (runner[1:] - runner[:-1])[runs], (aim[1:] - runner[:-1])[runs]
    left = whole.norm(dim=-1, keepdim=True)
    torch.testing.assert_close(
        way, whole / left * left.clamp(max=0.25), atol=1e-6, rtol=0
    )
    # Once chosen, an end stays.
    assert torch.equal(aim[1:][escapes[:-1]], aim[:-1][escapes[:-1]])
    arrived = runs & ~escapes[1:]
    torch.testing.assert_close(runner[1:][arrived], aim[1:][arrived])


def _arrives(runner: Tensor, aim: Tensor) -> Tensor:
    return length(aim - runner) <= 0.25


def chosen(name: str) -> tuple[Tensor, Tensor]:
    """Of all escapes the ends, and where the chaser was."""
    states = played(BEHAVIOURS[name], 600)
    _, chaser, _, aim = parts(states)
    return aim[1:][begun(states)], chaser[:-1][begun(states)]


def test_without_chance_the_farthest_corner_is_chosen() -> None:
    aim, chaser = chosen("chasing")
    far = (CORNERS - chaser[:, None]).norm(dim=-1).argmax(1)
    torch.testing.assert_close(aim, CORNERS[far])


def test_with_jitter_other_corners_are_chosen_too() -> None:
    aim, chaser = chosen("chasing, jitter")
    apart = (aim[:, None] - CORNERS).norm(dim=-1)
    assert float(apart.amin(1).max()) == 0
    distance = (CORNERS - chaser[:, None]).norm(dim=-1)
    lacking = distance.amax(1) - distance.gather(1, apart.argmin(1, keepdim=True))[:, 0]
    assert float(lacking.max()) < 3
    assert 0.3 < float((lacking > 0).float().mean()) < 0.8


def test_jitter_of_less_than_the_difference_changes_nothing() -> None:
    """With 0.3, a corner that is nearer by more than that is never taken."""
    runner, chaser = torch.tensor([[1.0, 0.3]]), torch.tensor([[0.8, 0.2]])
    state = torch.cat([runner, chaser, torch.zeros(1, 3)], 1).expand(4_000, -1)
    aim = on(Chasing(False, 0.3, "cpu"), state, 1, 0, None)[1, :, 5:]
    far = (CORNERS - chaser).norm(dim=1)
    first, second = far.topk(2).values
    low = aim[:, 1] < 0
    assert (aim[:, 0] < 0).all()
    # P(x + U > y + V) of two uniform numbers within [0, 0.3] and y - x = lag.
    lag = float(first - second) / 0.3
    assert 0 < lag < 1
    assert abs(float((~low).float().mean()) - (1 - lag) ** 2 / 2) < 0.03
    plain = on(Chasing(False, 0.0, "cpu"), state, 1, 0, None)[1, :, 5:]
    torch.testing.assert_close(plain, torch.tensor([[-0.7, -0.7]]).expand(4_000, 2))


def test_stochastic_ends_are_anywhere_but_far() -> None:
    aim, chaser = chosen("chasing, stochastic")
    assert len(aim.unique(dim=0)) == len(aim)
    assert float(aim.abs().max()) <= 0.8
    distance = (aim - chaser).norm(dim=-1)
    anywhere = 1.6 * stream(0).uniform(len(aim), 2) - 0.8
    assert float(distance.mean()) > 1.3 * float((anywhere - chaser).norm(dim=-1).mean())


@pytest.mark.parametrize("jitter", [-0.1, float("nan"), float("inf")])
def test_jitter_is_a_number(jitter: float) -> None:
    with pytest.raises(ValueError, match="jitter must be 0 or more"):
        Chasing(False, jitter, "cpu")
