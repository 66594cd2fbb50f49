"""Off-policy agents from configs: what signals are told, and what is refused."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.curiosity.scored import Scored
from agents.curiosity.signal import Curiosity, IntrinsicReward, Surroundings
from agents.off_policy.build import OffPolicyAgentConfig
from agents.off_policy.study import StudyConfig
from agents.policy.wanderer import UniformConfig
from tests.agents.lock import MODEL, PATCH, dqn, off_policy
from tests.agents.off_policy.counting import counting
from tests.envs.probe_world import ProbeConfig
from world_models.cores.frame_stack import FrameStackConfig
from world_models.cores.recurrent import RecurrentConfig


class Told(Curiosity):
    """Keeps what it was built for."""

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__()
        self.surroundings = surroundings

    def reward(self, scored: Scored) -> IntrinsicReward:
        nothing = torch.zeros_like(scored.traj.reward)
        return IntrinsicReward(nothing, nothing)


class ToldConfig:
    def build(self, surroundings: Surroundings) -> Told:
        made = Told(surroundings)
        made.surroundings = replace(surroundings, model=None)
        return made


@pytest.mark.parametrize("starts", [0, 1, 72, 73, 500])
def test_signals_are_told_how_many_updates_there_will_be(starts: int) -> None:
    """In a world without resets, where a budget is a number of rollouts."""
    study = StudyConfig(6, starts, updates_per_rollout=3, batch=4)
    agent = counting(UniformConfig(), ToldConfig(), model=MODEL, study=study)
    world: Any = agent.env
    world.world.transition = _endless(world.world.transition)
    while agent.env_steps < 300:
        agent.train_step()
    signal = agent.signals["told"].curiosity
    assert isinstance(signal, Told)
    assert agent.world_model is not None
    assert signal.surroundings.updates == int(agent.world_model.updates)


def _endless(transition: Any) -> Any:
    def without_ends(*args: Any) -> Any:
        outcome = transition(*args)
        never = torch.zeros_like(outcome.terminated)
        return outcome._replace(terminated=never, truncated=never)

    return without_ends


def test_parts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="prediction-error pays what a world model"):
        off_policy(model=None, curiosity=PredictionErrorConfig())
    with pytest.raises(ValueError, match=r"windows of 10 .* or lower --agent\.study"):
        off_policy(study=StudyConfig(burn_in=8))
    with pytest.raises(ValueError, match=r"windows of 10 .* lower --agent\.policy"):
        off_policy(dqn(RecurrentConfig(5), burn_in=9))
    off_policy(dqn(RecurrentConfig(5), burn_in=8))
    off_policy(study=StudyConfig(burn_in=8), core=FrameStackConfig(2))
    config = OffPolicyAgentConfig(PATCH)
    for policy in (dqn(), UniformConfig()):
        with pytest.raises(ValueError, match="use --policy ppo"):
            replace(config, policy=policy).build(ProbeConfig().build(2, "cpu"))
    with pytest.raises(ValueError, match="num_steps must be at least 1"):
        replace(config, num_steps=0)
    with pytest.raises(ValueError, match="capacity must be at least 1"):
        StudyConfig(capacity=0)


class Wrong:
    """Builds something else than a policy."""

    def build(self, spec: Any, begin: int) -> torch.nn.Module:
        return torch.nn.Identity()


def test_a_policy_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match="gave a Identity where a OffPolicy is"):
        off_policy(Wrong())  # type: ignore[arg-type]
