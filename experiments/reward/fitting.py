"""`curious reward fit`: demonstrations become a reward, in one file."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console

from agents.rewards.measures import order_in_time
from agents.rewards.reward_model import RewardModel, along
from experiments.config.device import resolve_device
from experiments.config.paths import quoted
from experiments.encoders.pretrained import PretrainedConfig
from experiments.reward.demonstrations import read_demonstrations
from experiments.reward.eyes import WorldModelEncoderConfig, opened
from experiments.reward.fit_config import FitConfig
from experiments.rewards.saved import REWARD_FILE, RewardDescription, save_reward
from ssl_objectives.encoders.raw_pixels import PixelsConfig
from ssl_objectives.refusal import ConfigError


@dataclass(frozen=True)
class Fitted:
    """A reward that was learned, and where it lies.

    Attributes:
        file: the reward's.
        reward: on the device that it was learned on.
        order: Spearman's rank correlation with time along each demonstration.
    """

    file: Path
    reward: RewardModel
    order: list[float]


def fit(config: FitConfig, console: Console | None = None) -> Fitted:
    """Learn and save.

    Raises:
        DatasetError: nothing to learn from.
        NotARun, CheckpointError, ConfigError: an encoder cannot be loaded, the
            demonstrations do not do, or a reward lies in the folder already.
        TrainingDiverged: the loss of an embedding is not finite.
        OSError: the folder cannot be made.
    """
    console = console or Console()
    if not config.source:
        raise ConfigError("From what? Give a data set, videos, or a Minari id first.")
    if config.out is None:
        raise ConfigError("Where to? Give a folder: --out rewards/NAME")
    file = config.out / REWARD_FILE
    if file.exists():
        raise ConfigError(f"{file} is there. Give another folder: --out FOLDER")
    read = read_demonstrations(
        config.source,
        config.demos,
        skip=config.skip,
        every=config.every,
        size=config.size,
        gray=config.gray,
    )
    demos = read.demos
    channels, height, width = demos[0].frames.shape[1:]
    shape = channels, height, width
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        encoder, plain = opened(config.encoder, shape)
    device = resolve_device(config.device)
    frames = sum(map(len, demos))
    many = "1 demonstration" if len(demos) == 1 else f"{len(demos)} demonstrations"
    note = f"{many}, {frames} frames, of {config.source}"
    with _room_in(config.out):
        reward = config.method.fit(encoder.to(device), demos, config.seed)
        save_reward(file, reward, RewardDescription(config.method, plain, shape, note))
    order = [order_in_time(x) for x in along(reward, demos)]
    trained = isinstance(
        config.encoder, PretrainedConfig | WorldModelEncoderConfig | PixelsConfig
    )
    notes = [*read.notes, *([] if trained else ["The encoder is not trained."])]
    lines = [
        *(f"note: {x}" for x in notes),
        f"Learned from {note}.",
        _along_them(order),
        f"{file}",
        f"  curious reward show {quoted(config.out)} {quoted(config.source)}",
        "  curious train ppo --world WORLD --curiosity perceptual --curiosity.path "
        f"{quoted(config.out)}",
    ]
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    return Fitted(file, reward, order)


@contextmanager
def _room_in(folder: Path) -> Iterator[None]:
    """The folder is there before minutes are spent; what was made goes if all fails.

    Raises:
        ConfigError: nothing can be written there.
        OSError: it cannot be made.
    """
    made = [x for x in (folder, *folder.parents) if not x.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise ConfigError(
            f"Nothing can be written to {folder}. Give another folder: --out FOLDER"
        )
    try:
        yield
    except BaseException:
        for empty in made:
            with suppress(OSError):  # somebody else has put something there
                empty.rmdir()
        raise


def _along_them(order: list[float]) -> str:
    if len(order) == 1:
        return f"Its rank correlation with time along it: {order[0]:.2f}."
    return (
        f"Its rank correlation with time along them: {min(order):.2f} to "
        f"{max(order):.2f}, {sum(order) / len(order):.2f} on average."
    )
