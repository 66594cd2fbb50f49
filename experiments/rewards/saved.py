"""One learned reward in one file, its encoder included.

    reward = load_reward("rewards/key-door")  # or the file itself
    progress = reward(frames)  # uint8 [N, C, H, W] to float32 [N], from 0 to 1

A safetensors file: its tensors are the reward's `state_dict`. In its metadata lie what
builds it and its encoder, and where it comes from
(`experiments/runs/checkpoints/tensor_file.py`).
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError

from agents.rewards.reward_model import RewardConfig, RewardModel
from experiments.config.json import from_json, to_json
from experiments.runs.checkpoints.checkpoint import CheckpointError
from experiments.runs.checkpoints.tensor_file import TensorFile
from ssl_objectives.encoders.encoder import EncoderConfig
from ssl_objectives.refusal import ConfigError

REWARD_FILE = "reward.safetensors"  # its name in a folder


class SavedRewardError(CheckpointError):
    """A learned reward cannot be saved or loaded; the message says what to do."""


_FORMAT = TensorFile("learned reward", "curious-worlds/reward", 1, SavedRewardError)


@dataclass(frozen=True)
class RewardDescription:
    """What the file of a reward says about it.

    Attributes:
        config: what it was learned by.
        encoder: what builds its encoder.
        image_shape: (C, H, W) of frames.
        note: where it comes from, for people.
    """

    config: RewardConfig
    encoder: EncoderConfig
    image_shape: tuple[int, int, int]
    note: str


def save_reward(path: Path, reward: RewardModel, about: RewardDescription) -> None:
    """Write a reward, replacing what was there only once all is on disk.

    Args:
        path: the file; its folder must exist.
        reward: what was learned, on any device.
        about: builds such a one.

    Raises:
        SavedRewardError: the disk is full or not writable.
        ConfigError: a config cannot be written.
    """
    state = reward.state_dict()
    tensors = {k: x.detach().cpu().contiguous() for k, x in state.items()}
    content = {
        "reward": to_json(about.config),
        "encoder": to_json(about.encoder),
        "input": list(about.image_shape),
        "note": about.note,
    }
    try:
        _FORMAT.write(path, tensors, content)
    except (OSError, SafetensorError) as error:
        raise SavedRewardError(
            f"Could not write {path}: {error}. What was there before is untouched. "
            "Free some disk space, or choose another folder."
        ) from error


def load_reward(path: Path | str, device: torch.device | str = "cpu") -> RewardModel:
    """The reward in a file, or in a folder of `curious reward fit`, ready to be paid.

    Nothing in the file is executed, but the classes that its configs name are imported.

    Raises:
        SavedRewardError: no file, one that is cut off, damaged, foreign or of a newer
            format, or weights that do not fit the configs.
        ConfigError: a config names a class that is not there any more.
    """
    file = reward_file(Path(path))
    about = describe_reward(file)
    _, tensors = _FORMAT.read(file)
    # with values, also where a caller plans without any (`meta`); no draw is used
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        reward = about.config.build(about.encoder.build(about.image_shape))
    try:
        reward.load_state_dict(tensors)
    except RuntimeError as error:
        raise SavedRewardError(
            f"The weights in {file} do not fit the {type(about.config).__name__} it "
            f"names; that class has changed since. {error}"
        ) from error
    return reward.to(device).eval()


def describe_reward(path: Path | str) -> RewardDescription:
    """What a file, or that in a folder, says about its reward.

    Raises:
        SavedRewardError, ConfigError: see `load_reward`.
    """
    file = reward_file(Path(path))
    content = _FORMAT.describe(file)
    try:
        channels, height, width = content["input"]
        config, encoder, note = content["reward"], content["encoder"], content["note"]
    except (KeyError, TypeError, ValueError) as error:
        raise SavedRewardError(f"{file} is damaged: {error!r}.") from error
    try:
        built, sees = from_json(config), from_json(encoder)
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from error
    return RewardDescription(built, sees, (channels, height, width), note)


def reward_file(path: Path) -> Path:
    """The file at `path`, or in the folder at `path`.

    Raises:
        SavedRewardError: there is none.
    """
    path = path.expanduser()
    file = path / REWARD_FILE if path.is_dir() else path
    if file.is_file():
        return file
    raise SavedRewardError(
        f"There is no learned reward at {file}. Give a folder that `curious reward "
        "fit` wrote, or the file in it."
    )
