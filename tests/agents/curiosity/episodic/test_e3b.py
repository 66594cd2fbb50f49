"""Elliptical bonuses beside an explicit inverse, and beside a loop over envs."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from agents.check.curiosity import check_curiosity
from agents.curiosity.episodic.e3b import E3bConfig
from envs.vector_env import ContinuousActions
from tests.agents.curiosity.made import (
    DISCOUNT,
    EYES,
    SHAPE,
    B,
    T,
    around,
    by_episode,
    goes_on,
    learning_of,
    rollouts,
    some,
    total,
)

CONFIG = E3bConfig(EYES, hidden=9)


def test_rewards_are_those_of_an_explicit_inverse() -> None:
    signal, streamed = CONFIG.build(around()), some(rollouts(), 3)
    with torch.no_grad():
        rows = [signal.embedding(x.traj.obs) for x in streamed]
    size = rows[0].shape[-1]

    def worth(episode: list[Tensor], row: Tensor) -> float:
        scatter = 0.1 * torch.eye(size, dtype=torch.float64)
        for x in episode:
            scatter += torch.outer(x.double(), x.double())
        return float(row.double() @ torch.linalg.inv(scatter) @ row.double())

    want = by_episode(rows, streamed, worth)
    returns, running = [], [0.0] * B
    for scored, wanted in zip(streamed[:1], want[:1], strict=True):
        paid = signal.reward(scored)
        torch.testing.assert_close(paid.raw, wanted, rtol=1e-4, atol=1e-4)
        # the scale: the std of returns along time, in each env
        for t in range(T):
            for b in range(B):
                if scored.valid[t, b]:
                    running[b] = DISCOUNT * running[b] + float(wanted[t, b])
                    returns.append(running[b])
        std = torch.tensor(returns).std(correction=0)
        least = max(std, wanted.max() / 10)
        torch.testing.assert_close(paid.reward, wanted / least, rtol=1e-3, atol=1e-4)
    for scored, wanted in zip(streamed[1:], want[1:], strict=True):
        raw = signal.reward(scored).raw
        torch.testing.assert_close(raw, wanted, rtol=1e-4, atol=1e-4)


def test_the_embedding_learns_which_action_was_taken() -> None:
    signal, [scored] = CONFIG.build(around()), some(rollouts(), 1)
    obs, action, valid = scored.traj.obs, scored.traj.action, scored.valid
    each = []
    with torch.no_grad():
        for t in range(T):
            for b in range(B):
                if valid[t, b]:
                    pair = signal.embedding(obs[t : t + 2, b : b + 1])[:, 0].flatten()
                    guess = signal.embedding.head(pair)
                    each.append(float(cross_entropy(guess, action[t, b])))
    got = total(signal.loss(learning_of(scored)))
    assert got.item() == pytest.approx(sum(each) / len(each), rel=1e-4)


def test_continuous_actions_are_told_by_their_square() -> None:
    signal = CONFIG.build(around(ContinuousActions((-1.0, 0.0), (1.0, 3.0))))
    [scored] = some(rollouts(), 1)
    action = torch.linspace(-1.5, 1.5, T * B * 2).view(T, B, 2)
    with torch.no_grad():
        embedded = signal.embedding(scored.traj.obs)
        guess = signal.embedding.head(torch.cat([embedded[:-1], embedded[1:]], -1))
        got = signal.embedding.error(embedded, action)
    want = (guess - action.clamp(-1, 1)).square().mean(-1)
    torch.testing.assert_close(got, want)


def test_contract_and_resume() -> None:
    check_curiosity(CONFIG.build, SHAPE)
    goes_on(lambda: CONFIG.build(around()))


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="ridge must be above 0"):
        E3bConfig(ridge=0.0)
