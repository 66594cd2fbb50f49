"""What double DQN learns from windows, against the definition; and what follows."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from agents.policy.dqn import Dqn, DqnConfig
from agents.policy.epsilon_greedy import EpsilonGreedy
from envs.vector_env import ContinuousActions, EnvSpec
from tests.agents.lock import OPENS, PATCH, LockConfig, dqn, off_policy
from world_models.cores.frame_stack import FrameStackConfig
from world_models.cores.latent import LatentCoreConfig
from world_models.cores.recurrent import RecurrentConfig
from world_models.data.replay import Replayed

CORES: list[Any] = [
    LatentCoreConfig(),
    FrameStackConfig(3),
    RecurrentConfig(6),
    RecurrentConfig(6, num_frames=2),
]


def trained(core: Any) -> tuple[Dqn, Replayed]:
    """Q values that differ from those of the slow copy; and windows with ends."""
    agent = off_policy(dqn(core, burn_in=3), model=None, num_envs=5)
    for _ in range(9):
        agent.train_step()
    policy = agent.policy
    assert isinstance(policy, Dqn)
    chance = generator()  # one of all: no network is moved as the other is
    with torch.no_grad():
        for x in policy.parameters():
            x.add_(0.3 * torch.randn(x.shape, generator=chance))
    lessons = policy.lessons
    assert lessons is not None
    past = agent.replay.sample(400, generator(), lessons.num_steps)
    traj = past.traj
    # chance opens few locks
    ends = torch.rand(traj.reward.shape, generator=generator()) < 0.3
    traj = replace(traj, terminated=ends & ~traj.truncated & ~traj.first[1:])
    assert traj.terminated[-1].any()
    assert traj.truncated[-1].any()
    assert traj.first[-1].any()
    return policy, replace(past, traj=traj)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(1)


@torch.no_grad()
def by_definition(policy: Dqn, past: Replayed, reward: Tensor) -> float:
    """Beliefs of all rows at once, then one window after the other."""
    q, slow = [
        network(
            network.belief.throughout(
                past.traj, network.belief.recall(past.carry)
            ).belief
        )
        for network in (policy.online, policy.target)
    ]
    config, traj, total, count = policy.config, past.traj, 0.0, 0
    for b in range(reward.shape[1]):
        if traj.first[-1, b]:
            continue
        best = int(q[-1, b].argmax())
        later = 0.0 if traj.terminated[-1, b] else float(slow[-1, b, best])
        wanted = (1 - config.discount) * float(reward[-1, b]) + config.discount * later
        off = abs(float(q[-2, b, traj.action[-1, b]]) - wanted)
        total += 0.5 * off**2 if off < 1 else off - 0.5
        count += 1
    return total / count


@pytest.mark.parametrize("core", CORES)
def test_windows_teach_what_the_definition_says(core: Any) -> None:
    policy, past = trained(core)
    reward = torch.randn(past.traj.reward.shape, generator=generator())
    assert past.traj.num_steps == (4 if policy.remembers else 1)
    loss = policy.loss(past.traj, past.carry, reward)
    assert loss.total.item() == pytest.approx(
        by_definition(policy, past, reward), rel=1e-4
    )


@pytest.mark.parametrize("core", CORES)
def test_gradient_reaches_all_of_the_network_and_nothing_of_the_slow_copy(
    core: Any,
) -> None:
    policy, past = trained(core)
    policy.zero_grad()
    policy.loss(past.traj, past.carry, past.traj.reward).total.backward()
    reached = {n for n, x in policy.named_parameters() if x.grad is not None}
    online = {n for n, _ in policy.named_parameters() if n.startswith("online.")}
    unused = {n for n in online if "embedding" in n and not policy.remembers}
    assert reached == online - unused
    assert all(not x.requires_grad for x in policy.target.parameters())


def test_the_slow_copy_moves_by_its_rate_and_has_the_same_moments() -> None:
    agent = off_policy(dqn(target_rate=0.25), model=None)
    policy = agent.policy
    assert isinstance(policy, Dqn)
    for x, y in zip(
        policy.online.parameters(), policy.target.parameters(), strict=True
    ):
        assert torch.equal(x, y)
        assert x is not y
    with torch.no_grad():
        for x in policy.online.parameters():
            x.add_(torch.randn(x.shape, generator=generator()))
    before = [x.clone() for x in policy.target.parameters()]
    policy.after_update()
    online = list(policy.online.parameters())
    for was, now, new in zip(before, policy.target.parameters(), online, strict=True):
        torch.testing.assert_close(now, 0.75 * was + 0.25 * new)
    agent.train_step()
    moments = [
        x.belief.vector_input.moments.mean  # type: ignore[union-attr]
        for x in (policy.online, policy.target)
    ]
    assert moments[0].any()
    assert torch.equal(*moments)


def test_the_policy_that_plays_is_the_one_that_learned() -> None:
    policy = off_policy(dqn(epsilon=0.2), model=None).policy
    assert isinstance(policy, Dqn)
    found = {}
    for greedy in (False, True):
        acting = policy.playing(generator(), greedy)
        assert isinstance(acting, EpsilonGreedy)
        assert acting.network is policy.online
        found[greedy] = acting.epsilon.at(acting.steps)
    assert found == {False: 0.2, True: 0.0}
    exploring = policy.exploring(generator())
    assert isinstance(exploring, EpsilonGreedy)
    assert exploring.epsilon.at(50) == 1.0
    assert exploring.epsilon.at(51) == pytest.approx(0.996)


def test_burn_in_is_for_memories() -> None:
    spec = LockConfig().build(2, "cpu").spec
    for core, steps in zip(CORES, (1, 1, 6, 6), strict=True):
        lessons = DqnConfig(PATCH, core, burn_in=5).build(spec, 0).lessons
        assert lessons is not None
        assert lessons.num_steps == steps


def test_real_numbers_are_refused_with_what_to_use_instead() -> None:
    space = ContinuousActions((-1.0,), (1.0,))
    spec = EnvSpec(2, (1, 4, 10), space, torch.device("cpu"))
    with pytest.raises(ValueError, match="takes real numbers: use --policy ppo"):
        DqnConfig(PATCH).build(spec, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch": 0}, "batch must be at least 1"),
        ({"burn_in": -1}, "burn_in must be at least 0"),
        ({"discount": 1.5}, r"discount must be between 0 and 1, not 1\.5"),
        ({"discount": 1.0}, "leave no reward to learn"),
        ({"target_rate": -0.1}, "target_rate must be between"),
        ({"epsilon": 2.0}, "epsilon must be between"),
        ({"hidden": (3, 0)}, r"need units, not \(3, 0\)"),
    ],
)
def test_numbers_out_of_range_are_refused(changes: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DqnConfig(**changes)


def test_unscaled_targets_may_have_any_discount() -> None:
    assert DqnConfig(discount=1.0, scaled_targets=False).discount == 1.0
    assert OPENS.discount < 1
