"""Every signal in Montezuma's Revenge for a few rollouts: it pays, and play lives on.

No score is asked for: that would take millions of frames.
"""

import math
from dataclasses import replace

import pytest
import torch

from agents.policy.ppo import PpoConfig
from agents.ppo.build import PpoAgentConfig
from envs.atari.native import AtariConfig
from experiments.benchmark.signals import MODEL, PLAIN, signals
from ssl_objectives.encoders.cnn import NatureConfig
from ssl_objectives.encoders.precision import Precision
from world_models.cores.recurrent import RecurrentConfig
from world_models.model_config import LatentDynamicsConfig

ENVS, ROLLOUTS = 4, 6
AGENT = PpoAgentConfig(
    encoder=NatureConfig(32, Precision.FLOAT32),
    core=RecurrentConfig(32),
    ppo=PpoConfig(num_steps=16, num_epochs=1, num_minibatches=2),
)


@pytest.mark.slow
@pytest.mark.parametrize("name", [x for x in signals() if x not in (PLAIN, MODEL)])
def test_it_pays_and_play_stays_alive(name: str) -> None:
    model, curiosity = signals()[name]
    if isinstance(model, LatentDynamicsConfig):
        model = replace(model, horizon=2)
    env = AtariConfig(game="MontezumaRevenge", num_threads=1).build(ENVS, "cpu")
    try:
        agent = AGENT.build(env, model, curiosity, seed=0)
        for one in agent.signals.values():
            # random play only seeds statistics: a little of it will do
            one.curiosity.warm_up_steps = min(8, one.curiosity.warm_up_steps)
        agent.begin()
        paid, entropy = [], 0.0
        for _ in range(ROLLOUTS):
            told = agent.train_step().metrics
            [(signal, _)] = agent.signals.items()
            for what in ("reward_mean", "reward_std", "raw_mean", "raw_std"):
                assert bool(torch.isfinite(told[f"intrinsic/{signal}/{what}"])), what
            # some have a sign, and some pay every new frame alike: neither alone
            mean, std = (
                told[f"intrinsic/{signal}/reward_{x}"] for x in ("mean", "std")
            )
            paid.append(abs(float(mean)) + float(std))
            entropy = float(told["policy/entropy"])
    finally:
        env.close()
    assert max(paid) > 0
    assert paid[-1] > 0
    most = math.log(18)  # of 18 actions alike
    assert 0.5 * most < entropy <= most + 1e-3
