"""Reaching: whom the actor visits, how fast, and where the objects go meanwhile."""

from collections import Counter

import pytest
import torch
from torch import Tensor

from envs.behaviours.reaching import Reaching
from tests.envs.behaviours.played import NUM, places, played, strides

STEPS = 400
BOTH = pytest.mark.parametrize("stochastic", [False, True])


def visits(states: Tensor, i: int) -> list[tuple[int, int]]:
    """(row, object) of each visit of group i, by distances alone."""
    path = places(Reaching(False, "cpu"), states)[:, i]
    aim, found = int(states[0, i, 15]), []
    for t in range(len(path) - 1):
        if float((path[t, 1 + aim] - path[t, 0]).norm()) <= 0.1:
            found.append((t, aim))
            aim = int(states[t + 1, i, 15])
    return found


@BOTH
def test_the_actor_goes_straight_to_one_object_after_another(stochastic: bool) -> None:
    states = played(Reaching(stochastic, "cpu"), STEPS)
    path = places(Reaching(stochastic, "cpu"), states)
    assert not path[0, :, 0].any()
    rows, groups = torch.arange(STEPS)[:, None], torch.arange(NUM)
    aim = path[rows, groups, 1 + states[:-1, :, 15].long()]
    left = (aim - path[:-1, :, 0]).norm(dim=-1)
    torch.testing.assert_close(
        strides(path[:, :, 0]), left.clamp(max=0.1), atol=1e-6, rtol=0
    )
    way = path[1:, :, 0] - path[:-1, :, 0]
    along = (way * (aim - path[:-1, :, 0])).sum(-1)
    torch.testing.assert_close(along, left * left.clamp(max=0.1), atol=1e-6, rtol=0)


def test_objects_are_visited_in_order() -> None:
    states = played(Reaching(False, "cpu"), STEPS)
    for i in range(5):
        order = [x for _, x in visits(states, i)]
        assert len(order) > 20
        assert order == [j % 3 for j in range(len(order))]


def test_stochastic_rounds_are_in_all_orders_alike() -> None:
    states = played(Reaching(True, "cpu"), STEPS)
    rounds: Counter[tuple[int, ...]] = Counter()
    for i in range(NUM):
        order = [x for _, x in visits(states, i)]
        rounds.update(zip(order[::3], order[1::3], order[2::3], strict=False))
    assert len(rounds) == 6
    assert all(sorted(x) == [0, 1, 2] for x in rounds)
    total = rounds.total()
    assert total > 300
    assert all(abs(x / total - 1 / 6) < 0.06 for x in rounds.values())


@BOTH
def test_a_round_turns_the_anchors_by_a_quarter(stochastic: bool) -> None:
    states = played(Reaching(stochastic, "cpu"), STEPS)
    quarter = torch.tensor([[0.0, 1.0], [-1.0, 0.0]])  # of rows, anticlockwise
    for i in range(5):
        at = [t for t, _ in visits(states, i)]
        ends = set(at[2::3])
        expected = states[0, i, 8:14].view(3, 2)
        for t in range(STEPS):
            if t in ends:
                expected = expected @ quarter
            torch.testing.assert_close(states[t + 1, i, 8:14].view(3, 2), expected)
        assert len(ends) > 6


@BOTH
def test_objects_glide_to_their_anchors(stochastic: bool) -> None:
    states = played(Reaching(stochastic, "cpu"), STEPS)
    objects = places(Reaching(stochastic, "cpu"), states)[:, :, 1:]
    anchors = states[:, :, 8:14].unflatten(2, (3, 2))
    torch.testing.assert_close(objects[0], anchors[0])
    left = (anchors - objects).norm(dim=-1)
    torch.testing.assert_close(
        strides(objects), left[:-1].clamp(max=0.04), atol=1e-6, rtol=0
    )
    after = (anchors[:-1] - objects[1:]).norm(dim=-1)
    torch.testing.assert_close(
        after, (left[:-1] - 0.04).clamp(min=0), atol=1e-5, rtol=0
    )
    assert float((left > 0).float().mean()) > 0.3


def test_anchors_are_around_the_middle() -> None:
    anchors = played(Reaching(False, "cpu"), 0)[0, :, 8:14].unflatten(1, (3, 2))
    radius = anchors.norm(dim=-1)
    assert 0.5 <= float(radius.min()) < 0.55
    assert 0.8 < float(radius.max()) <= 0.85
    angle = torch.atan2(anchors[..., 1], anchors[..., 0])
    apart = (angle[:, 1:] - angle[:, :-1]) % (2 * torch.pi)
    torch.testing.assert_close(apart, torch.full_like(apart, 2.1))
