"""How well steps are found in demonstrations that nobody learned from.

    python docs/perceptual_steps.py docs/results/perceptual_steps.jsonl

An expert with 10 % mistakes demonstrates each task 20 times; rewards learn from ten and
are measured on the other ten. Beside pixels and untrained encoders there are two that
were trained for each task and seed, on 8,000 frames of an expert half of whose actions
are mistakes: by self-supervision (VICReg on shifted frames), and by being told the
step. Writes a line per task, encoder and method, and prints the table of
`docs/perceptual_rewards.md`; what OUT has already is not measured again.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

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
from envs import (
    CarryConfig,
    KeyDoorConfig,
    PixelMazeConfig,
    PushButtonConfig,
    RoomsConfig,
    WorldConfig,
)
from ssl_objectives import (
    ZOO,
    AdamWConfig,
    ArrayImages,
    Encoder,
    NatureConfig,
    PatchConfig,
    PixelsConfig,
    ShuffledConfig,
    TwoViews,
)
from ssl_objectives.learn.pretrainer import Pretrainer
from ssl_objectives.views.augment.preset import shifted

SEEDS = range(1, 4)  # settings were chosen on seed 0
EACH = 10  # demonstrations to learn from, and as many to measure on
MISTAKES = 0.1
MAZE = {"rooms": (1, 2), "room_size": 8, "loops": 0}
ROOMS = {"rooms": (1, 2), "locks": 0, "boxes": 0, "layouts": 1_000}
TASKS: dict[str, tuple[WorldConfig, tuple[str, ...], int]] = {
    "maze, 2 steps": (PixelMazeConfig(**MAZE, locks=0), ("room",), 2),
    "maze with a key, 3 steps": (PixelMazeConfig(**MAZE, locks=1), ("keys", "room"), 3),
    "key-door, 3 steps": (KeyDoorConfig(), ("has_key", "door_open"), 3),
    "key-door, varied, 3 steps": (
        KeyDoorConfig(varied_layouts=True),
        ("has_key", "door_open"),
        3,
    ),
    "rooms, 2 steps": (RoomsConfig(**ROOMS, max_episode_steps=200), ("room",), 2),
    "push-button, 3 steps": (PushButtonConfig(), ("steps",), 3),
    "carry, 3 steps": (CarryConfig(), ("taken", "brought"), 3),
}
FRAMES, HALF = 8_000, 0.5  # to train encoders on, and how often they are mistaken
GRADIENT_STEPS, BATCH = 300, 128
METHOD = replace(ZOO["vicreg"], views=TwoViews(shifted()))  # a grid has no other sizes
UNTRAINED = {
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


def played(
    world: WorldConfig, facts: tuple[str, ...], seed: int
) -> tuple[Tensor, Tensor]:
    """Frames of a clumsy expert, and the step that each belongs to."""
    env = world.build(16, "cpu")
    expert = Expert(env, seed, HALF)
    row, carry = env.reset(seed), expert.start(16)
    frames, labels = [], []
    while 16 * len(frames) < FRAMES:
        frames.append(row.obs)
        labels.append(torch.stack([row.facts[x].long() for x in facts]).sum(0))
        acted = expert.act(row, carry)
        row, carry = env.step(acted.action), acted.carry
    return torch.cat(frames), torch.cat(labels)


def self_supervised(frames: Tensor, seed: int) -> Encoder:
    """Trained without labels."""
    images = ArrayImages(frames)
    trainer = Pretrainer(
        METHOD,
        NatureConfig(),
        images,
        None,
        ShuffledConfig().build(images, BATCH, seed),
        AdamWConfig(),
        steps=GRADIENT_STEPS,
        device=torch.device("cpu"),
        seed=seed,
    )
    for _ in range(GRADIENT_STEPS):
        trainer.step(look=False)
    return trainer.encoder


def supervised(frames: Tensor, labels: Tensor, seed: int) -> Encoder:
    """Trained to tell the step, the best that labels can do."""
    torch.manual_seed(seed)
    encoder = NatureConfig().build(tuple(frames.shape[1:]))
    head = nn.Linear(encoder.size, int(labels.max()) + 1)
    weights = [*encoder.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(weights, 5e-4)
    order = ShuffledConfig().build(ArrayImages(frames), BATCH, seed)
    for step in range(GRADIENT_STEPS):
        rows = order.rows(step)
        loss = cross_entropy(head(encoder(frames[rows])), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return encoder


def encoders(
    world: WorldConfig, facts: tuple[str, ...], seed: int
) -> Iterator[tuple[str, Encoder]]:
    """All that are compared, by what the table calls them."""
    frames, labels = played(world, facts, seed)
    shape = tuple(frames.shape[1:])
    for name, config in UNTRAINED.items():
        torch.manual_seed(seed)
        yield name, config.build(shape)
    yield "nature, VICReg", self_supervised(frames, seed)
    yield "nature, supervised", supervised(frames, labels, seed)


def measured(
    config: PerceptualRewardConfig, encoder: Encoder, demos: list[Demonstration]
) -> dict[str, float]:
    """Of the demonstrations that it has not learned from."""
    reward, steps = config.fit(encoder, demos[:EACH]), config.steps
    unseen = demos[EACH:]
    told: dict[str, list[float]] = {
        x: [] for x in ("steps", "followed", "reward", "order")
    }
    for demo in unseen:
        found = labels_of(reward.starts(demo.frames), len(demo))
        told["steps"].append(jaccard(found, demo.steps, steps))
        followed = labels_of(reward.followed(demo.frames), len(demo))
        told["followed"].append(jaccard(followed, demo.steps, steps))
        likeliest = reward.step_rewards(demo.frames).argmax(1)
        told["reward"].append(jaccard(likeliest, demo.steps, steps))
        told["order"].append(order_in_time(reward(demo.frames)))
    return {name: sum(x) / len(x) for name, x in told.items()}


def lines(task: str, seed: int) -> Iterator[dict[str, object]]:
    """What every encoder and method came to."""
    world, facts, steps = TASKS[task]
    demos = demonstrations(world, facts, steps, seed)
    generator = torch.Generator().manual_seed(seed)
    unseen = [x.steps for x in demos[EACH:]]
    chance = [ordered_random_jaccard(x, steps, 200, generator) for x in unseen]
    for name, encoder in encoders(world, facts, seed):
        encoder.eval()
        for method, changes in (("ours", {}), ("published", PUBLISHED)):
            told = measured(PerceptualRewardConfig(steps, **changes), encoder, demos)
            told["chance"] = sum(chance) / len(chance)
            about = {"task": task, "encoder": name, "method": method, "seed": seed}
            yield about | {k: round(x, 4) for k, x in told.items()}


def main(out: Path, seeds: Iterable[int]) -> None:
    """Measure all, write, print."""
    rows = []
    if out.exists():
        rows = [json.loads(x) for x in out.read_text().splitlines()]
    known = {(x["task"], x["seed"]) for x in rows}
    for task in TASKS:
        for seed in seeds:
            if (task, seed) not in known:
                rows += lines(task, seed)
                out.write_text("".join(json.dumps(x) + "\n" for x in rows))
    table(rows)


def table(rows: list[dict[str, object]]) -> None:
    """Means over seeds, a row per task and encoder."""
    names = ("chance", "steps", "published", "followed", "by reward", "order")
    print(f"| task | encoder | {' | '.join(names)} |")
    print("|---" * (2 + len(names)) + "|")
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
        cells += [mean(x, "ours") for x in ("followed", "reward", "order")]
        print(f"| {task} | {encoder} | {' | '.join(cells)} |")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]), [int(x) for x in sys.argv[2:]] or SEEDS)
