import pytest
import torch

from agents.build import AgentConfig
from agents.policy.ppo import PpoConfig
from envs.counting import CountingConfig, decode
from ssl_objectives.encoders.cnn import NatureConfig
from world_models.data.replay import ReplayBuffer
from world_models.presets import ByolExploreConfig


def test_buffer_keeps_the_latest_windows_and_their_columns() -> None:
    """Sampled columns decode to one env each, rows advancing by one within episodes."""
    env = CountingConfig().build(6, "cpu")
    config = AgentConfig(
        encoder=NatureConfig(size=16), ppo=PpoConfig(num_steps=11, num_minibatches=2)
    )
    agent = config.build(env, ByolExploreConfig(horizon=3), None, seed=0)
    agent.begin()
    buffer = ReplayBuffer(capacity=3)
    carries = []
    for _ in range(5):
        rollout, _ = agent.collector.collect()
        buffer.add(rollout.traj, rollout.carry)
        carries.append(rollout.carry)
    assert len(buffer) == 3
    window, column = torch.tensor([0, 1, 2, 2]), torch.tensor([5, 0, 3, 3])
    traj, carry = buffer.columns(window, column)
    now = decode(traj.obs)
    assert torch.equal(now.env, column.expand(12, 4))
    advanced = now.step[1:] == now.step[:-1] + 1
    assert torch.equal(advanced, traj.valid)
    # slots 0, 1, 2 hold rollouts 3, 4, 2
    torch.testing.assert_close(carry.memory[0], carries[3].memory[5])
    torch.testing.assert_close(carry.memory[1], carries[4].memory[0])
    torch.testing.assert_close(carry.memory[2], carries[2].memory[3])
    again = ReplayBuffer(capacity=3)
    again.load_state_dict(buffer.state_dict())
    assert torch.equal(again.columns(window, column)[0].obs, traj.obs)
    with pytest.raises(ValueError, match="holds 3 rollouts, this one 4"):
        ReplayBuffer(capacity=4).load_state_dict(buffer.state_dict())


def test_empty_buffer_says_so() -> None:
    with pytest.raises(RuntimeError, match="empty"):
        ReplayBuffer(2).sample(3, torch.Generator())


def test_capacity_must_be_positive() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        ReplayBuffer(0)
