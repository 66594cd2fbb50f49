"""How well steps are found in demonstrations that nobody learned from.

    python docs/perceptual_steps.py docs/results/perceptual_steps.jsonl [NAME=PATH …]

An expert with 10 % mistakes demonstrates each task 20 times; rewards learn from ten and
are measured on the other ten. PATH is an encoder that was trained on frames of the task
(`curious pretrain`), NAME what the table calls it. Writes a line per task, encoder and
method, and prints the table of `docs/perceptual_rewards.md`.
"""

import json
import sys
from pathlib import Path

import torch

from agents import Expert
from agents.rewards import (
    AgainstRest,
    Demonstration,
    ExactSegmentation,
    MeanSpread,
    PerceptualRewardConfig,
    jaccard,
    order_in_time,
    ordered_random_jaccard,
)
from agents.rewards.segmentation import labels_of
from envs import KeyDoorConfig, PixelMazeConfig, WorldConfig
from experiments.encoders import PretrainedConfig
from ssl_objectives import EncoderConfig, NatureConfig, PatchConfig, PixelsConfig

SEEDS = range(1, 4)  # settings were chosen on seed 0
EACH = 10  # demonstrations to learn from, and as many to measure on
MISTAKES = 0.1
MAZE = {"rooms": (1, 2), "room_size": 8, "loops": 0}
TASKS: dict[str, tuple[WorldConfig, tuple[str, ...], int]] = {
    "maze, 2 steps": (PixelMazeConfig(**MAZE, locks=0), ("room",), 2),
    "maze with a key, 3 steps": (PixelMazeConfig(**MAZE, locks=1), ("keys", "room"), 3),
    "key-door, 3 steps": (KeyDoorConfig(), ("has_key", "door_open"), 3),
    "key-door, varied, 3 steps": (
        KeyDoorConfig(varied_layouts=True),
        ("has_key", "door_open"),
        3,
    ),
}
ENCODERS: dict[str, EncoderConfig] = {
    "pixels": PixelsConfig(),
    "patch, untrained": PatchConfig(),
    "nature, untrained": NatureConfig(),
}
PUBLISHED = {
    "segmentation": ExactSegmentation(2, MeanSpread()),
    "selection": AgainstRest(),
}


def demonstrations(
    world: WorldConfig, facts: tuple[str, ...], steps: int, seed: int
) -> list[Demonstration]:
    """Episodes that reached the goal, in which every step can be told from others."""
    env = world.build(1, "cpu")
    expert = Expert(env, seed, MISTAKES)
    row, carry = env.reset(seed), expert.start(1)
    found: list[Demonstration] = []
    frames, labels = [], []
    while len(found) < 2 * EACH:
        frames.append(row.obs[0])
        labels.append(sum(int(row.facts[x][0]) for x in facts))
        if row.terminated[0] or row.truncated[0]:
            if row.terminated[0] and len(set(labels)) == steps:
                found.append(Demonstration(torch.stack(frames), torch.tensor(labels)))
            frames, labels = [], []
        acted = expert.act(row, carry)
        row, carry = env.step(acted.action), acted.carry
    return found


def measured(
    config: PerceptualRewardConfig, eyes: EncoderConfig, demos: list[Demonstration]
) -> dict[str, float]:
    """Of the demonstrations that it has not learned from."""
    shape = tuple(demos[0].frames.shape[1:])
    reward, steps = config.fit(eyes.build(shape), demos[:EACH]), config.steps
    unseen = demos[EACH:]
    told: dict[str, list[float]] = {"steps": [], "reward": [], "order": []}
    for demo in unseen:
        found = labels_of(reward.starts(demo.frames), len(demo))
        told["steps"].append(jaccard(found, demo.steps, steps))
        likeliest = reward.step_rewards(demo.frames).argmax(1)
        told["reward"].append(jaccard(likeliest, demo.steps, steps))
        told["order"].append(order_in_time(reward(demo.frames)))
    return {name: sum(x) / len(x) for name, x in told.items()}


def main(out: Path, trained: dict[str, Path]) -> None:
    """Measure all, write, print."""
    eyes = ENCODERS | {name: PretrainedConfig(path) for name, path in trained.items()}
    rows = []
    for task, (world, facts, steps) in TASKS.items():
        for seed in SEEDS:
            demos = demonstrations(world, facts, steps, seed)
            generator = torch.Generator().manual_seed(seed)
            chance = [
                ordered_random_jaccard(x.steps, steps, 200, generator)
                for x in demos[EACH:]
            ]
            for name, encoder in eyes.items():
                for method, changes in (("ours", {}), ("published", PUBLISHED)):
                    torch.manual_seed(seed)
                    config = PerceptualRewardConfig(steps, **changes)
                    told = measured(config, encoder, demos)
                    told["chance"] = sum(chance) / len(chance)
                    told = {k: round(x, 4) for k, x in told.items()}
                    about = {"task": task, "encoder": name, "method": method}
                    rows.append({**about, "seed": seed, **told})
                    print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    out.write_text("".join(json.dumps(x) + "\n" for x in rows))
    table(rows)


def table(rows: list[dict[str, object]]) -> None:
    """Means over seeds, a row per task and encoder."""
    print("| task | encoder | chance | steps | published | by reward | order |")
    print("|---|---|---|---|---|---|---|")
    keys = dict.fromkeys((x["task"], x["encoder"]) for x in rows)
    for task, encoder in keys:

        def mean(what: str, method: str, key=(task, encoder)) -> str:
            alike = [
                x[what]
                for x in rows
                if (x["task"], x["encoder"], x["method"]) == (*key, method)
            ]
            return f"{sum(alike) / len(alike):.2f}"

        cells = [mean("chance", "ours"), mean("steps", "ours")]
        cells += [mean("steps", "published")]
        cells += [mean("reward", "ours"), mean("order", "ours")]
        print(f"| {task} | {encoder} | {' | '.join(cells)} |")


if __name__ == "__main__":
    torch.set_num_threads(1)
    named = dict(x.split("=", 1) for x in sys.argv[2:])
    main(Path(sys.argv[1]), {k: Path(v) for k, v in named.items()})
