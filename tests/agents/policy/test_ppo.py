"""PPO's loss and the mix of advantages, against loops."""

import math

import pytest
import torch
from torch import Tensor

from agents.policy.actor_critic import Categorical, DiagonalGaussian
from agents.policy.advantages import (
    continuing_advantage,
    episodic_advantage,
)
from agents.policy.ppo import (
    Mixed,
    PpoBatch,
    PpoConfig,
    RewardStream,
    masked_mean,
    mix_advantages,
    ppo_loss,
)
from tests.shapes import rounds

T, B, V, A = 9, 4, 2, 5


def make_rollout(generator: torch.Generator) -> dict[str, Tensor]:
    """Rewards of the world, values and flags, with joins where rewards are 0."""
    first = torch.zeros(T + 1, B, dtype=torch.bool)
    ended = torch.zeros(T, B, dtype=torch.bool)
    for t, b in ((2, 0), (5, 1), (6, 3), (1, 3), (7, 2)):
        ended[t, b] = True
        first[t + 2, b] = True
    terminated = ended & (torch.arange(B) != 1)
    reward = 2 * torch.randn(T, B, generator=generator)
    return {
        "reward": reward.masked_fill(first[1:], 0.0),
        "values": torch.randn(V, T + 1, B, generator=generator),
        "terminated": terminated,
        "truncated": ended & ~terminated,
        "first": first,
    }


def mix(
    streams: list[RewardStream],
    rewards: list[Tensor],
    rollout: dict[str, Tensor],
    least_std: float = 1e-6,
) -> Mixed:
    rest = {name: x for name, x in rollout.items() if name != "reward"}
    return mix_advantages(streams, rewards, **rest, least_std=least_std)


def entries(mask: Tensor) -> list[tuple[int, int]]:
    return [(t, b) for t in range(T) for b in range(B) if mask[t, b]]


STREAMS = [
    RewardStream(2.0, 0.97, 0.9, clip=1.0),
    RewardStream(0.5, 0.9, 0.8, episodic=False),
]


def test_advantages_are_mixed_by_weight_and_normalised_over_valid(
    generator: torch.Generator,
) -> None:
    rollout = make_rollout(generator)
    reward, first = rollout["reward"], rollout["first"]
    intrinsic = torch.rand(T, B, generator=generator)
    got = mix(STREAMS, [reward, intrinsic], rollout)
    assert (reward.abs() > 1).any()
    flags = rollout["terminated"], rollout["truncated"], first
    value = rollout["values"]
    each = [
        episodic_advantage(reward.clamp(-1.0, 1.0), value[0], *flags, 0.97, 0.9),
        continuing_advantage(intrinsic, value[1], first, 0.9, 0.8),
    ]
    here = entries(~first[1:])
    assert len(here) == T * B - 5
    mixed = {x: 2.0 * each[0][x].item() + 0.5 * each[1][x].item() for x in here}
    mean = sum(mixed.values()) / len(here)
    std = math.sqrt(sum((a - mean) ** 2 for a in mixed.values()) / len(here))
    for x in here:
        assert got.advantage[x].item() == pytest.approx((mixed[x] - mean) / std, 1e-4)
        for v in range(V):
            want = each[v][x] + value[v][x]
            assert got.returns[v][x].item() == pytest.approx(want.item(), rel=1e-4)
    kept = got.advantage[~first[1:]]
    assert kept.mean().item() == pytest.approx(0.0, abs=1e-5)
    assert kept.std(correction=0).item() == pytest.approx(1.0, rel=1e-4)


def test_values_learn_from_joins_only_where_the_return_passes_through(
    generator: torch.Generator,
) -> None:
    rollout = make_rollout(generator)
    first, values = rollout["first"], rollout["values"]
    got = mix(STREAMS, [rollout["reward"]] * 2, rollout)
    for t, b in entries(torch.ones(T, B, dtype=torch.bool)):
        joins = bool(first[t + 1, b])
        assert got.value_valid[0, t, b] == (not joins)
        assert got.value_valid[1, t, b]
        if joins:
            assert got.returns[1, t, b] == values[1, t + 1, b]
    assert first[T].any()  # also where the next row is the last


@pytest.mark.parametrize("factor", [1.0, 1e-3])
@pytest.mark.parametrize("size", [1.0, 0.1, 1e-3, 0.0])
def test_small_advantages_stay_small(size: float, factor: float) -> None:
    """±s, with weights 2 and 1: s / max(s, 3 c), at any scale of the weights."""
    sign = torch.where(torch.arange(T * B).view(T, B) % 2 == 0, 1.0, -1.0)
    none = torch.zeros(T, B, dtype=torch.bool)
    rollout = {
        "values": torch.zeros(V, T + 1, B),
        "terminated": none,
        "truncated": none,
        "first": torch.zeros(T + 1, B, dtype=torch.bool),
    }
    streams = [RewardStream(2.0 * factor, 0.0), RewardStream(-factor, 0.0)]
    rewards = [size * sign, -size * sign]  # 2 s + s
    got = mix(streams, rewards, rollout, 0.05).advantage
    torch.testing.assert_close(got, sign * min(1.0, size / 0.05), rtol=1e-5, atol=1e-7)


