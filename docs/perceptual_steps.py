"""How well steps are found in demonstrations that nobody learned from.

    python docs/perceptual_steps.py docs/results/perceptual_steps.jsonl

An expert with 10 % mistakes demonstrates each task 20 times; rewards learn from ten and
are measured on the other ten. Beside pixels and untrained encoders there are three
that were trained for each task and seed, on 8,000 frames of an expert half of whose
actions are mistakes: by self-supervision (VICReg on a frame that is shifted twice, or
on two frames of which one is two steps later), and by being told the step. Writes a
line per task, encoder and method, and prints the table of
`docs/perceptual_rewards.md`; what OUT has already is not measured again.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

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
    SuccessiveViews,
    TwoViews,
)
from ssl_objectives.images.episodes import Episodes
from ssl_objectives.learn.pretrainer import Pretrainer
from ssl_objectives.views.augment.preset import shifted
from ssl_objectives.views.maker import ViewsConfig

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
WORLDS, FRAMES = 16, 8_000  # to train encoders on
HALF = 0.5  # of what is done there is a mistake
GRADIENT_STEPS, BATCH = 300, 128
VIEWS = {  # a grid has no other sizes, so that frames are shifted alone
    "nature, VICReg": TwoViews(shifted()),
    "nature, VICReg of successive frames": SuccessiveViews(2, shifted()),
}
SUPERVISED = "nature, supervised"
UNTRAINED = {
    "pixels": PixelsConfig(),
    "patch, untrained": PatchConfig(),
    "nature, untrained": NatureConfig(),
}
ENCODERS = (*UNTRAINED, *VIEWS, SUPERVISED)
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


class Played(NamedTuple):
    """Frames of a clumsy expert in 16 worlds, `[T·16 …]`, world by world at each step.

    `labels` are the step that each belongs to; `first` is True where an episode begins.
    """

    frames: Tensor
    labels: Tensor
    first: Tensor

    def images(self) -> ArrayImages:
        """The frames in their order."""
        return ArrayImages(self.frames)

    def episodes(self) -> ArrayImages:
        """The frames world after world, and which of them follow each other."""
        frames = self.frames.unflatten(0, (-1, WORLDS)).transpose(0, 1).flatten(0, 1)
        first = self.first.view(-1, WORLDS).clone()
        first[0] = True
        starts = first.T.flatten().nonzero()[:, 0]
        return ArrayImages(frames, episodes=Episodes(starts, len(frames)))


def played(world: WorldConfig, facts: tuple[str, ...], seed: int) -> Played:
    """What encoders are trained on."""
    env = world.build(WORLDS, "cpu")
    expert = Expert(env, seed, HALF)
    row, carry = env.reset(seed), expert.start(WORLDS)
    frames, labels, first = [], [], []
    while WORLDS * len(frames) < FRAMES:
        frames.append(row.obs)
        labels.append(torch.stack([row.facts[x].long() for x in facts]).sum(0))
        first.append(row.first)
        acted = expert.act(row, carry)
        row, carry = env.step(acted.action), acted.carry
    return Played(*map(torch.cat, (frames, labels, first)))


def self_supervised(views: ViewsConfig, images: ArrayImages, seed: int) -> Encoder:
    """Trained without labels."""
    trainer = Pretrainer(
        replace(ZOO["vicreg"], views=views),
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


def encoder_of(name: str, seen: Played, seed: int) -> Encoder:
    """One of those that are compared, by what the table calls it."""
    torch.manual_seed(seed)
    if name in UNTRAINED:
        return UNTRAINED[name].build(tuple(seen.frames.shape[1:]))
    if name == SUPERVISED:
        return supervised(seen.frames, seen.labels, seed)
    views = VIEWS[name]
    follow = isinstance(views, SuccessiveViews)
    images = seen.episodes() if follow else seen.images()
    return self_supervised(views, images, seed)


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


def lines(task: str, seed: int, encoders: Sequence[str]) -> Iterator[dict[str, object]]:
    """What these encoders and every method came to."""
    world, facts, steps = TASKS[task]
    demos = demonstrations(world, facts, steps, seed)
    generator = torch.Generator().manual_seed(seed)
    unseen = [x.steps for x in demos[EACH:]]
    chance = [ordered_random_jaccard(x, steps, 200, generator) for x in unseen]
    seen = played(world, facts, seed)
    for name in encoders:
        encoder = encoder_of(name, seen, seed).eval()
        for method, changes in (("ours", {}), ("published", PUBLISHED)):
            told = measured(PerceptualRewardConfig(steps, **changes), encoder, demos)
            told["chance"] = sum(chance) / len(chance)
            about = {"task": task, "encoder": name, "method": method, "seed": seed}
            yield about | {k: round(x, 4) for k, x in told.items()}


def main(out: Path, seeds: Iterable[int]) -> None:
    """Measure what is not known yet, write, print."""
    rows = []
    if out.exists():
        rows = [json.loads(x) for x in out.read_text().splitlines()]
    for task in TASKS:
        for seed in seeds:
            of = (task, seed)
            known = {x["encoder"] for x in rows if (x["task"], x["seed"]) == of}
            missing = [x for x in ENCODERS if x not in known]
            if missing:
                rows += lines(task, seed, missing)
                rows.sort(key=_place)
                out.write_text("".join(json.dumps(x) + "\n" for x in rows))
    table(rows)


def _place(row: dict[str, object]) -> tuple[int, int, int]:
    """By task, seed and encoder."""
    tasks, encoder = list(TASKS), row["encoder"]
    return tasks.index(row["task"]), row["seed"], ENCODERS.index(encoder)


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
