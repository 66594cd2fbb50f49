"""BYOL-Hindsight's whole reward, against its equation."""

import pytest
import torch

from agents.curiosity.hindsight import HindsightErrorConfig
from agents.curiosity.signal import Surroundings
from agents.ppo.agent import PpoAgent
from ssl_objectives.refusal import ConfigError
from tests.agents.small import small
from world_models.hindsight.config import HindsightHeadConfig
from world_models.hindsight.head import INVARIANCE
from world_models.model_loss import PREDICTION
from world_models.presets import byol_explore, byol_hindsight

LAM = 0.4
HEAD = HindsightHeadConfig(code=5, noise=6, hidden=12, critic_size=6, lam=LAM)


def build() -> PpoAgent:
    model = byol_hindsight(3, predictor=HEAD)
    return small(1, model, HindsightErrorConfig(lam=LAM))


def test_error_over_lam_and_what_codes_tell_too_much() -> None:
    agent = build()
    agent.begin()
    for _ in range(2):
        told = agent.train_step().metrics
    assert told["intrinsic/hindsight-error/reward_mean"].isfinite()
    experience, _ = agent.collector.collect()
    scored = agent._score(experience, True)
    raw = agent.signals["hindsight-error"].curiosity.reward(scored).raw
    loss = scored.known
    rows = experience.traj.first.shape[1]
    positive = 0
    for t in range(9):
        for b in range(rows):
            error, code = 0.0, 0.0
            for k in range(3):
                start = loss.num_context + t - k
                if loss.valid[k, start, b]:
                    error += float(loss.terms[PREDICTION][k, start, b])
                    code += float(loss.terms[INVARIANCE][k, start, b])
            positive += code > 0
            want = error / LAM + max(code, 0.0) if scored.valid[t, b] else 0.0
            assert raw[t, b].item() == pytest.approx(want, abs=1e-5)
    assert 0 < positive < 9 * rows


def test_what_codes_tell_is_measured_before_anything_is_learned() -> None:
    agent, twin = build(), build()
    for x in (agent, twin):
        x.begin()
        x.train_step()
    told = agent.train_step().metrics
    scored = twin._score(twin.collector.collect()[0], True)
    loss = scored.known
    want = loss.terms[INVARIANCE][loss.valid].mean()
    torch.testing.assert_close(told["world_model/fresh_invariance"], want)
    assert not torch.isclose(told["world_model/invariance"], want)


def test_a_model_without_codes_is_refused() -> None:
    agent = small(1, byol_explore(3), HindsightErrorConfig())
    agent.begin()
    with pytest.raises(ConfigError, match="no term 'invariance'"):
        agent.train_step()


def test_small_errors_are_paid_where_nothing_is_prioritised() -> None:
    agent = build()
    agent.begin()
    scored = agent._score(agent.collector.collect()[0], True)
    around = Surroundings(agent.env.spec, 17, 24, 0.8, agent.world_model)
    for prioritize in (True, False):
        config = HindsightErrorConfig(0.5, prioritize, LAM)
        paid = config.build(around).reward(scored)
        small_too = bool((paid.reward[paid.raw > 0] > 0).all())
        assert small_too != prioritize


def test_a_weight_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="lam"):
        HindsightErrorConfig(lam=0.0)
