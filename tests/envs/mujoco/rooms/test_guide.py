"""Who knows the maze gets there, past boxes and through doors."""

from dataclasses import replace

import pytest
import torch

from agents.expert import Expert
from envs.mujoco.rooms.config import RoomsConfig
from ssl_objectives.refusal import ConfigError
from tests.envs.mujoco.rooms.played import BLIND, stage_of


@pytest.mark.parametrize(
    ("config", "steps"),
    [
        (replace(BLIND, layouts=24), 300),
        (replace(BLIND, layouts=24, rooms=(3, 3), locks=3, boxes=16), 250),
        (replace(BLIND, layouts=24, rooms=(1, 1), locks=0, boxes=2), 30),
    ],
)
def test_it_finds_the_goal(config: RoomsConfig, steps: int) -> None:
    env = config.build(24, "cpu")
    expert = Expert(env, seed=0)
    row, carry = env.reset(seed=1), expert.start(24)
    solved = torch.zeros(24, dtype=torch.bool)
    for _ in range(steps):
        acted = expert.act(row, carry)
        row, carry = env.step(acted.action), acted.carry
        at_goal = row.terminated
        solved |= at_goal
        if config.locks and at_goal.any():
            assert (row.facts["doors"][at_goal] == config.locks).all()
    assert solved.float().mean() >= 0.95


def test_the_way_through_rooms_is_as_short_as_a_search_finds() -> None:
    plan = stage_of(replace(BLIND, locks=3, layouts=3).build(1, "cpu")).plan
    for maze in range(3):
        between = plan.between[maze].tolist()
        targets = [*plan.room(plan.keys[maze]).tolist(), plan.room(plan.goal)[maze]]
        for phase, target in enumerate(targets):
            # Distances by relaxing all doorways, over and over.
            far = [0 if r == target else 99 for r in range(16)]
            step = (1, -4, -1, 4)
            for _ in range(16):
                for room in range(16):
                    for side, what in enumerate(between[room]):
                        if -2 < what < phase:
                            far[room] = min(far[room], 1 + far[room + step[side]])
            for room in range(16):
                side = int(plan.way[maze, phase, room])
                if far[room] in (0, 99):
                    assert side == 4
                else:
                    assert -2 < between[room][side] < phase
                    assert far[room + step[side]] == far[room] - 1


def test_worlds_without_a_guide_are_refused() -> None:
    with pytest.raises(ConfigError, match="nothing is ever paid"):
        Expert(replace(BLIND, goal=False).build(1, "cpu"), 0)
    with pytest.raises(ConfigError, match=r"leave --world\.continuous out"):
        Expert(replace(BLIND, continuous=True).build(1, "cpu"), 0)
