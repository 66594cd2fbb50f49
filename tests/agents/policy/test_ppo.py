"""PPO's loss and the mix of advantages, against loops."""

import math

import pytest
import torch
from torch import Tensor

from agents.policy.actor_critic import Categorical, DiagonalGaussian
from agents.policy.advantages import continuing_advantage, episodic_advantage
from agents.policy.ppo import (
    PpoConfig,
    RewardStream,
    masked_mean,
    mix_advantages,
    ppo_loss,
)
from agents.rollout import Minibatch, Rollout
from world_models.belief import Carry
from world_models.trajectory import Trajectory

T, B, V, A = 9, 4, 2, 5


def make_traj(generator: torch.Generator, action: Tensor) -> Trajectory:
    first = torch.zeros(T + 1, B, dtype=torch.bool)
    ended = torch.zeros(T, B, dtype=torch.bool)
    for t, b in ((2, 0), (5, 1), (6, 3), (1, 3)):
        ended[t, b] = True
        first[t + 2, b] = True
    terminated = ended & (torch.arange(B) != 1)
    reward = 2 * torch.randn(T, B, generator=generator)
    return Trajectory(
        action,
        reward.masked_fill(first[1:], 0.0),
        terminated,
        ended & ~terminated,
        torch.zeros(T + 1, B, 1, 6, 7, dtype=torch.uint8),
        first,
    )


def make_rollout(generator: torch.Generator) -> Rollout:
    action = torch.randint(A, (T, B), generator=generator)
    traj = make_traj(generator, action)
    carry = Carry(traj.obs[:0], torch.zeros(B, 0), action[0])
    nothing = torch.zeros(T, B)
    value = torch.randn(V, T + 1, B, generator=generator)
    return Rollout(traj, carry, nothing[..., None], nothing, value)


def entries(mask: Tensor) -> list[tuple[int, int]]:
    return [(t, b) for t in range(T) for b in range(B) if mask[t, b]]


def test_advantages_are_mixed_by_weight_and_normalised_over_valid(
    generator: torch.Generator,
) -> None:
    rollout = make_rollout(generator)
    traj = rollout.traj
    intrinsic = torch.rand(T, B, generator=generator)
    streams = [
        RewardStream(2.0, 0.97, 0.9, clip=1.0),
        RewardStream(0.5, 0.9, 0.8, episodic=False),
    ]
    got = mix_advantages(rollout, streams, [traj.reward, intrinsic])
    assert (traj.reward.abs() > 1).any()
    each = [
        episodic_advantage(
            traj.reward.clamp(-1.0, 1.0),
            rollout.value[0],
            traj.terminated,
            traj.truncated,
            traj.first,
            0.97,
            0.9,
        ),
        continuing_advantage(intrinsic, rollout.value[1], traj.first, 0.9, 0.8),
    ]
    here = entries(traj.valid)
    assert len(here) == T * B - 4
    mixed = {x: 2.0 * each[0][x].item() + 0.5 * each[1][x].item() for x in here}
    mean = sum(mixed.values()) / len(here)
    std = math.sqrt(sum((a - mean) ** 2 for a in mixed.values()) / len(here))
    for x in here:
        assert got.advantage[x].item() == pytest.approx((mixed[x] - mean) / std, 1e-4)
        for v in range(V):
            want = each[v][x] + rollout.value[v][x]
            assert got.returns[v][x].item() == pytest.approx(want.item(), rel=1e-4)
    kept = got.advantage[traj.valid]
    assert kept.mean().item() == pytest.approx(0.0, abs=1e-5)
    assert kept.std(correction=0).item() == pytest.approx(1.0, rel=1e-4)


def test_weight_zero_removes_a_stream_from_the_advantage(
    generator: torch.Generator,
) -> None:
    rollout = make_rollout(generator)
    intrinsic = torch.rand(T, B, generator=generator)
    streams = [RewardStream(0.0, 0.97), RewardStream(1.0, 0.9, episodic=False)]
    reward = rollout.traj.reward
    one = mix_advantages(rollout, streams, [reward, intrinsic])
    other = mix_advantages(rollout, streams, [7 - 3 * reward, intrinsic])
    assert torch.equal(one.advantage, other.advantage)


def make_batch(
    generator: torch.Generator, action: Tensor, log_prob: Tensor
) -> tuple[Minibatch, Tensor]:
    """A batch with garbage on joining transitions, and current values."""
    traj = make_traj(generator, action)
    joins = ~traj.valid
    carry = Carry(traj.obs[:0], torch.zeros(B, 0), action[0])
    batch = Minibatch(
        traj,
        carry,
        log_prob,
        torch.randn(T, B, generator=generator).masked_fill(joins, 1e3),
        torch.randn(V, T, B, generator=generator).masked_fill(joins, -1e3),
        None,
    )
    return batch, torch.randn(V, T, B, generator=generator)


