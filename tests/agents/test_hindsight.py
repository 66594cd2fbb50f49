"""An agent whose world model predicts in hindsight, against an adversary."""

import torch

from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.ppo.agent import PpoAgent
from agents.ppo.build import ReplayConfig
from tests.agents.resuming import goes_on_exactly, leaves
from tests.agents.small import small
from world_models.hindsight.config import HindsightHeadConfig
from world_models.hindsight.head import HindsightHead
from world_models.presets import byol_hindsight

MODEL = byol_hindsight(
    3,
    predictor=HindsightHeadConfig(
        code=5, noise=6, hidden=12, critic_size=6, critic_steps=2
    ),
)


def build(seed: int) -> PpoAgent:
    replay = ReplayConfig(2, 1, burn_in=2)
    return small(seed, MODEL, PredictionErrorConfig(), replay=replay)


def hindsight_of(agent: PpoAgent) -> HindsightHead:
    model = agent.world_model
    assert model is not None
    assert isinstance(model.predictor, HindsightHead)
    return model.predictor


def test_it_trains_and_goes_on_exactly() -> None:
    """Noise and the adversary's moments included."""
    agent = goes_on_exactly(build, 2)
    told = agent.train_step().metrics
    assert told["world_model/invariance"].isfinite()
    assert told["intrinsic/prediction-error/raw_mean"] > 0
    # two minibatches and two epochs of each rollout, and one replayed
    generator = hindsight_of(agent).generator
    assert generator is not None
    assert generator.counter.steps == 5 * 5
    paths = set(leaves(agent.state_dict()))
    state = "/modules/actor.model.predictor.adversary._extra_state/state/0/"
    assert {state + x for x in ("step", "exp_avg", "exp_avg_sq")} <= paths


def test_the_critic_learns_by_its_own_optimiser_alone() -> None:
    agent = build(5)
    hindsight = hindsight_of(agent)
    assert hindsight.critic is not None
    assert hindsight.generator is not None
    critic = {id(p) for p in hindsight.critic.parameters()}
    groups = agent.learner.descent.optimizer.param_groups
    assert not critic & {id(p) for group in groups for p in group["params"]}
    own = {id(p) for p in hindsight.generator.parameters()}
    assert own <= {id(p) for group in groups for p in group["params"]}
    agent.begin()
    before = [p.clone() for p in hindsight.critic.parameters()]
    agent.train_step()
    after = list(hindsight.critic.parameters())
    assert not any(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert not any(p.requires_grad or p.grad is not None for p in after)
    assert hindsight.adversary is not None
    steps = {
        int(x["step"])
        for x in hindsight.adversary.optimizer.state_dict()["state"].values()
    }
    assert steps == {5 * hindsight.adversary.steps}
