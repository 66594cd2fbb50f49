"""Impact per visit beside a loop over episodes of frames."""

import pytest
import torch

from agents.check.curiosity import check_curiosity
from agents.curiosity.embeddings.dynamics import DynamicsConfig
from agents.curiosity.episodic.ride import RideConfig
from tests.agents.curiosity.made import (
    EYES,
    SHAPE,
    B,
    T,
    around,
    goes_on,
    rollouts,
    some,
)

CONFIG = RideConfig(DynamicsConfig(EYES, hidden=9))


def test_rewards_are_those_of_a_loop() -> None:
    torch.manual_seed(0)
    signal = CONFIG.build(around())
    episodes: list[list[bytes]] = [[] for _ in range(B)]
    most = 0
    for i, scored in enumerate(some(rollouts(looks=4, ends=0.1), 4)):
        raw = signal.reward(scored).raw
        obs, first = scored.traj.obs, scored.traj.first
        with torch.no_grad():
            embedded = signal.dynamics.embedding(obs)
        for b in range(B):
            for r in range(1 if i else 0, T + 1):
                if first[r, b]:
                    episodes[b] = []
                episodes[b].append(obs[r, b].numpy().tobytes())
                if not r:
                    continue
                times = episodes[b].count(episodes[b][-1])
                most = max(most, times)
                impact = float((embedded[r, b] - embedded[r - 1, b]).norm())
                want = 0.0 if first[r, b] else impact / times**0.5
                assert raw[r - 1, b].item() == pytest.approx(want, abs=1e-5)
    assert most > 2


def test_contract_and_resume() -> None:
    check_curiosity(CONFIG.build, SHAPE)
    goes_on(lambda: CONFIG.build(around()))
