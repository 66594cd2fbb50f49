"""The disagreement of an ensemble inside a world model, paid as it is (1906.04161)."""

import torch
from torch.nn.functional import normalize

from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.ppo.agent import PpoAgent
from tests.agents.resuming import goes_on_exactly
from tests.agents.small import B, K, T, small
from world_models.predictor import LatentHeadConfig
from world_models.presets import byol_explore
from world_models.terms.ensemble import Ensemble, EnsembleConfig


def build(seed: int) -> PpoAgent:
    model = byol_explore(
        K, predictor=LatentHeadConfig(13), terms=(EnsembleConfig(4, 16),)
    )
    return small(seed, model, PredictionErrorConfig(term="disagreement"))


def test_it_trains_and_goes_on_exactly() -> None:
    agent = goes_on_exactly(build, 2)
    told = agent.train_step().metrics
    assert told["intrinsic/prediction-error/raw_mean"] > 0
    assert told["world_model/ensemble"] > 0
    assert told["world_model/disagreement"] > 0


def test_what_is_paid_is_the_variance_over_heads_where_it_lands() -> None:
    agent = build(5)
    agent.begin()
    agent.train_step()  # so that there is a context
    model = agent.world_model
    assert model is not None
    [term] = model.terms
    assert isinstance(term, Ensemble)
    experience, _ = agent.collector.collect()
    context, traj = experience.context, experience.traj
    assert context is not None
    scored = agent._score(experience, describe=False)
    raw = agent.signals["prediction-error"].curiosity.reward(scored).raw
    past = K - 1
    belief = torch.cat(
        [
            model.belief.along(context.traj, context.carry).belief,
            experience.extras["belief"],
        ]
    )
    action = model.belief.embedding(torch.cat([context.traj.action, traj.action]))
    valid = torch.cat([context.traj.valid, traj.valid])
    want = torch.zeros(T, B)
    for b in range(B):
        for start in range(past + T):
            at = belief[start, b]
            for k in range(min(K, past + T - start)):
                at = model.open_loop(at, action[start + k, b][None])[0]
                if not valid[start : start + k + 1, b].all():
                    break
                heads = torch.stack([normalize(x(at), dim=-1) for x in term.heads])
                lands = start + k - past
                if lands >= 0:
                    want[lands, b] += heads.var(0, correction=0).mean().item()
    torch.testing.assert_close(raw, want, rtol=1e-3, atol=1e-5)
