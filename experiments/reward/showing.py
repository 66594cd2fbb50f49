"""`curious reward show`: demonstrations as a learned reward sees them."""

from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from agents.rewards.measures import jaccard, order_in_time, ordered_random_jaccard
from agents.rewards.perceptual import PerceptualReward
from agents.rewards.reward_model import RewardModel, along
from agents.rewards.segmentation import labels_of
from experiments.config.device import resolve_device
from experiments.reward.demonstrations import Demonstrated, read_demonstrations
from experiments.reward.drawing import Drawn, draw
from experiments.reward.show_config import ShowConfig
from experiments.rewards.saved import load_reward, reward_file
from ssl_objectives.refusal import ConfigError

_RANDOM = 200  # segmentations


@dataclass(frozen=True)
class Shown:
    """What was measured, of each demonstration, and the picture.

    Attributes:
        picture: its file.
        order: Spearman's rank correlation of the reward with time.
        agreement: what is known of steps and true ones; None where these are not
            known, or the reward knows no steps.
    """

    picture: Path
    order: list[float]
    agreement: "Agreement | None"


@dataclass(frozen=True)
class Agreement:
    """Jaccard index with true steps, of each demonstration.

    Attributes:
        steps: of those it is cut into by what changes in it.
        followed: of those it goes through by how they look.
        by_chance: of random steps in order.
    """

    steps: list[float]
    followed: list[float]
    by_chance: list[float]


def show(config: ShowConfig, console: Console | None = None) -> Shown:
    """Measure, print and draw.

    Raises:
        SavedRewardError: there is no reward, or a damaged one.
        DatasetError: nothing to show.
        ConfigError: demonstrations too short for the steps, or of another shape.
        OSError: the picture cannot be written.
    """
    console = console or Console()
    file = reward_file(config.reward)
    picture = config.out or file.with_name("demonstrations.png")
    device = resolve_device(config.device)
    reward = load_reward(file, device)
    read = _read(config, reward)
    picture.parent.mkdir(parents=True, exist_ok=True)
    rewards = along(reward, read.demos)
    found: list[torch.Tensor | None] = [None] * len(rewards)
    if isinstance(reward, PerceptualReward):
        found = [
            labels_of(reward.starts(x.frames.to(device)), len(x)) for x in read.demos
        ]
    drawn = [
        Drawn(demo, value, steps)
        for demo, value, steps in zip(read.demos, rewards, found, strict=True)
    ]
    order = [order_in_time(x) for x in rewards]
    agreement = _agreement(reward, drawn, config.seed)
    draw(picture, reward, drawn[: config.shown])
    for note in read.notes:
        console.print(f"note: {note}", highlight=False, markup=False, soft_wrap=True)
    console.print(_table(drawn, order, agreement))
    console.print(f"{picture}", highlight=False, markup=False, soft_wrap=True)
    return Shown(picture, order, agreement)


def _read(config: ShowConfig, reward: RewardModel) -> Demonstrated:
    """Demonstrations, resized if they are not as large as those it learned from."""
    channels, height, width = reward.image_shape

    def as_large_as(size: tuple[int, int] | None, gray: bool) -> Demonstrated:
        return read_demonstrations(
            config.source,
            config.demos,
            skip=config.skip,
            every=config.every,
            size=size,
            gray=gray,
            labels=config.labels,
        )

    read = as_large_as(None, False)
    if tuple(read.demos[0].frames.shape[1:]) == reward.image_shape:
        return read
    again = as_large_as((height, width), channels == 1)
    shape = tuple(again.demos[0].frames.shape[1:])
    if shape != reward.image_shape:
        raise ConfigError(
            f"The reward looks at frames of {channels} channels, and those of "
            f"{config.source} have {shape[0]}: they cannot be shown to it."
        )
    was = " x ".join(map(str, read.demos[0].frames.shape[1:]))
    note = f"Frames of {was} were resized to {channels} x {height} x {width}."
    return Demonstrated(again.demos, (*again.notes, note))


def _agreement(reward: RewardModel, drawn: list[Drawn], seed: int) -> Agreement | None:
    if not isinstance(reward, PerceptualReward):
        return None
    generator = torch.Generator().manual_seed(seed)
    number, labelled = reward.config.steps, []
    for x in drawn:
        if x.demo.steps is None or x.found is None:
            return None
        frames = x.demo.frames.to(reward.mean.device)
        followed = labels_of(reward.followed(frames), len(frames))
        labelled.append((x.found, followed, x.demo.steps))
        number = max(number, int(x.demo.steps.max()) + 1)
    return Agreement(
        [jaccard(x, truth, number) for x, _, truth in labelled],
        [jaccard(x, truth, number) for _, x, truth in labelled],
        [
            ordered_random_jaccard(truth, number, _RANDOM, generator)
            for *_, truth in labelled
        ],
    )


def _table(
    drawn: list[Drawn], order: list[float], agreement: Agreement | None
) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("demonstration")
    names = ["frames", "with time", "steps", "followed", "by chance"]
    for name in names if agreement else names[:2]:
        table.add_column(name, justify="right")
    rows = [
        [x.demo.name, str(len(x.demo)), f"{o:.2f}"]
        for x, o in zip(drawn, order, strict=True)
    ]
    frames = sum(len(x.demo) for x in drawn) / len(drawn)
    rows.append(["mean", f"{frames:.0f}", f"{_mean(order):.2f}"])
    if agreement:
        for told in (agreement.steps, agreement.followed, agreement.by_chance):
            for row, one in zip(rows, [*told, _mean(told)], strict=True):
                row.append(f"{one:.2f}")
    for row in rows:
        table.add_row(*row)
    return table


def _mean(x: list[float]) -> float:
    return sum(x) / len(x)
