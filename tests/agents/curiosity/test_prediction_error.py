"""Prediction error on losses made by hand."""

import numpy as np
import pytest
import torch
from torch import Tensor

from agents.curiosity.normalize import (
    AboveMean,
    EmaStdScale,
    PayAll,
    ReturnStdScale,
    Unscaled,
)
from agents.curiosity.prediction_error import PredictionError, PredictionErrorConfig
from agents.rollout import Rollout
from world_models.belief import Carry
from world_models.model_loss import ModelLoss, prediction_valid
from world_models.trajectory import Trajectory

T, B, K = 11, 3, 5


def make_rollout(generator: torch.Generator) -> Rollout:
    first = torch.rand(T + 1, B, generator=generator) < 0.2
    first[4, 1] = True
    no = torch.zeros(T, B, dtype=torch.bool)
    traj = Trajectory(
        action=torch.zeros(T, B, dtype=torch.int64),
        reward=torch.zeros(T, B),
        terminated=no,
        truncated=no,
        obs=torch.zeros(T + 1, B, 1, 6, 7, dtype=torch.uint8),
        first=first,
    )
    carry = Carry(traj.obs[:0], torch.zeros(B, 0), traj.action[0])
    nothing = torch.zeros(T, B)
    value = torch.zeros(2, T + 1, B)
    return Rollout(traj, carry, nothing[..., None], nothing, value)


def surprise(rollout: Rollout, context: int, generator: torch.Generator) -> ModelLoss:
    """Random losses of predictions from `context` earlier rows and from the rollout."""
    before = torch.rand(context, B, generator=generator) < 0.9
    valid = prediction_valid(torch.cat([before, rollout.traj.valid]), K)
    losses = 1 + torch.rand(K, context + T, B, generator=generator)
    return ModelLoss(losses, valid, torch.tensor(1e3))


def naive_arrival(loss: ModelLoss, rollout: Rollout, context: int) -> Tensor:
    """Every prediction adds its loss to the transition it lands on."""
    paid = torch.zeros(T, B)
    for k in range(K):
        for start in range(context + T):
            for b in range(B):
                landing = start + k - context
                if 0 <= landing < T and loss.valid[k, start, b]:
                    paid[landing, b] += loss.per_prediction[k, start, b]
    return paid.masked_fill(~rollout.traj.valid, 0.0)


@pytest.mark.parametrize("context", [0, 2, K - 1])
def test_raw_reward_is_the_sum_of_what_lands(
    generator: torch.Generator, context: int
) -> None:
    """Context adds to the first transitions, and is never paid itself."""
    rollout = make_rollout(generator)
    loss = surprise(rollout, context, generator)
    paid = PredictionError(Unscaled(), PayAll()).reward(rollout, loss)
    want = naive_arrival(loss, rollout, context)
    torch.testing.assert_close(paid.raw, want)
    assert torch.equal(paid.reward, paid.raw)
    landed = loss.valid[:, context]  # predictions of row 1 from rows 0, -1, -2, …
    assert landed[0].any()
    if context == K - 1:
        assert paid.raw[0].max() > 2  # more than one prediction landed there


def test_reward_is_scaled_by_std_and_paid_above_the_mean(
    generator: torch.Generator,
) -> None:
    """The smaller of average and own; then divided by the std of its own return."""
    decay, discount = 0.7, 0.9
    config = PredictionErrorConfig(ema_decay=decay)
    signal = config.build((1, 6, 7), B, discount)
    means, squares, scaled_means = [], [], []
    firsts, seconds, running = [], [], [0.0] * B
    for n in range(1, 4):
        rollout = make_rollout(generator)
        loss = surprise(rollout, K - 1, generator)
        got = signal.reward(rollout, loss).reward
        valid = rollout.traj.valid
        raw = naive_arrival(loss, rollout, K - 1)

        def debiased(values: list[float], n: int = n) -> float:
            weights = [(1 - decay) * decay ** (n - 1 - i) for i in range(n)]
            total = sum(w * v for w, v in zip(weights, values, strict=True))
            return total / (1 - decay**n)

        means.append(raw[valid].mean().item())
        squares.append((raw[valid] ** 2).mean().item())
        sigma = (debiased(squares) - debiased(means) ** 2) ** 0.5
        sigma = min(sigma, raw[valid].std(correction=0).item())
        scaled_means.append((raw[valid] / sigma).mean().item())
        zero = min(debiased(scaled_means), scaled_means[-1])
        chosen = (raw / sigma - zero).clamp(min=0.0)
        returns = []
        for b in range(B):
            for t in range(T):
                if valid[t, b]:
                    running[b] = discount * running[b] + chosen[t, b].item()
                    returns.append(running[b])
        firsts.append(float(np.mean(returns)))
        seconds.append(float(np.mean(np.square(returns))))
        weights = 0.95 ** np.arange(n)[::-1]
        first, second = (np.average(x, weights=weights) for x in (firsts, seconds))
        std = (second - first**2) ** 0.5
        want = chosen.masked_fill(~valid, 0.0) / float(std)
        torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-4)
        assert (got > 0).any()
        assert (got[valid] == 0).any()


def test_config_chooses_the_parts() -> None:
    config = PredictionErrorConfig(ema_decay=0.5)
    signal = config.build((1, 6, 7), B, 0.97)
    assert isinstance(signal.scale, EmaStdScale)
    assert isinstance(signal.prioritizer, AboveMean)
    assert signal.scale.moments.decay == signal.prioritizer.moments.decay == 0.5
    assert isinstance(signal.payout, ReturnStdScale)
    assert signal.payout.discount == 0.97
    plain = PredictionErrorConfig(prioritize=False).build((1, 6, 7), B, 0.99)
    assert isinstance(plain.prioritizer, PayAll)
    assert isinstance(PredictionError(Unscaled(), PayAll()).payout, Unscaled)
    assert not list(signal.parameters())


def test_it_says_that_it_needs_a_model(generator: torch.Generator) -> None:
    signal = PredictionErrorConfig().build((1, 6, 7), B, 0.99)
    assert signal.needs_model
    with pytest.raises(ValueError, match="needs a world model: --model byol-explore"):
        signal.reward(make_rollout(generator), None)
