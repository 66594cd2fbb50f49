"""Novelty differences beside a loop over episodes of frames."""

import pytest
import torch

from agents.check.curiosity import check_curiosity
from agents.curiosity.episodic.noveld import NoveldConfig
from agents.curiosity.rnd import RndConfig
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

CONFIG = NoveldConfig(RndConfig(EYES, size=5, warm_up_steps=2))


def test_first_visits_of_what_is_more_novel_are_paid() -> None:
    torch.manual_seed(0)
    signal = CONFIG.build(around())
    streamed = some(rollouts(looks=5, ends=0.1), 4)
    signal.warm_up(streamed[0].traj.obs)
    episodes: list[list[bytes]] = [[] for _ in range(B)]
    kinds = {"again": 0, "less novel": 0, "paid": 0}
    for i, scored in enumerate(streamed):
        raw = signal.reward(scored).raw
        obs, first = scored.traj.obs, scored.traj.first
        # statistics of now: reward has just let them follow
        with torch.no_grad():
            novel = signal.novelty.error(obs.flatten(0, 1)).view(T + 1, B).sqrt()
        for b in range(B):
            for r in range(T + 1):
                frame = obs[r, b].numpy().tobytes()
                if r == 0 and i:
                    continue
                if first[r, b]:
                    episodes[b] = []
                if r and not first[r, b]:
                    gain = float(novel[r, b] - 0.5 * novel[r - 1, b])
                    again = frame in episodes[b]
                    want = 0.0 if again else max(gain, 0.0)
                    kind = "again" if again else "paid" if gain > 0 else "less novel"
                    kinds[kind] += 1
                    assert raw[r - 1, b].item() == pytest.approx(want, abs=1e-5)
                elif r:
                    assert raw[r - 1, b] == 0
                episodes[b].append(frame)
    assert kinds["again"] > 5
    assert kinds["paid"] > 5


def test_the_first_visit_is_one_of_the_episode_not_of_the_run() -> None:
    """The same frames again, in an episode of their own, pay again."""
    signal = CONFIG.build(around())
    [scored] = some(rollouts(looks=50, ends=0.0), 1)
    again = some(rollouts(looks=50, ends=0.0), 1)[0]
    first, second = signal.reward(scored).raw, signal.reward(again).raw
    # row 0 of the second was not added again, and row T of the first stays
    assert (first > 0).float().mean() > 0.3
    assert (second > 0).sum() <= (first > 0).sum()
    begins = again.traj.first.clone()
    begins[1] = True
    object.__setattr__(again.traj, "first", begins)
    third = signal.reward(again).raw
    assert (third[1:] > 0).float().mean() > 0.3


def test_it_learns_by_distillation() -> None:
    signal, [scored] = CONFIG.build(around()), some(rollouts(), 1)
    got, want = (x.loss(learning_of(scored)) for x in (signal, signal.novelty))
    assert torch.equal(total(got), total(want))


def test_contract_and_resume() -> None:
    check_curiosity(CONFIG.build, SHAPE)
    goes_on(lambda: CONFIG.build(around()))


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="alpha must be at least 0"):
        NoveldConfig(alpha=-0.1)
