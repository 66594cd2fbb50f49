"""Errors less variances beside a loop over squares, and where there is noise."""

import math

import pytest
import torch

from agents.check.curiosity import check_curiosity
from agents.curiosity.errors.ama import AmaConfig
from agents.curiosity.scored import Scored
from tests.agents.curiosity.made import (
    EYES,
    SHAPE,
    B,
    T,
    around,
    goes_on,
    learning_of,
    rollouts,
    some,
    total,
)

CONFIG = AmaConfig(EYES, hidden=9, grid=3, eta=0.5, lam=0.7)


def test_reward_and_loss_are_those_of_a_loop() -> None:
    torch.manual_seed(0)
    signal, [scored] = CONFIG.build(around()), some(rollouts(), 1)
    raw, obs = signal.reward(scored).raw, scored.traj.obs
    losses = []
    for t in range(T):
        for b in range(B):
            if not scored.valid[t, b]:
                assert raw[t, b] == 0
                continue
            with torch.no_grad():
                told = signal.ahead.encoder(obs[t, b])
                did = signal.ahead.action(scored.traj.action[t, b])
                guess = signal.ahead.net(torch.cat([told, did])).tolist()
            frame, paid, loss = obs[t + 1, b, 0].double() / 255, 0.0, 0.0
            for p in range(9):
                y, x = divmod(p, 3)
                left, right = x * 13 // 3, -(-(x + 1) * 13 // 3)  # 12 x 13 pixels
                square = float(frame[4 * y : 4 * y + 4, left:right].mean())
                error, s = (guess[p] - square) ** 2, guess[9 + p]
                paid += (error - 0.5 * math.exp(s)) / 9
                loss += (math.exp(-s) * error + 0.7 * s) / 9
            assert raw[t, b].item() == pytest.approx(paid, rel=1e-4)
            losses.append(loss)
    got = total(signal.loss(learning_of(scored))).item()
    assert got == pytest.approx(sum(losses) / len(losses), rel=1e-4)


def test_noise_is_paid_little_once_its_variance_is_known() -> None:
    torch.manual_seed(0)
    signal = AmaConfig(EYES, hidden=32, grid=2).build(around())
    optimizer = torch.optim.Adam(signal.parameters(), 1e-2)
    generator = torch.Generator().manual_seed(1)

    def noise() -> Scored:
        bright = torch.randint(0, 256, (T + 1, B, 1, 1, 1), generator=generator)
        obs = bright.expand(T + 1, B, *SHAPE).to(torch.uint8).clone()
        never = torch.zeros(T + 1, B, dtype=torch.bool)
        return Scored.from_rollout(obs, torch.zeros(T, B).long(), never)

    for _ in range(100):
        optimizer.zero_grad()
        total(signal.loss(learning_of(noise()))).backward()
        optimizer.step()
    rolled = [noise() for _ in range(20)]
    paid = torch.stack([signal.reward(x).raw for x in rolled]).mean()
    with torch.no_grad():
        errors = torch.stack([signal.ahead(x.traj)[0] for x in rolled]).mean()
    assert errors > 0.05
    assert abs(float(paid)) < 0.35 * float(errors)


def test_contract_and_resume() -> None:
    check_curiosity(CONFIG.build, SHAPE)
    goes_on(lambda: CONFIG.build(around()))


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="lam and clip must be above 0"):
        AmaConfig(lam=0.0)
    with pytest.raises(
        ValueError,
        match=r"grid must be from 1 to 12, the smaller side.*--curiosity.grid 12",
    ):
        AmaConfig(EYES).build(around())
