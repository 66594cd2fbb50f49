"""Draws images/overview.png from results/key_door.jsonl and real frames."""

import json
from pathlib import Path

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from envs.atari.native import AtariConfig
from envs.check import random_action
from envs.tiles.key_door import KeyDoorConfig
from envs.tiles.maze.pixel_maze import PixelMazeConfig
from envs.vector_env import VectorEnv

HERE = Path(__file__).parent
ARMS = {
    "ppo": "PPO",
    "ppo-recurrent": "PPO, recurrent",
    "rnd": "PPO + RND",
    "byol-explore": "PPO + BYOL-Explore",
}
BUDGET = 400_000


def frame(env: VectorEnv, steps: int) -> np.ndarray:
    """What the first env shows after some random steps."""
    row = env.reset(5)
    generator = torch.Generator().manual_seed(5)
    for _ in range(steps):
        row = env.step(random_action(env, generator))
    image = row.facts.get("colour", row.obs)[0]
    env.close()
    picture: np.ndarray = image.permute(1, 2, 0).numpy()
    return picture


def main() -> None:
    """Draw it."""
    figure = Figure(figsize=(11, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 4, width_ratios=[0.8, 1, 1, 2])
    worlds = [
        ("Montezuma's Revenge", AtariConfig().with_facts().build(1, "cpu"), 60),
        ("pixel_maze", PixelMazeConfig(room_size=6, locks=4).build(2, "cpu"), 700),
        ("key_door", KeyDoorConfig().build(1, "cpu"), 40),
    ]
    for ax, (title, env, steps) in zip(axes, worlds, strict=False):
        ax.imshow(frame(env, steps), interpolation="nearest", aspect="auto")
        ax.set_title(title, fontsize=10)
        ax.set_axis_off()
    rows = [
        json.loads(x) for x in (HERE / "results" / "key_door.jsonl").open() if x.strip()
    ]
    ax = axes[3]
    for i, name in enumerate(ARMS):
        runs = [x for x in rows if x["arm"] == name and x["episode_steps"] == 100]
        solved = [x["solved_at"] for x in runs if x["solved_at"] is not None]
        height = np.linspace(-0.16, 0.16, len(runs))
        ax.plot(solved, i + height[: len(solved)], "o", color="tab:blue")
        never = len(runs) - len(solved)
        ax.plot([BUDGET] * never, i + height[:never], "x", color="tab:red")
        ax.text(12_000, i + 0.27, f"{len(solved)} of {len(runs)} seeds", fontsize=8)
    ax.set_yticks(range(len(ARMS)), list(ARMS.values()), fontsize=9)
    ax.set_ylim(-0.5, len(ARMS) - 0.4)
    ax.set_xlim(0, BUDGET * 1.04)
    ax.xaxis.set_major_formatter(lambda x, _: f"{x / 1000:.0f}k")
    ax.set_xlabel(
        "env steps until 90 % of episodes reach the goal (x: never)", fontsize=8
    )
    ax.set_title("key_door, one mark per seed", fontsize=10)
    ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(HERE / "images" / "overview.png", dpi=130)


if __name__ == "__main__":
    main()
