"""A model that looks on believes what it would in one long trajectory."""

from typing import Any

import pytest
import torch

from agents.experience import Experience
from agents.off_policy.onlooker import Onlooker
from agents.off_policy.study import StudyConfig
from agents.policy.wanderer import UniformConfig
from tests.agents.heard import behind
from tests.agents.lock import off_policy
from world_models.cores.frame_stack import FrameStackConfig
from world_models.cores.recurrent import RecurrentConfig
from world_models.presets import byol_explore


@pytest.mark.parametrize("horizon", [1, 3, 9])
@pytest.mark.parametrize("core", [RecurrentConfig(6, 2), FrameStackConfig(3)])
def test_beliefs_and_carries_go_through_rollouts(core: Any, horizon: int) -> None:
    """Of 9 steps; of which all but one are the context of the next, at most."""
    study = StudyConfig(burn_in=0)
    model = byol_explore(horizon)
    agent = off_policy(UniformConfig(), model, core=core, study=study)
    made = agent.world_model
    assert made is not None
    onlooker = Onlooker(made, 3)
    experiences = [agent.collector.collect()[0] for _ in range(3)]
    seen = [onlooker.see(x) for x in experiences]
    whole = behind([x.traj for x in experiences])
    with torch.no_grad():
        wanted = made.belief.along(whole, made.start(3))
    torch.testing.assert_close(torch.cat([x for _, x in seen]), wanted.belief)
    torch.testing.assert_close(onlooker.carry.memory, wanted.carry.memory)
    assert torch.equal(onlooker.carry.frames, wanted.carry.frames)
    assert torch.equal(onlooker.carry.action, wanted.carry.action)
    overlap = horizon - 1
    for i, (mine, _) in enumerate(seen):
        assert isinstance(mine, Experience)
        assert mine.traj is experiences[i].traj
        begun = at(made, whole, 9 * i)
        torch.testing.assert_close(mine.carry.memory, begun.memory)
        assert torch.equal(mine.carry.frames, begun.frames)
        if i == 0 or overlap == 0:
            assert mine.context is None
            continue
        assert mine.context is not None
        before = at(made, whole, 9 * i - overlap)
        torch.testing.assert_close(mine.context.carry.memory, before.memory)
        assert torch.equal(mine.context.carry.frames, before.frames)
        assert torch.equal(mine.context.carry.action, before.action)


def at(model: Any, whole: Any, row: int) -> Any:
    """The carry of a row, from the first of all."""
    start = model.start(3)
    with torch.no_grad():
        return model.belief.along(whole.steps(0, row), start).carry if row else start


def test_it_forgets_when_it_begins() -> None:
    agent = off_policy(UniformConfig(), byol_explore(2))
    onlooker = agent.onlooker
    assert onlooker is not None
    agent.train_step()
    assert onlooker.carry.memory.any()
    onlooker.begin()
    assert not onlooker.carry.memory.any()
