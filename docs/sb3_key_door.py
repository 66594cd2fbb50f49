"""Stable-Baselines3's PPO opens the door: `python docs/sb3_key_door.py OUT ARM SEED …`.

Arms: `ppo`, and `ppo-rnd` with curiosity by the wrapper. A run ends when 90 % of the
last 200 episodes reach the goal, or its budget is spent; what is done is kept in OUT
every few rollouts, and the same command goes on. `OUT/results.jsonl` has a line for
each run that ended; `table` lays them out for docs/sb3.md. `--steps N` is another
budget.
"""

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import VecMonitor

from agents import (
    CompanionConfig,
    Curiosity,
    IntrinsicReward,
    RndConfig,
    StudyConfig,
)
from agents.sb3 import CuriosityLog, CuriousVecEnv, WorldVecEnv
from envs import KeyDoorConfig
from ssl_objectives import PatchConfig, Precision

EPISODES, SOLVED = 200, 0.9
BUDGET, NUM_ENVS, NUM_STEPS, KEEP_EVERY = 500_000, 32, 128, 4
EYES = PatchConfig(128, depth=1, precision=Precision.FLOAT32)
WEIGHT = 10.0  # of curiosity, and of the world's reward
RND = CompanionConfig(
    RndConfig(EYES, 128),
    num_steps=NUM_STEPS,
    study=StudyConfig(
        capacity=1,
        learning_starts=0,
        updates_per_rollout=16,
        batch=1_024,
        learning_rate=1e-3,
        max_grad_norm=0.5,
    ),
)


@dataclass(frozen=True)
class Nothing:
    """Pays nothing, and learns nothing."""

    def build(self, surroundings):
        """Build it."""
        return Unmoved()


class Unmoved(Curiosity):
    """Finds everything alike."""

    def reward(self, scored):
        """0 for all."""
        nothing = torch.zeros_like(scored.traj.reward)
        return IntrinsicReward(nothing, nothing)


ARMS = {"ppo": CompanionConfig(Nothing(), num_steps=NUM_STEPS), "ppo-rnd": RND}


class Eyes(BaseFeaturesExtractor):
    """Our encoder of patches, which takes bytes, for SB3's policy."""

    def __init__(self, observation_space):
        super().__init__(observation_space, EYES.size)
        encoder = EYES.build(observation_space.shape)
        # SB3 draws orthogonal weights in place, which wants their plain layout
        self.encoder = encoder.to(memory_format=torch.contiguous_format)

    def forward(self, observations):
        """Latents of images, of which SB3 has made floats from 0 to 255."""
        return self.encoder(observations.byte())


@dataclass
class Told:
    """How far a run is."""

    arm: str
    seed: int
    steps: int = 0
    seconds: float = 0.0
    solved_at: int | None = None
    success: float = 0.0


class Keeper(BaseCallback):
    """Ends a run that has solved it, and keeps it where it can go on."""

    def __init__(self, told: Told, envs: CuriousVecEnv, folder: Path) -> None:
        super().__init__()
        self.told, self.envs, self.folder, self.rollouts = told, envs, folder, 0
        self.begun = time.monotonic() - told.seconds

    def _on_step(self) -> bool:
        return self.told.solved_at is None

    def _on_rollout_end(self) -> None:
        told, ends = self.told, [x["r"] > 0.5 for x in self.model.ep_info_buffer]
        told.steps, told.seconds = self.num_timesteps, time.monotonic() - self.begun
        told.success = sum(ends) / max(1, len(ends))
        if len(ends) == EPISODES and told.success >= SOLVED:
            told.solved_at = told.steps
        self.rollouts += 1

    def _on_rollout_start(self) -> None:
        """Behind the learning of the rollout before."""
        if self.rollouts and self.rollouts % KEEP_EVERY == 0:
            self.keep()

    def keep(self) -> None:
        """Policy, curiosity and how far it is; the last of the three counts."""
        part = self.folder / f"{self.told.steps}"
        self.model.save(f"{part}-model.zip")
        self.envs.save(f"{part}-curiosity.pt")
        written = self.folder / "told.part"
        written.write_text(json.dumps(asdict(self.told)), "utf-8")
        written.replace(self.folder / "told.json")
        for old in self.folder.glob("*-*"):
            if not old.name.startswith(f"{self.told.steps}-"):
                old.unlink()


def run(out: Path, arm: str, seed: int, budget: int) -> Told | None:
    """Train one seed, or go on with it; None if it had ended already."""
    folder = out / f"{arm}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "ended").exists():
        return None
    file, told = folder / "told.json", Told(arm, seed)
    if file.exists():
        told = Told(**json.loads(file.read_text("utf-8")))
    worlds = WorldVecEnv(KeyDoorConfig(max_episode_steps=100).build(NUM_ENVS, "cpu"))
    envs = CuriousVecEnv(VecMonitor(worlds), ARMS[arm], WEIGHT, WEIGHT, seed)
    if told.steps:
        part = folder / f"{told.steps}"
        envs.load(f"{part}-curiosity.pt")
        model = PPO.load(f"{part}-model.zip", env=envs)
        envs.seed(seed + told.steps)
    else:
        model = PPO(
            "CnnPolicy",
            envs,
            learning_rate=1e-3,
            n_steps=NUM_STEPS,
            batch_size=NUM_ENVS * NUM_STEPS // 4,
            n_epochs=4,
            gamma=0.99,
            ent_coef=0.003,
            # brought to std 1, advantages of no reward at all are noise that a
            # policy follows: PPO alone then came upon the goal
            normalize_advantage=False,
            stats_window_size=EPISODES,
            policy_kwargs={
                "features_extractor_class": Eyes,
                "net_arch": [],
                "normalize_images": False,
            },
            tensorboard_log=str(folder / "tensorboard"),
            seed=seed,
            device="cpu",
        )
    keeper = Keeper(told, envs, folder)
    model.learn(
        budget - told.steps,
        callback=[keeper, CuriosityLog()],
        reset_num_timesteps=not told.steps,
    )
    keeper.keep()
    (folder / "ended").touch()
    return told


def table(lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Markdown: env steps until it was solved, arms by seeds."""
    seeds = sorted({x["seed"] for x in lines})
    yield f"| | {' | '.join(map(str, seeds))} | solved |"
    yield f"|---|{'---|' * len(seeds)}---|"
    for arm, about in (("ppo-rnd", "PPO + RND"), ("ppo", "PPO")):
        runs = {x["seed"]: x["solved_at"] for x in lines if x["arm"] == arm}
        cells = ["never" if runs[x] is None else f"{runs[x]:,}" for x in seeds]
        solved = f"{len(seeds) - cells.count('never')} of {len(seeds)}"
        yield f"| {about} | {' | '.join(cells)} | {solved} |"


def main() -> None:
    """Run all seeds, one behind the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("arm", choices=ARMS)
    parser.add_argument("seeds", type=int, nargs="+")
    parser.add_argument("--steps", type=int, default=BUDGET)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    for seed in asked.seeds:
        told = run(asked.out, asked.arm, seed, asked.steps)
        if told is not None:
            line = json.dumps(asdict(told))
            print(line)
            with (asked.out / "results.jsonl").open("a", encoding="utf-8") as file:
                file.write(line + "\n")


if __name__ == "__main__":
    main()
