"""What all behaviours have in common, and how objects get anywhere."""

import pytest
import torch

from envs.behaviours.behaviour import MOST, anywhere, away_from, towards
from tests.envs.behaviours.played import (
    BEHAVIOURS,
    NUM,
    looks,
    on,
    places,
    played,
    stream,
)

CHANCE = {x for x in BEHAVIOURS if "," in x} | {"noise", "mimicry"}
GAZE = looks(300)


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_objects_stay_in_their_box(name: str) -> None:
    behaviour = BEHAVIOURS[name]
    states = played(behaviour, 300, gaze=GAZE)
    assert states.dtype == torch.float32
    assert states.shape == (301, NUM, behaviour.size)
    where = places(behaviour, states)
    assert where.shape == (301, NUM, len(behaviour.looks), 2)
    assert where.shape[2] <= MOST
    assert float(where.abs().max()) <= 1
    assert behaviour.seen(states[-1]).shape == (NUM, len(behaviour.looks))
    hidden = [not behaviour.seen(x).all() for x in states]
    assert any(hidden) == behaviour.elusive


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_groups_differ_and_a_seed_repeats_them(name: str) -> None:
    states = played(BEHAVIOURS[name], 20, seed=3)
    assert len(set(map(tuple, states[0].tolist()))) > 1 or name == "reaching"
    assert torch.equal(played(BEHAVIOURS[name], 20, seed=3), states)
    other = played(BEHAVIOURS[name], 20, seed=4)
    assert not (other == states).all(2).all(0).any()


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_only_chance_makes_a_difference_behind_a_start(name: str) -> None:
    behaviour = BEHAVIOURS[name]
    state = behaviour.start(NUM, stream(0))
    one, two = (on(behaviour, state, 300, seed, GAZE) for seed in (1, 2))
    apart = (one != two).any(2).any(0)
    assert bool(apart.all() if name in CHANCE else ~apart.any())


@pytest.mark.parametrize("name", [x for x in BEHAVIOURS if x not in CHANCE])
def test_a_state_is_all_there_is(name: str) -> None:
    """Nothing is kept outside, and groups do not know of each other."""
    behaviour = BEHAVIOURS[name]
    states = played(behaviour, 60, gaze=GAZE)
    again = on(behaviour, states[25, 7:9], 35, seed=9, gaze=GAZE[25:60, 7:9])
    # To roundings: with other numbers of rows other instructions may be used.
    torch.testing.assert_close(again, states[25:61, 7:9])


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_only_the_wary_mind_the_gaze(name: str) -> None:
    behaviour = BEHAVIOURS[name]
    seen, unseen = played(behaviour, 60, gaze=GAZE), played(behaviour, 60)
    assert torch.equal(seen, unseen) != behaviour.wary


def test_towards_goes_straight_and_stops_there() -> None:
    place, aim = anywhere((500,), stream(0)), anywhere((500,), stream(1))
    there = towards(place, aim, 0.3)
    near = (aim - place).norm(dim=1) <= 0.3
    assert 0 < int(near.sum()) < 500
    torch.testing.assert_close(there[near], aim[near])
    way, left = there - place, aim - there
    torch.testing.assert_close(
        way[~near].norm(dim=1), torch.full_like(left[:, 0], 0.3)[~near]
    )
    torch.testing.assert_close(
        (way + left).norm(dim=1), way.norm(dim=1) + left.norm(dim=1)
    )
    assert torch.equal(towards(aim, aim, 0.3), aim)


def test_places_away_from_others() -> None:
    one = anywhere((20_000,), stream(0))
    other = away_from(one, 0.6, stream(1))
    assert float((other - one).norm(dim=1).min()) >= 0.6
    assert float(other.abs().max()) <= 0.8 + 1e-6
    # Far enough for nobody but the corner: it is taken.
    middle = torch.tensor([[0.1, -0.1]])
    torch.testing.assert_close(
        away_from(middle, 1.25, stream(2)), torch.tensor([[-0.8, 0.8]])
    )
    # As rejection would give them: given the first, uniform where it is allowed.
    place = torch.zeros(40_000, 2)
    drawn = away_from(place, 0.6, stream(3))
    inside = (drawn.abs() <= 0.7).all(1).float().mean()
    circle = torch.pi * 0.36
    assert abs(float(inside) - (1.4**2 - circle) / (1.6**2 - circle)) < 0.01
