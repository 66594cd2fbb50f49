"""Goals sought in a world on a line, where every outcome can be counted by hand."""

from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from agents.random_seeker import RandomSeeker
from agents.seeking import seek
from envs.goal_world import GoalWorld
from envs.native_env import Outcome
from envs.two_rooms.world import TwoRoomsWorld
from envs.vector_env import (
    ActionSpace,
    ContinuousActions,
    DiscreteActions,
    FactSpec,
    WorldError,
)


class At(NamedTuple):
    place: Tensor


class Line(GoalWorld[At]):
    """Places 0 … 9; action 1 goes right, 0 left; whoever falls off 9 is gone."""

    obs_shape = (1, 1, 10)
    actions: ActionSpace = DiscreteActions(2)
    max_episode_steps = 2  # of no importance here

    def __init__(self, starts: list[int], goals: list[int]) -> None:
        self.starts, self.goals = iter(starts), iter(goals)

    @property
    def facts(self) -> dict[str, FactSpec]:
        return {"place": FactSpec((), torch.int64)}

    def start(self, num_envs: int, generator: Any, previous: Any) -> At:
        return At(torch.tensor([next(self.starts) for _ in range(num_envs)]))

    def transition(self, state: At, action: Tensor, generator: Any) -> Outcome:
        place = (state.place + 2 * action - 1).clamp(min=0)
        return Outcome(At(place.clamp(max=9)), place.float(), place > 9)

    def render(self, state: At) -> Tensor:
        return (state.place.view(-1, 1, 1, 1) == torch.arange(10)).byte()

    def describe(self, state: At) -> dict[str, Tensor]:
        return {"place": state.place}

    def goal(self, state: At, generator: Any) -> At:
        return At(torch.tensor([next(self.goals) for _ in state.place]))

    def reached(self, state: At, goal: At) -> Tensor:
        return state.place == goal.place


class Directed:
    """Goes right, or left where it is told; writes down who takes part."""

    def __init__(self, actions: list[int]) -> None:
        self.actions, self.seen, self.firsts = torch.tensor(actions), [], []  # type: ignore[var-annotated]

    def aim(self, goal: Tensor) -> None:
        self.goal = goal.flatten(1).float().argmax(1)

    def act(self, obs: Tensor, first: Tensor) -> Tensor:
        self.seen.append(obs.flatten(1).float().argmax(1).tolist())
        self.firsts.append(bool(first.all()))
        return self.actions

    def envs(self, index: Tensor) -> None:
        self.actions = self.actions[index]


def test_what_is_reached_when_and_by_whom() -> None:
    world = Line(starts=[1, 8, 5, 3], goals=[3, 0, 7, 9])
    seeker = Directed([1, 1, 0, 1])
    told = []
    found = seek(world, seeker, 4, 4, 0, on_step=lambda *x: told.append(x))
    assert seeker.goal.tolist() == [3, 0, 7, 9]
    assert found.reached.tolist() == [True, False, False, False]
    assert found.steps.tolist() == [2, 4, 4, 4]
    # the first has arrived behind 2 steps, the second has fallen off: both are through
    assert seeker.seen == [[1, 8, 5, 3], [2, 9, 4, 4], [3, 5], [2, 6]]
    assert seeker.firsts == [True, False, False, False]
    assert told == [(1, 0), (2, 1), (3, 1), (4, 1)]
    assert found.facts["place"].T.tolist() == [
        [1, 2, 3, 3, 3],
        [8, 9, 9, 9, 9],
        [5, 4, 3, 2, 1],
        [3, 4, 5, 6, 7],
    ]
    assert found.goal_facts["place"].tolist() == [3, 0, 7, 9]
    assert found.last.flatten(1).float().argmax(1).tolist() == [3, 9, 1, 7]
    assert found.success == 0.25
    assert found.interval[0] < 0.25 < found.interval[1]


def test_it_ends_where_all_have_arrived() -> None:
    seeker = Directed([1, 1])
    found = seek(Line([1, 1], [2, 3]), seeker, 2, 100, 0)
    assert found.reached.all()
    assert len(seeker.seen) == 2
    assert len(found.facts["place"]) == 3


def test_starts_that_are_successes_are_drawn_again() -> None:
    """The second and third are; the third twice. Who was fit is left alone."""
    world = Line([1, 4, 5, 7, 7, 2, 8, 8, 6], [3, 4, 5, 0, 9, 2, 0, 0, 8])
    found = seek(world, Directed([1, 1, 1]), 3, 2, 0)
    assert found.drawn_again == 2 + 1
    assert found.facts["place"][0].tolist() == [1, 7, 6]
    assert found.goal_facts["place"].tolist() == [3, 9, 8]
    assert found.reached.all()


def test_a_world_of_nothing_but_successes_is_refused() -> None:
    with pytest.raises(WorldError, match="Line are reached where one starts"):
        seek(Line([3] * 200, [3] * 200), Directed([1]), 1, 2, 0)


class Still:
    def aim(self, goal: Tensor) -> None:
        self.num = len(goal)

    def act(self, obs: Tensor, first: Tensor) -> Tensor:
        return torch.zeros(self.num, 2)

    def envs(self, index: Tensor) -> None:
        raise AssertionError("whoever stands still reaches nothing")


def test_all_seekers_meet_the_same_tasks() -> None:
    world = TwoRoomsWorld()
    assert isinstance(world.actions, ContinuousActions)
    still = seek(world, Still(), 30, 5, seed=3)
    random = seek(world, RandomSeeker(world.actions, 1), 30, 5, seed=3)
    other = seek(world, Still(), 30, 5, seed=4)
    assert torch.equal(still.start, random.start)
    assert torch.equal(still.goal, random.goal)
    assert not torch.equal(still.goal, other.goal)
    assert not still.reached.any()
    assert torch.equal(still.last, still.start)
    moved = random.facts["place"].diff(dim=0).abs()
    assert 0 < float(moved.max()) <= 2 + 1e-5


def test_random_actions_are_any(generator: torch.Generator) -> None:
    obs, first = torch.zeros(4_000, 1, 1, 1).byte(), torch.ones(4_000).bool()
    real = RandomSeeker(ContinuousActions((-5.0, 0.0), (1.0, 1.0)), 1).act(obs, first)
    assert real.shape == (4_000, 2)
    assert -1 <= float(real.min()) < -0.99 < 0.99 < float(real.max()) <= 1
    whole = RandomSeeker(DiscreteActions(3), 1).act(obs, first)
    assert torch.bincount(whole).tolist() == pytest.approx([1333] * 3, abs=120)
