"""One trained encoder in one file: weights, how it is built, and what it looks at.

    encoder = load_encoder("runs/RUN")  # or the file itself
    latents = encoder(images)  # uint8 [N, C, H, W] to float32 [N, D]

A safetensors file: its tensors are the encoder's `state_dict`, which any reader of the
format can load. In its metadata lie the encoder's config and the input specification
(`experiments/runs/checkpoints/tensor_file.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from experiments.config.json import from_json, to_json
from experiments.runs.checkpoints.checkpoint import CheckpointError
from experiments.runs.checkpoints.tensor_file import TensorFile
from ssl_objectives.encoders.encoder import Encoder, EncoderConfig
from ssl_objectives.refusal import ConfigError

ENCODER_FILE = "encoder.safetensors"  # its name in a run folder
_CHANNELS = {1: ("gray",), 3: ("red", "green", "blue")}


class SavedEncoderError(CheckpointError):
    """An encoder cannot be saved or loaded; the message says what to do."""


_FORMAT = TensorFile("saved encoder", "curious-worlds/encoder", 2, SavedEncoderError)


@dataclass(frozen=True)
class EncoderDescription:
    """What an encoder's file says about it.

    Attributes:
        config: what builds it.
        image_shape: (C, H, W) of the images it looks at: uint8, 0 to 255, one by one;
            the encoder divides by 255 itself.
        channels: what each of the C channels is.
        note: where it comes from, for people.
    """

    config: EncoderConfig
    image_shape: tuple[int, int, int]
    channels: tuple[str, ...]
    note: str


def save_encoder(
    path: Path,
    encoder: Encoder,
    config: EncoderConfig,
    image_shape: tuple[int, int, int],
    note: str = "",
    channels: Sequence[str] = (),
) -> None:
    """Write an encoder, replacing what was there only once all is on disk.

    Args:
        path: the file; its folder must exist.
        encoder: its weights, on any device.
        config: builds such an encoder.
        image_shape: (C, H, W) of the images it looks at.
        note: where it comes from, for people.
        channels: what each channel is; default: gray, or red, green and blue.

    Raises:
        SavedEncoderError: the disk is full or not writable, the channels are not C, or
            the config builds something else.
        ConfigError: the config cannot be written.
    """
    count = image_shape[0]
    names = tuple(channels) or _CHANNELS.get(count, ("unknown",) * count)
    if len(names) != count:
        raise SavedEncoderError(
            f"The images have {count} channels, and {len(names)} were named: "
            f"{', '.join(names)}."
        )
    tensors = {k: x.detach().cpu().contiguous() for k, x in _state(encoder).items()}
    expected = _state(_built(config, image_shape))
    if {k: x.shape for k, x in tensors.items()} != {
        k: x.shape for k, x in expected.items()
    }:
        raise SavedEncoderError(
            f"{type(config).__name__} does not build such an encoder: its weights have "
            "other names or shapes. (A frozen one needs no saving: its file is there.)"
        )
    content = {
        "encoder": to_json(config),
        "input": {
            "shape": list(image_shape),
            "axes": "channel height width",
            "dtype": "uint8",
            "channels": list(names),
            "scaling": "bytes 0 to 255; the encoder divides by 255 itself, then takes "
            "`mean` from each channel and divides by `std`, where there are some",
            "mean": list(getattr(config, "mean", ())),
            "std": list(getattr(config, "std", ())),
        },
        "output": {"size": encoder.size, "dtype": "float32"},
        "note": note,
    }
    try:
        _FORMAT.write(path, tensors, content)
    except (OSError, SafetensorError) as error:
        raise SavedEncoderError(
            f"Could not write {path}: {error}. What was there before is untouched. "
            "Free some disk space, or choose another folder."
        ) from error


def load_encoder(path: Path | str, device: torch.device | str = "cpu") -> Encoder:
    """The encoder in a file or in a run folder, in evaluation mode.

    Nothing in the file is executed, but the classes that its config names are imported.

    Raises:
        SavedEncoderError: no file, one that is cut off, damaged, foreign or of a newer
            format, or weights that do not fit the config.
        ConfigError: the config names a class that is not there any more.
    """
    file = encoder_file(Path(path))
    content, tensors = _FORMAT.read(file)
    about = _description(file, content)
    encoder = _built(about.config, about.image_shape)
    try:
        encoder.load_state_dict(tensors)
    except RuntimeError as error:
        raise SavedEncoderError(
            f"The weights in {file} do not fit the {type(about.config).__name__} it "
            f"names; that class has changed since. {error}"
        ) from error
    return encoder.to(device).eval()


def describe_encoder(path: Path | str) -> EncoderDescription:
    """What a file, or that of a run folder, says about its encoder.

    Raises:
        SavedEncoderError, ConfigError: see `load_encoder`.
    """
    file = encoder_file(Path(path))
    return _description(file, _FORMAT.describe(file))


def encoder_file(path: Path) -> Path:
    """The file at `path`, in the run folder at `path`, or in that of a sweep's cell.

    Raises:
        SavedEncoderError: there is none.
    """
    path = path.expanduser()
    file = path / ENCODER_FILE if path.is_dir() else path
    inside = sorted(path.glob(f"*/{ENCODER_FILE}")) if path.is_dir() else []
    if not file.is_file() and len(inside) == 1:
        return inside[0]
    if file.is_file():
        return file
    hint = (
        " A run of `curious pretrain` writes it when it ends (resume it); others never."
        if (path / "config.json").is_file()
        else " Give a file that `curious pretrain` wrote, or the folder of its run."
    )
    raise SavedEncoderError(f"There is no encoder at {file}.{hint}")


def _built(config: EncoderConfig, image_shape: tuple[int, int, int]) -> Encoder:
    """With values, also where a caller plans without any (`meta`); no draw is used."""
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        return config.build(image_shape)


def _state(encoder: Encoder) -> Mapping[str, Tensor]:
    state: Mapping[str, Tensor] = encoder.state_dict()
    return state


def _description(file: Path, content: Mapping[str, Any]) -> EncoderDescription:
    try:
        channels, height, width = content["input"]["shape"]
        names, note = content["input"]["channels"], content["note"]
        config = content["encoder"]
    except (KeyError, TypeError, ValueError) as error:
        raise SavedEncoderError(f"{file} is damaged: {error!r}.") from error
    try:
        built: EncoderConfig = from_json(config)
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from error
    return EncoderDescription(built, (channels, height, width), tuple(names), note)
