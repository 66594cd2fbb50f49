"""One file, one tree of training state: safetensors, never pickle, checked when read.

Tensors lie under path keys (`state/agent/policy/weight`); everything else is a JSON
skeleton in the file's metadata, together with a CRC32 per tensor. A file appears under
its final name complete or not at all.
"""

import json
import math
import os
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from experiments.state_tree import flatten, unflatten

KIND = "curious-worlds/checkpoint"
FORMAT_VERSION = 1
UNFINISHED = ".unfinished"  # suffix of files that are still being written


class CheckpointError(Exception):
    """A checkpoint cannot be written or read; the message says what to do."""


@dataclass(frozen=True)
class CheckpointHeader:
    """What a checkpoint says about itself without its tensors being read.

    Attributes:
        env_steps: steps of all envs together until the checkpoint.
        score: what `best` compares, higher is better; None where not evaluated.
    """

    env_steps: int
    score: float | None


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that has been read and verified; tensors are on the CPU."""

    header: CheckpointHeader
    state: Any


def save_checkpoint(
    path: Path, state: Any, env_steps: int, score: float | None = None
) -> None:
    """Write `state` to `path`, replacing what was there only once all is on disk.

    Args:
        path: final name; its folder must exist.
        state: nested dicts (text or integer keys), lists and tuples of tensors (any
            device, dtype, layout in memory), numbers, text, bytes and None.
        env_steps: steps of all envs together so far.
        score: higher is better; NaN counts as no score.

    Raises:
        CheckpointError: the state holds something else, or the disk is full or not
            writable. No partial file is left, and older checkpoints are untouched.
    """
    try:
        skeleton, tensors = flatten(state)
    except TypeError as error:
        raise CheckpointError(f"Cannot save {error}") from error
    content = {
        "env_steps": env_steps,
        "score": None if score is None or math.isnan(score) else repr(float(score)),
        "skeleton": skeleton,
        "crc32": {key: _crc32(key, x) for key, x in tensors.items()},
    }
    text = json.dumps(content, allow_nan=False)
    metadata = {
        "kind": KIND,
        "format_version": str(FORMAT_VERSION),
        "content": text,
        "content_crc32": str(zlib.crc32(text.encode())),
    }
    # In the same folder, since a rename is atomic only within one file system.
    unfinished = path.with_name(f".{path.name}.{os.getpid()}{UNFINISHED}")
    try:
        try:
            save_file(tensors, unfinished, metadata)
            # written for the owner alone; whoever may read the folder shall read it
            unfinished.chmod(path.parent.stat().st_mode & 0o666)
            _to_disk(unfinished)
            os.replace(unfinished, path)
            _to_disk(path.parent)
        except BaseException:
            with suppress(OSError):
                unfinished.unlink()
            raise
    except KeyError as error:  # from a table of dtypes
        raise CheckpointError(f"Tensors of {error} cannot be saved.") from error
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"Could not write {path}: {error}. Earlier checkpoints are untouched. "
            "Free some disk space (a smaller replay and fewer kept checkpoints help), "
            "or move the run to another disk, then go on from the latest checkpoint."
        ) from error


def read_header(path: Path) -> CheckpointHeader:
    """Read a checkpoint's env steps and score, without its tensors.

    Raises:
        CheckpointError: not a checkpoint this version reads, cut off or damaged.
    """
    return _open(path)[0]


def load_checkpoint(path: Path) -> Checkpoint:
    """Read and verify a whole checkpoint; nothing in it is ever executed.

    Raises:
        CheckpointError: the file is missing, foreign, cut off, damaged, or written by
            a newer version.
    """
    header, skeleton, crc32 = _open(path)
    tensors = {}
    try:
        with safe_open(path, framework="pt") as file:
            for key in crc32:
                # A copy, since the file is memory-mapped and may be deleted.
                tensors[key] = file.get_tensor(key).clone()
    except SafetensorError as error:
        raise CheckpointError(f"{path} is damaged ({error}).") from error
    for key, tensor in tensors.items():
        if _crc32(key, tensor) != crc32[key]:
            raise CheckpointError(
                f"{path} is damaged: the bytes of {key!r} are not those that were "
                "written (checksum mismatch)."
            )
    return Checkpoint(header, unflatten(skeleton, tensors))


def _open(path: Path) -> tuple[CheckpointHeader, Any, dict[str, int]]:
    """Header, skeleton and checksums of a file whose metadata is in order."""
    if not path.is_file():
        raise CheckpointError(f"There is no checkpoint at {path}.")
    try:
        with path.open("rb") as raw:
            start = raw.read(2)
        if start in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
            raise CheckpointError(
                f"{path} is a pickle (as torch.save writes), not a checkpoint of "
                "Curious Worlds. Pickles can run code and are never opened."
            )
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{path} is cut off, damaged or no checkpoint at all ({error})."
        ) from error
    if metadata.get("kind") != KIND:
        raise CheckpointError(
            f"{path} is a safetensors file, but not a checkpoint of Curious Worlds "
            f"(its kind is {metadata.get('kind')!r}, not {KIND!r})."
        )
    version = metadata.get("format_version", "")
    if version != str(FORMAT_VERSION):
        raise CheckpointError(
            f"{path} has format version {version}; this curious-worlds reads version "
            f"{FORMAT_VERSION}. Install the version that wrote it."
        )
    text = metadata.get("content", "")
    if str(zlib.crc32(text.encode())) != metadata.get("content_crc32"):
        raise CheckpointError(f"{path} is damaged: checksum mismatch in its header.")
    content = json.loads(text)
    score = content["score"]
    header = CheckpointHeader(
        content["env_steps"], None if score is None else float(score)
    )
    return header, content["skeleton"], content["crc32"]


def _crc32(key: str, tensor: Tensor) -> int:
    """Checksum of a tensor's place, dtype, shape and bytes."""
    about = f"{key} {tensor.dtype} {tuple(tensor.shape)}".encode()
    data = tensor.reshape(-1).view(torch.uint8).numpy().data
    return zlib.crc32(data, zlib.crc32(about))


def _to_disk(path: Path) -> None:
    """Wait until a file's bytes, or a folder's entries, have reached the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
