"""Exploration at its smallest: curiosity finds the key, the door and the goal.

A random agent succeeds in 0.0006 % of episodes of 100 steps (120 of 21,500,000). Each
arm trains until 90 % of the last 200 episodes reach the goal, or its budget is spent.
As a script, it appends one JSON line per run:
`python tests/learning/test_key_door.py OUT.jsonl ARM SEED …`.
"""

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.curiosity.rnd import RndConfig
from agents.curiosity.signal import CuriosityConfig
from agents.policy.ppo import PpoConfig, RewardStream
from agents.ppo.build import PpoAgentConfig
from envs.tiles.key_door import KeyDoorConfig
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.methods.contrast.info_nce import InfoNceConfig
from world_models.cores.frame_stack import FrameStackConfig
from world_models.cores.recurrent import RecurrentConfig
from world_models.model_config import ModelConfig
from world_models.presets import byol_explore, jepa_vicreg

SEEDS = range(20, 25)  # settings were chosen on seeds 0 to 2
BUDGET = 400_000  # env steps
EPISODES = 200


@dataclass(frozen=True)
class Arm:
    """An agent and the number of worlds it trains in."""

    agent: PpoAgentConfig
    num_envs: int
    model: ModelConfig | None = None
    curiosity: CuriosityConfig | None = None
    episode_steps: int = 100


ENCODER = PatchConfig(128, precision=Precision.FLOAT32)
SHALLOW = PatchConfig(128, depth=1, precision=Precision.FLOAT32)
EXTRINSIC = RewardStream(2.0, 0.99)
# one policy and learner for PPO with and without RND; BYOL-Explore with its own
_STILL = PpoAgentConfig(
    encoder=SHALLOW,
    core=FrameStackConfig(1),
    ppo=PpoConfig(
        num_steps=128,
        num_epochs=4,
        num_minibatches=4,
        learning_rate=1e-3,
        clip=0.2,
        entropy_coeff=0.003,
        least_advantage_std=0.01,
    ),
    extrinsic=EXTRINSIC,
    intrinsic=RewardStream(2.0, 0.99, episodic=False),
)
_RECURRENT = PpoAgentConfig(
    encoder=ENCODER,
    core=RecurrentConfig(128),
    ppo=PpoConfig(
        num_steps=32,
        num_epochs=3,
        num_minibatches=4,
        learning_rate=1e-3,
        clip=0.2,
        entropy_coeff=0.02,
        least_advantage_std=0.01,
    ),
    extrinsic=EXTRINSIC,
    intrinsic=RewardStream(0.5, 0.99, episodic=False),
)
ARMS = {
    "ppo": Arm(_STILL, 32),
    "ppo-recurrent": Arm(_RECURRENT, 32),
    "rnd": Arm(_STILL, 32, None, RndConfig(SHALLOW, 128, warm_up_steps=64)),
    "byol-explore": Arm(
        _RECURRENT, 32, byol_explore(horizon=4), PredictionErrorConfig(0.8)
    ),
    # BYOL-Explore's settings, not tuned for these models (docs/jepa.md)
    "jepa-vicreg": Arm(
        _RECURRENT, 32, jepa_vicreg(4), PredictionErrorConfig(0.8), episode_steps=120
    ),
    "contrastive": Arm(
        _RECURRENT,
        32,
        jepa_vicreg(4, objective=InfoNceConfig()),
        PredictionErrorConfig(0.8),
        episode_steps=120,
    ),
}


@dataclass(frozen=True)
class Outcome:
    """How one run ended: `solved_at` is in env steps, None if it never was."""

    arm: str
    seed: int
    episode_steps: int
    solved_at: int | None
    success: float  # share of the last episodes that reached the goal
    seconds: float


def explore(name: str, seed: int) -> Outcome:
    """Train one arm with one seed."""
    arm = ARMS[name]
    world = KeyDoorConfig(max_episode_steps=arm.episode_steps)
    env = world.build(arm.num_envs, "cpu")
    agent = arm.agent.build(env, arm.model, arm.curiosity, seed)
    agent.begin()
    recent: list[bool] = []
    begin, success = time.monotonic(), 0.0
    while agent.env_steps < BUDGET:
        ends = agent.train_step().happened
        reached = ends.episode_return[ends.ended] > 0.5
        recent = (recent + reached.tolist())[-EPISODES:]
        success = sum(recent) / max(1, len(recent))
        if len(recent) == EPISODES and success >= 0.9:
            break
    solved = agent.env_steps if success >= 0.9 else None
    seconds = round(time.monotonic() - begin, 1)
    return Outcome(name, seed, arm.episode_steps, solved, success, seconds)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rnd", "byol-explore"])
def test_curiosity_solves_what_plain_ppo_never_does(name: str) -> None:
    outcomes = [explore(name, seed) for seed in SEEDS]
    assert sum(x.solved_at is not None for x in outcomes) >= 4, outcomes


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ppo", "ppo-recurrent"])
def test_plain_ppo_hardly_ever_does(name: str) -> None:
    """By chance alone, random play comes upon the goal in 2 % of runs."""
    outcomes = [explore(name, seed) for seed in SEEDS]
    assert sum(x.solved_at is not None for x in outcomes) <= 1, outcomes


def main(out: str, name: str, *seeds: str) -> None:
    torch.set_num_threads(1)
    for seed in seeds:
        line = json.dumps(vars(explore(name, int(seed))))
        print(line, flush=True)
        with Path(out).open("a") as file:
            file.write(line + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
