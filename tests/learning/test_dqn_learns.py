"""What double DQN must master in seconds: a lock that chance rarely opens."""

import pytest
import torch

from agents.acting import ActingPolicy, RandomPolicy
from agents.off_policy.study import StudyConfig
from agents.play import play_episodes
from agents.policy.dqn import Dqn
from agents.policy.wanderer import UniformConfig
from tests.agents.lock import PLACES, RIGHT, LockConfig, dqn, off_policy
from world_models.cores.frame_stack import FrameStackConfig

STUDY = StudyConfig(capacity=300, learning_starts=500)


def opened(policy: ActingPolicy, seed: int) -> float:
    """Share of 40 episodes of 25 steps that end with an open lock."""
    env = LockConfig().build(40, "cpu")
    return float(play_episodes(env, policy, 40, seed).scores.mean())


@pytest.mark.parametrize(("seed", "scaled"), [(0, True), (1, False), (2, True)])
def test_a_lock_is_opened(seed: int, scaled: bool) -> None:
    torch.set_num_threads(1)
    policy = dqn(
        FrameStackConfig(1),
        hidden=(64,),
        discount=0.8,
        scaled_targets=scaled,
        target_rate=0.05,
        updates_per_rollout=10,
        batch=32,
        learning_rate=3e-3,
        epsilon=0.1,
        epsilon_rate=1e-3,
    )
    agent = off_policy(policy, None, None, seed, num_envs=8, num_steps=10, study=STUDY)
    while agent.env_steps < 3_000:
        agent.train_step()
    env = LockConfig().build(40, "cpu")
    assert opened(agent.player.acting(1, greedy=True), 1) == 1.0
    assert opened(agent.player.acting(1), 1) > 0.8  # one action in ten at random
    assert opened(RandomPolicy(env, 1), 1) < 0.5
    # what the values are: γ to the number of buttons behind the next, (1-γ) of it
    learned = agent.policy
    assert isinstance(learned, Dqn)
    past = agent.replay.sample(500, torch.Generator().manual_seed(0), 1)
    with torch.no_grad():
        begun = learned.online.belief.recall(past.carry)
        seen = learned.online.belief.along(past.traj, begun)
        q = learned.online(seen.belief[0])
    assert past.traj.vector is not None
    place = past.traj.vector[0].argmax(-1)
    right = torch.tensor(RIGHT)[place]
    best = q.gather(-1, right[:, None]).squeeze(-1)
    wanted = (0.2 if scaled else 1.0) * 0.8 ** (PLACES - 1 - place.double())
    assert (best / wanted).log().abs().median() < 0.25


def test_who_acts_at_random_opens_few() -> None:
    """The control, in the same worlds."""
    agent = off_policy(
        UniformConfig(), None, None, 0, num_envs=8, num_steps=10, study=STUDY
    )
    while agent.env_steps < 800:
        agent.train_step()
    assert opened(agent.player.acting(1, greedy=True), 1) < 0.5
