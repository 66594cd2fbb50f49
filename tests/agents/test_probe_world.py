"""Five channels, continuous actions and a vector: trained in, saved, resumed."""

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.policy.actor_critic import DiagonalGaussian
from agents.policy.ppo import PpoConfig, RewardStream
from agents.ppo.agent import PpoAgent
from agents.ppo.build import PpoAgentConfig
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.precision import Precision
from tests.envs.probe_world import ProbeConfig
from world_models.cores.frame_stack import FrameStackConfig
from world_models.cores.recurrent import RecurrentConfig
from world_models.predictor import LatentHeadConfig
from world_models.presets import byol_explore

T, B = 10, 6
SMALL = PpoAgentConfig(
    encoder=PatchConfig(24, precision=Precision.FLOAT32),
    core=RecurrentConfig(17),
    ppo=PpoConfig(num_steps=T, num_minibatches=3, num_epochs=2, learning_rate=1e-3),
)
MODEL = byol_explore(horizon=4, predictor=LatentHeadConfig(13))


def begun(config: PpoAgentConfig = SMALL, seed: int = 0, num_envs: int = B) -> PpoAgent:
    env = ProbeConfig().build(num_envs, "cpu")
    agent = config.build(env, MODEL, PredictionErrorConfig(0.8), seed)
    agent.begin()
    return agent


def test_training_goes_on_bit_for_bit() -> None:
    one, two = begun(), begun(seed=9)
    for _ in range(2):
        one.train_step()
    two.load_state_dict(copy.deepcopy(one.state_dict()))
    for _ in range(2):
        told, again = one.train_step().metrics, two.train_step().metrics
        assert all(torch.equal(told[name], again[name]) for name in told)
    left, right = one.modules.state_dict(), two.modules.state_dict()
    assert all(torch.equal(left[name], right[name]) for name in left)


def test_the_belief_reads_the_vector_normalised() -> None:
    agent = begun()
    belief = agent.belief
    assert belief.vector_input is not None
    seen: list[Tensor] = []
    for _ in range(3):
        experience, _ = agent.collector.collect()
        traj, carry = experience.traj, experience.carry
        assert traj.obs.shape[2] == 5
        assert traj.vector is not None
        told = belief.along(traj, carry).belief
        torch.testing.assert_close(told, experience.extras["belief"])
        other = replace(traj, vector=traj.vector + 1.0)
        assert not torch.allclose(belief.along(other, carry).belief, told)
        seen.append(traj.vector[1:].flatten(0, 1))
        belief.follow(traj)
    every = torch.cat(seen).double()
    moments = belief.vector_input.moments
    torch.testing.assert_close(moments.mean, every.mean(0))
    torch.testing.assert_close(moments.std, every.std(0, unbiased=False).float())


def test_policy_and_learner_read_the_same_vector() -> None:
    """The ratio of the first minibatch is 1, whatever the moments became meanwhile."""
    agent = begun(replace(SMALL, ppo=replace(SMALL.ppo, learning_rate=0.0)))
    for _ in range(3):
        assert agent.train_step().metrics["policy/kl"].abs() < 1e-6


@pytest.mark.slow
def test_ppo_moves_the_point_to_its_target() -> None:
    """What is done depends on the action as rescaled to asymmetric bounds."""
    config = PpoAgentConfig(
        encoder=PatchConfig(32, precision=Precision.FLOAT32),
        core=FrameStackConfig(1),
        ppo=PpoConfig(
            num_steps=32,
            num_minibatches=4,
            num_epochs=4,
            learning_rate=3e-3,
            clip=0.2,
            entropy_coeff=0.0,
        ),
        extrinsic=RewardStream(1.0, 0.9, clip=10.0, normalize=True),
    )
    env = ProbeConfig().build(16, "cpu")
    agent = config.build(env, seed=1)
    agent.begin()
    rewards = []
    for _ in range(30):
        agent.train_step(describe=False)
        experience, _ = agent.collector.collect()
        rewards.append(experience.traj.reward[experience.traj.valid].mean().item())
    assert sum(rewards[-5:]) / 5 > 0.6 * sum(rewards[:3]) / 3  # costs: above is better
    assert isinstance(agent.actor.policy.log_std, nn.Parameter)
    distribution: Any = agent.actor.policy(torch.zeros(1, agent.belief.size))[0]
    assert isinstance(distribution, DiagonalGaussian)