def check_loss(
    config: PpoConfig,
    batch: Minibatch,
    value: Tensor,
    log_prob: Tensor,
    entropy: Tensor,
    got: tuple[Tensor, dict[str, Tensor]],
) -> None:
    """The loss transition by transition."""
    here = entries(batch.traj.valid)
    gain = error = spread = kl = clipped = 0.0
    for t, b in here:
        log_ratio = float(log_prob[t, b] - batch.log_prob[t, b])
        ratio = math.exp(log_ratio)
        low, high = 1 - config.clip, 1 + config.clip
        advantage = float(batch.advantage[t, b])
        gain += min(ratio * advantage, min(max(ratio, low), high) * advantage)
        clipped += not low <= ratio <= high
        kl += ratio - 1 - log_ratio
        spread += float(entropy[t, b])
        for v in range(V):
            error += float(value[v, t, b] - batch.returns[v, t, b]) ** 2
    n = len(here)
    total, metrics = got
    want = (
        -gain / n + config.value_coeff * error / n - config.entropy_coeff * spread / n
    )
    assert total.item() == pytest.approx(want, rel=1e-4)
    assert metrics["loss/policy"].item() == pytest.approx(-gain / n, rel=1e-4)
    assert metrics["loss/value"].item() == pytest.approx(error / n, rel=1e-4)
    assert metrics["policy/entropy"].item() == pytest.approx(spread / n, rel=1e-4)
    assert metrics["policy/kl"].item() == pytest.approx(kl / n, rel=1e-3)
    assert metrics["policy/clip_fraction"].item() == pytest.approx(clipped / n)
    assert 0.1 < clipped / n < 0.9


CONFIG = PpoConfig(clip=0.2, entropy_coeff=0.07, value_coeff=0.3)


def test_loss_over_discrete_actions(generator: torch.Generator) -> None:
    action = torch.randint(A, (T, B), generator=generator)
    logits = torch.randn(T, B, A, generator=generator)
    each = torch.log_softmax(logits, -1)
    log_prob = torch.tensor(
        [[float(each[t, b, action[t, b]]) for b in range(B)] for t in range(T)]
    )
    old = log_prob + 0.3 * torch.randn(T, B, generator=generator)
    batch, value = make_batch(generator, action, old)
    entropy = -(each.exp() * each).sum(-1)
    total, metrics = ppo_loss(CONFIG, batch, Categorical(logits), value)
    check_loss(CONFIG, batch, value, log_prob, entropy, (total, dict(metrics)))


def test_loss_over_continuous_actions(generator: torch.Generator) -> None:
    mean = torch.randn(T, B, 3, generator=generator)
    log_std = torch.tensor([-0.5, 0.2, 0.1])
    action = mean + torch.randn(T, B, 3, generator=generator)
    normal = torch.distributions.Normal(mean, log_std.exp())
    log_prob = normal.log_prob(action).sum(-1)
    old = log_prob + 0.3 * torch.randn(T, B, generator=generator)
    batch, value = make_batch(generator, action, old)
    entropy = normal.entropy().sum(-1)
    total, metrics = ppo_loss(CONFIG, batch, DiagonalGaussian(mean, log_std), value)
    check_loss(CONFIG, batch, value, log_prob, entropy, (total, dict(metrics)))


def test_gradient_is_that_of_valid_unclipped_transitions(
    generator: torch.Generator,
) -> None:
    """Ratios that already paid off, and joins, move neither policy nor value."""
    action = torch.randint(A, (T, B), generator=generator)
    logits = torch.randn(T, B, A, generator=generator, requires_grad=True)
    distribution = Categorical(logits)
    now = distribution.log_prob(action).detach()
    batch, value = make_batch(
        generator, action, now + 0.5 * torch.randn(T, B, generator=generator)
    )
    value.requires_grad_()
    plain = PpoConfig(clip=0.2, entropy_coeff=0.0)
    ppo_loss(plain, batch, distribution, value).total.backward()
    ratio = (now - batch.log_prob).exp()
    paid = torch.where(batch.advantage > 0, ratio > 1.2, ratio < 0.8)
    assert logits.grad is not None
    assert value.grad is not None
    moved = logits.grad.abs().sum(-1) > 0
    assert torch.equal(moved, batch.traj.valid & ~paid)
    assert 0.1 < moved.float().mean() < 0.9
    assert torch.equal((value.grad != 0).all(0), batch.traj.valid)
    # along the advantage: the taken action's logit rises with a positive one
    taken = logits.grad.gather(-1, action[..., None])[..., 0]
    assert torch.equal(taken[moved] < 0, batch.advantage[moved] > 0)


def test_masked_mean_of_nothing_is_zero(generator: torch.Generator) -> None:
    values = torch.randn(T, B, generator=generator)
    assert masked_mean(values, torch.zeros(T, B, dtype=torch.bool)) == 0
    mask = torch.rand(T, B, generator=generator) < 0.3
    torch.testing.assert_close(masked_mean(values, mask), values[mask].mean())
