"""Rollouts of random play in front, from which the world model learns alone."""

import math
from dataclasses import replace

import pytest
import torch

from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.curiosity.rnd import RndConfig
from agents.ppo.agent import PpoAgent
from agents.ppo.build import ReplayConfig
from agents.ppo.head_start import HeadStartConfig
from envs.vector_env import ContinuousActions
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.precision import Precision
from tests.agents.resuming import goes_on_exactly
from tests.agents.small import SMALL, small
from tests.envs.noise.echo import echo
from world_models.presets import byol_explore

MODEL = byol_explore(3)


def build(seed: int, rollouts: int = 3, epochs: int = 2) -> PpoAgent:
    return small(
        seed,
        MODEL,
        PredictionErrorConfig(),
        head_start=HeadStartConfig(rollouts, epochs),
        replay=ReplayConfig(2, 1, burn_in=2),
    )


def weights(module: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in module.parameters()])


def test_the_model_learns_and_nobody_else() -> None:
    agent = build(1, rollouts=2, epochs=5)
    agent.begin()
    model = agent.world_model
    assert model is not None
    policy = agent.actor.policy
    signals = torch.nn.ModuleList([x.curiosity for x in agent.signals.values()])
    before = weights(policy), weights(model), dict(signals.state_dict())
    statistics = {k: x.clone() for k, x in before[2].items()}
    for _ in range(2):
        told = agent.train_step().metrics
        assert torch.equal(weights(policy), before[0])
        assert not torch.equal(weights(model), before[1])
        assert "policy/entropy" not in told
        assert told["loss/world_model"].isfinite()
    now = signals.state_dict()
    assert all(torch.equal(x, now[k]) for k, x in statistics.items())
    # five passes over two minibatches, and one replayed
    assert model.updates == 2 * (5 * 2 + 1)
    told = agent.train_step().metrics
    assert not torch.equal(weights(policy), before[0])
    assert told["policy/entropy"].isfinite()
    assert told["intrinsic/prediction-error/raw_mean"] > 0
    assert model.updates == 2 * (5 * 2 + 1) + 2 * 2 + 1


def test_actions_are_uniform_whatever_the_policy_prefers() -> None:
    agent = build(1, rollouts=100)
    agent.begin()
    with torch.no_grad():
        for head in agent.actor.policy.modules():
            if isinstance(head, torch.nn.Linear):
                head.bias[:1] += 50.0
    actions = []
    for _ in range(12):
        agent.collector.policy = agent.at_random
        actions.append(agent.collector.collect()[0].traj.action.flatten())
    drawn = torch.cat(actions)
    num = agent.env.spec.actions.n  # type: ignore[union-attr]  # key-door has buttons
    share = torch.bincount(drawn, minlength=num) / len(drawn)
    sigma = math.sqrt((1 - 1 / num) / num / len(drawn))
    assert ((share - 1 / num).abs() < 4.5 * sigma).all()


def test_real_actions_are_drawn_from_the_whole_range() -> None:
    """Which is -1 … 1 for whoever acts, whatever the bounds of the world."""
    box = ContinuousActions((-1.0, -2.0), (1.0, 3.0))
    eyes = PatchConfig(8, patch=2, precision=Precision.FLOAT32)
    config = replace(SMALL, encoder=eyes)
    agent = config.build(echo(40, actions=box), None, None, 1)
    agent.begin()
    agent.collector.policy = agent.at_random
    drawn = torch.cat([agent.collector.collect()[0].traj.action for _ in range(2)])
    drawn = drawn.flatten(0, 1)
    assert drawn.shape == (2 * 9 * 40, 2)
    spread = 4.5 / len(drawn) ** 0.5  # of U(-1, 1): mean 0, its square's mean 1/3
    assert (drawn.mean(0).abs() < spread / 3**0.5).all()
    assert ((drawn.square().mean(0) - 1 / 3).abs() < spread * (4 / 45) ** 0.5).all()
    assert drawn.abs().amax() <= 1


def test_beliefs_are_those_of_what_was_done() -> None:
    """The previous action that a belief remembers is the random one."""
    agent = build(1)
    agent.begin()
    agent.collector.policy = agent.at_random
    experience, _ = agent.collector.collect()
    along = agent.belief.along(experience.traj, experience.carry).belief
    rows = experience.traj.num_steps
    torch.testing.assert_close(experience.extras["belief"], along[:rows])


@pytest.mark.parametrize("steps", [1, 2])
def test_it_goes_on_exactly(steps: int) -> None:
    """Saved in the head start, and where the rest of it runs into training."""
    goes_on_exactly(build, steps)


def test_updates_of_the_run_are_counted() -> None:
    early = replace(SMALL, head_start=HeadStartConfig(2, 5))
    rollout = 4 * 9
    assert early._updates(4, 10 * rollout) == (2 * 5 + 8 * 2) * 2
    assert early._updates(4, rollout) == 5 * 2


def test_without_a_model_there_is_nobody_to_teach() -> None:
    with pytest.raises(ValueError, match="head-start"):
        small(1, None, RndConfig(), head_start=HeadStartConfig(1))


@pytest.mark.parametrize(("rollouts", "epochs"), [(-1, 1), (1, 0)])
def test_settings_out_of_range_are_refused(rollouts: int, epochs: int) -> None:
    with pytest.raises(ValueError, match="must be at least"):
        HeadStartConfig(rollouts, epochs)
