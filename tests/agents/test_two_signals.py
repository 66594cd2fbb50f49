"""Prediction error and RND at once, each paid into a stream and a value of its own."""

from dataclasses import replace

import torch

from agents.curiosity.normalize import ReturnStdScale
from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.curiosity.rnd import RndConfig
from agents.curiosity.signal import IntrinsicReward
from agents.curiosity.signals import SignalConfig, named_signals
from agents.policy.ppo import RewardStream
from agents.ppo.agent import PpoAgent
from agents.ppo.build import ReplayConfig
from agents.ppo.minibatch import Minibatch
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.precision import Precision
from tests.agents.resuming import goes_on_exactly
from tests.agents.small import STREAM, B, K, small
from world_models.predictor import LatentHeadConfig
from world_models.presets import byol_explore

RND = RndConfig(PatchConfig(precision=Precision.FLOAT32), size=14, warm_up_steps=3)
SLOW = RewardStream(2.0, 0.95, trace=0.5, episodic=True)


def build(seed: int) -> PpoAgent:
    return small(
        seed,
        byol_explore(K, predictor=LatentHeadConfig(13)),
        PredictionErrorConfig(),
        SignalConfig(RND, SLOW),
        replay=ReplayConfig(2, 1, burn_in=2),
    )


def test_two_signals_train_and_go_on_exactly() -> None:
    agent = goes_on_exactly(build, 2)
    told = agent.train_step().metrics
    for name in ("prediction-error", "rnd"):
        assert told[f"intrinsic/{name}/raw_mean"] > 0
        assert told[f"intrinsic/{name}/reward_std"] > 0
    assert told["loss/rnd"] > 0
    assert "loss/prediction-error" not in told  # learns nothing itself


def test_each_has_its_own_value_discount_and_scale() -> None:
    agent = build(5)
    assert agent.streams[1:] == [STREAM, SLOW]
    assert agent.actor.policy.critic.out_features == 3
    discounts = {
        name: [
            x.discount for x in one.curiosity.modules() if isinstance(x, ReturnStdScale)
        ]
        for name, one in agent.signals.items()
    }
    assert discounts == {"prediction-error": [0.8], "rnd": [0.95]}


def test_a_second_one_of_a_class_gets_a_number() -> None:
    error, other = PredictionErrorConfig(), PredictionErrorConfig(term="ensemble")
    named = named_signals(error, STREAM, (SignalConfig(RND), SignalConfig(other)))
    assert list(named) == ["prediction-error", "rnd", "prediction-error-2"]
    assert named["prediction-error-2"].curiosity is other
    assert list(named_signals(None, STREAM, (SignalConfig(RND),))) == ["rnd"]


def test_the_reward_of_each_signal_reaches_its_own_head_alone() -> None:
    """By brute force: every reward in turn is raised, and all gradients compared."""
    agent = build(5)
    agent.begin()
    agent.train_step()
    experience, _ = agent.collector.collect()
    with torch.no_grad():
        scored = agent._score(experience, describe=False)
        paid = {k: x.curiosity.reward(scored) for k, x in agent.signals.items()}
    critic, envs = agent.actor.policy.critic, torch.arange(B)

    def gradient(raised: str | None) -> torch.Tensor:
        """Of every value's row of weights."""
        rewards = {
            k: IntrinsicReward(x.raw, x.reward + 3.0 * (k == raised))
            for k, x in paid.items()
        }
        mixed = agent._mix(experience, rewards)
        traj = experience.traj
        if raised == "the world's":
            more = replace(traj, reward=traj.reward + 0.5)
            mixed = agent._mix(replace(experience, traj=more), rewards)
        batch = Minibatch.of(experience, mixed, agent.active, scored.target, envs)
        loss, _, _ = agent._loss(batch)
        return torch.autograd.grad(loss, critic.weight)[0]

    still = gradient(None)
    for head, name in enumerate(("the world's", *paid)):
        moved = (gradient(name) - still).abs().amax(1) > 1e-6
        assert moved.tolist() == [i == head for i in range(3)], name
