"""Prediction error on losses made by hand."""

from dataclasses import replace

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
from agents.curiosity.scored import Scored
from agents.curiosity.signal import Surroundings
from envs.vector_env import DiscreteActions, EnvSpec
from ssl_objectives.refusal import ConfigError
from world_models.model_loss import PREDICTION, ModelLoss, prediction_valid

T, B, K = 11, 3, 5


def scored(context: int, generator: torch.Generator, size: float = 1.0) -> Scored:
    """Random losses of predictions from `context` earlier rows and from a rollout."""
    first = torch.rand(T + 1, B, generator=generator) < 0.2
    first[4, 1] = True
    obs = torch.zeros(T + 1, B, 1, 6, 7, dtype=torch.uint8)
    rollout = Scored.from_rollout(obs, torch.zeros(T, B, dtype=torch.int64), first)
    before = torch.rand(context, B, generator=generator) < 0.9
    valid = prediction_valid(torch.cat([before, rollout.valid]), K, context)
    terms = {
        name: size * (1 + torch.rand(K, context + T, B, generator=generator))
        for name in (PREDICTION, "spread")
    }
    loss = ModelLoss(terms, valid, torch.tensor(1e3), num_context=context)
    return replace(rollout, model_loss=loss)


def naive_arrival(rollout: Scored, context: int, term: str = PREDICTION) -> Tensor:
    """Every prediction adds its loss to the transition it lands on."""
    paid = torch.zeros(T, B)
    loss = rollout.known
    for k in range(K):
        for start in range(context + T):
            for b in range(B):
                landing = start + k - context
                if 0 <= landing < T and loss.valid[k, start, b]:
                    paid[landing, b] += loss.terms[term][k, start, b]
    return paid.masked_fill(~rollout.valid, 0.0)


def around(discount: float) -> Surroundings:
    spec = EnvSpec(B, (1, 6, 7), DiscreteActions(5), torch.device("cpu"))
    return Surroundings(spec, 17, 24, discount)


@pytest.mark.parametrize("context", [0, 2, K - 1])
def test_raw_reward_is_the_sum_of_what_lands(
    generator: torch.Generator, context: int
) -> None:
    """Context adds to the first transitions, and is never paid itself."""
    rollout = scored(context, generator)
    paid = PredictionError(Unscaled(), PayAll()).reward(rollout)
    want = naive_arrival(rollout, context)
    torch.testing.assert_close(paid.raw, want)
    assert torch.equal(paid.reward, paid.raw)
    landed = rollout.known.valid[
        :, context
    ]  # predictions of row 1 from rows 0, -1, -2, …
    assert landed[0].any()
    if context == K - 1:
        assert paid.raw[0].max() > 2  # more than one prediction landed there


def debiased(values: list[float], decay: float) -> float:
    """Their exponential average, the latest with the largest weight."""
    weights = [decay ** (len(values) - 1 - i) for i in range(len(values))]
    return float(np.average(values, weights=weights))


def test_reward_is_scaled_by_std_and_paid_above_the_mean(
    generator: torch.Generator,
) -> None:
    """And then divided by the std of its own discounted return.

    Of the averages over rollouts and those of this one, the smaller count.
    """
    decay, discount, slow = 0.7, 0.9, 0.95
    signal = PredictionErrorConfig(ema_decay=decay).build(around(discount))
    means, squares, scaled_means = [], [], []
    return_means, squared_returns, running = [], [], [0.0] * B
    for size in (1.0, 3.0, 0.5):
        rollout = scored(K - 1, generator, size)
        got = signal.reward(rollout).reward
        valid = rollout.valid
        raw = naive_arrival(rollout, K - 1)
        paid = raw[valid].double().numpy()
        means.append(paid.mean())
        squares.append((paid**2).mean())
        std = (debiased(squares, decay) - debiased(means, decay) ** 2) ** 0.5
        scaled = raw / min(std, paid.std())
        scaled_means.append(scaled[valid].mean().item())
        mean = min(debiased(scaled_means, decay), scaled_means[-1])
        chosen = (scaled - mean).clamp(min=0.0).masked_fill(~valid, 0.0)
        returns = []
        for t, b in valid.nonzero().tolist():
            running[b] = discount * running[b] + chosen[t, b].item()
            returns.append(running[b])
        return_means.append(float(np.mean(returns)))
        squared_returns.append(float(np.mean(np.square(returns))))
        square = debiased(squared_returns, slow)
        spread = (square - debiased(return_means, slow) ** 2) ** 0.5
        most = chosen.max().item()
        want = chosen / max(spread, most / 10, square**0.5 / 100)
        torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-4)
        assert (got > 0).any()
        assert (got[valid] == 0).any()


def test_config_chooses_the_parts() -> None:
    config = PredictionErrorConfig(ema_decay=0.5)
    signal = config.build(around(0.97))
    assert isinstance(signal.scale, EmaStdScale)
    assert isinstance(signal.prioritizer, AboveMean)
    assert signal.scale.moments.decay == signal.prioritizer.moments.decay == 0.5
    assert isinstance(signal.payout, ReturnStdScale)
    assert signal.payout.discount == 0.97
    plain = PredictionErrorConfig(prioritize=False).build(around(0.99))
    assert isinstance(plain.prioritizer, PayAll)
    assert isinstance(PredictionError(Unscaled(), PayAll()).payout, Unscaled)
    assert not list(signal.parameters())


def test_another_term_of_the_model_can_be_paid(generator: torch.Generator) -> None:
    rollout = scored(K - 1, generator)
    signal = PredictionErrorConfig(term="spread").build(around(0.99))
    raw = signal.reward(rollout).raw
    torch.testing.assert_close(raw, naive_arrival(rollout, K - 1, "spread"))
    wrong = PredictionErrorConfig(term="spred").build(around(0.99))
    with pytest.raises(ConfigError, match="no term 'spred', only prediction, spread"):
        wrong.reward(rollout)


def test_it_says_that_it_needs_a_model(generator: torch.Generator) -> None:
    signal = PredictionErrorConfig().build(around(0.99))
    assert signal.needs_model
    with pytest.raises(ValueError, match="there is none: add --model byol-explore"):
        signal.reward(replace(scored(0, generator), model_loss=None))