def test_weight_zero_removes_a_stream_from_the_advantage(
    generator: torch.Generator,
) -> None:
    rollout = make_rollout(generator)
    intrinsic = torch.rand(T, B, generator=generator)
    streams = [RewardStream(0.0, 0.97), RewardStream(1.0, 0.9, episodic=False)]
    reward = rollout["reward"]
    one = mix(streams, [reward, intrinsic], rollout)
    other = mix(streams, [7 - 3 * reward, intrinsic], rollout)
    assert torch.equal(one.advantage, other.advantage)


def test_a_rollout_that_ends_on_a_final_row_needs_its_value() -> None:
    """Rows s, s, f in turn, reward 1 at each step, γ = 0.8: V = 5 in both.

    Rollouts of one step: every third begins with the row before f and bootstraps from
    V(f), every third with the joining transition. Only its target makes V(f) right.
    """
    stream, value = RewardStream(1.0, 0.8, episodic=False), torch.zeros(2)
    value.requires_grad_()
    no, yes = torch.zeros(1, 1, dtype=torch.bool), torch.ones(1, 1, dtype=torch.bool)
    optimizer = torch.optim.SGD([value], lr=0.4)
    rows = [(0, 0, no), (0, 1, no), (1, 0, yes)]  # row, next row, whether that is first
    logits = torch.zeros(1, 1, A)
    for _ in rounds(100):
        for row, following, joins in rows:
            reward = (~joins).float()
            seen = value.detach()[[row, following]][None, :, None]
            first = torch.cat([no, joins])
            mixed = mix_advantages([stream], [reward], seen, no, no, first, 1.0)
            action = torch.zeros(1, 1, dtype=torch.int64)
            old = Categorical(logits).log_prob(action)
            batch = PpoBatch(
                action,
                old,
                mixed.advantage,
                mixed.returns,
                ~joins,
                mixed.value_valid,
            )
            loss = ppo_loss(
                PpoConfig(), batch, Categorical(logits), value[row].view(1, 1, 1)
            )
            optimizer.zero_grad()
            loss.total.backward()
            optimizer.step()
    torch.testing.assert_close(value.detach(), torch.full((2,), 5.0), rtol=1e-3, atol=0)
    advantage = stream.advantage(
        torch.ones(1, 1), value.detach()[:, None], no, no, torch.cat([no, no])
    )
    assert advantage.abs().item() < 0.01


def make_batch(
    generator: torch.Generator, action: Tensor, log_prob: Tensor
) -> tuple[PpoBatch, Tensor]:
    """A batch with garbage where nothing counts, and current values.

    The second stream has value targets on some joining transitions.
    """
    valid = ~make_rollout(generator)["first"][1:]
    value_valid = torch.stack([valid, valid])
    value_valid[1, 3, 0] = value_valid[1, 6, 1] = True
    batch = PpoBatch(
        action,
        log_prob,
        torch.randn(T, B, generator=generator).masked_fill(~valid, 1e3),
        torch.randn(V, T, B, generator=generator).masked_fill(~value_valid, -1e3),
        valid,
        value_valid,
    )
    assert batch.value_valid[1].sum() == valid.sum() + 2
    return batch, torch.randn(V, T, B, generator=generator)


def check_loss(
    config: PpoConfig,
    batch: PpoBatch,
    value: Tensor,
    log_prob: Tensor,
    entropy: Tensor,
    got: tuple[Tensor, dict[str, Tensor]],
) -> None:
    """The loss transition by transition."""
    here = entries(batch.valid)
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
        learned = entries(batch.value_valid[v])
        squares = (float(value[v][x] - batch.returns[v][x]) ** 2 for x in learned)
        error += sum(squares) / len(learned)
    n = len(here)
    total, metrics = got
    want = -gain / n + config.value_coeff * error - config.entropy_coeff * spread / n
    assert total.item() == pytest.approx(want, rel=1e-4)
    assert metrics["loss/policy"].item() == pytest.approx(-gain / n, rel=1e-4)
    assert metrics["loss/value"].item() == pytest.approx(error, rel=1e-4)
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
    assert torch.equal(moved, batch.valid & ~paid)
    assert 0.1 < moved.float().mean() < 0.9
    assert torch.equal(value.grad != 0, batch.value_valid)
    # along the advantage: the taken action's logit rises with a positive one
    taken = logits.grad.gather(-1, action[..., None])[..., 0]
    assert torch.equal(taken[moved] < 0, batch.advantage[moved] > 0)


def test_masked_mean_of_nothing_is_zero(generator: torch.Generator) -> None:
    values = torch.randn(T, B, generator=generator)
    assert masked_mean(values, torch.zeros(T, B, dtype=torch.bool)) == 0
    mask = torch.rand(T, B, generator=generator) < 0.3
    torch.testing.assert_close(masked_mean(values, mask), values[mask].mean())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"clip": 0.0}, "clip must be above 0, not 0.0"),
        ({"clip": -1.0}, "clip must be above 0, not -1.0"),
        ({"normalize": True, "discount": 1.0}, "normalize needs a discount below 1"),
    ],
)
def test_streams_that_cannot_be_are_refused(
    fields: dict[str, float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        RewardStream(**{"weight": 1.0, "discount": 0.9, **fields})  # type: ignore[arg-type]
    assert RewardStream(1.0, 0.9, clip=0.1, normalize=True).normalize
    assert RewardStream(1.0, 1.0).clip is None


def test_a_negative_floor_is_refused() -> None:
    with pytest.raises(ValueError, match="least_advantage_std must be at least 0"):
        PpoConfig(least_advantage_std=-0.1)
