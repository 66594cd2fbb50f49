"""γ-Progress with Stable-Baselines3's DQN: `python docs/sb3_attention.py OUT SEED …`.

The attention world among noise, its coordinates, the model of groups, progress by its
own loss: as in the sweep `attention`, with SB3's DQN in place of ours, which sees the
whole vector, and whose last group is drawn from all that it keeps. `OUT` gets a line
for each seed, with the share of the gaze on each group in each eighth of the run.
A seed that is in it already is not run again. `--steps N` is another budget, and
`--table` prints the table of sb3.md instead.
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.callbacks import BaseCallback

from agents import CompanionConfig, GammaProgressConfig, OwnLossConfig, StudyConfig
from agents.sb3 import CuriousVecEnv, WorldVecEnv
from envs import Animate, AttentionConfig, Company
from world_models import HistoryConfig, VectorMlpConfig, grouped

BUDGET, NUM_STEPS, BEGINS = 12_000, 40, 1_000
WORLD = AttentionConfig(Animate.REACHING, company=Company.NOISE, pixels=0)
STUDY = StudyConfig(learning_starts=BEGINS, burn_in=3)  # 10 steps per 40 env steps
CURIOUS = CompanionConfig(
    GammaProgressConfig(yardstick=OwnLossConfig()),
    grouped(),
    encoder=VectorMlpConfig(start=12, stop=60, hidden=()),
    core=HistoryConfig(),
    num_steps=NUM_STEPS,
    study=STUDY,
)


class Gaze(BaseCallback):
    """Notes which group is in view."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def _on_step(self) -> bool:
        self.seen += [int(x["in_view"]) for x in self.locals["infos"]]
        return True


def run(seed: int, budget: int) -> dict[str, object]:
    """One seed, without the world's reward, which is none."""
    updates = (budget - BEGINS) // NUM_STEPS * STUDY.updates_per_rollout
    worlds = WorldVecEnv(WORLD.build(1, "cpu"), facts=True)
    envs = CuriousVecEnv(worlds, CURIOUS, extrinsic=0.0, seed=seed, updates=updates)
    model = DQN(
        "MlpPolicy",
        envs,
        learning_rate=1e-3,
        buffer_size=3_000,  # the newest 75 rollouts of 40 steps
        learning_starts=BEGINS,
        batch_size=64,
        tau=0.01,
        gamma=0.95,
        train_freq=NUM_STEPS,
        gradient_steps=10,
        target_update_interval=1,
        exploration_fraction=min(1.0, 3_250 / budget),
        exploration_final_eps=0.025,
        max_grad_norm=10.0,
        policy_kwargs={"net_arch": [64]},
        seed=seed,
        device="cpu",
    )
    gaze = Gaze()
    model.learn(budget, callback=gaze, log_interval=None)
    shares = [
        np.bincount(part, minlength=len(WORLD.parts))[: len(WORLD.parts)] / len(part)
        for part in np.array_split(np.array(gaze.seen), 8)
    ]
    told = {
        name: [round(float(x[i]), 3) for x in shares]
        for i, name in enumerate(WORLD.parts)
    }
    return {"seed": seed, "steps": budget, "shares": told}


def table(lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Markdown: shares of the gaze behind the first quarter of a run."""
    yield "| seed | on animate | on noise | on each of the three |"
    yield "|---|---|---|---|"
    animate, *noise = WORLD.parts
    each = []
    for x in sorted(lines, key=lambda x: x["seed"]):
        late = {name: mean(shares[2:]) for name, shares in x["shares"].items()}
        each.append((late[animate], [late[name] for name in noise]))
        yield _row(str(x["seed"]), *each[-1])
    thirds = [mean(x) for x in zip(*(x for _, x in each), strict=True)]
    yield _row("mean", mean(x for x, _ in each), thirds)


def _row(name: str, animate: float, noise: Sequence[float]) -> str:
    parts = ", ".join(f"{x:.2f}" for x in noise)
    return f"| {name} | {animate:.2f} | {sum(noise):.2f} | {parts} |"


def main() -> None:
    """Run all seeds that are not there yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("seeds", type=int, nargs="*")
    parser.add_argument("--steps", type=int, default=BUDGET)
    parser.add_argument("--table", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    lines = asked.out.read_text("utf-8").splitlines() if asked.out.exists() else []
    if asked.table:
        print("\n".join(table([json.loads(x) for x in lines])))
        return
    done = {json.loads(x)["seed"] for x in lines}
    for seed in asked.seeds:
        if seed in done:
            continue
        line = json.dumps(run(seed, asked.steps))
        print(line)
        with asked.out.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


if __name__ == "__main__":
    main()
