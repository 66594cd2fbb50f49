"""One file, one tree of training state: safetensors, never pickle, checked when read.

Tensors lie under path keys (`state/agent/policy/weight`); everything else is a JSON
skeleton in the file's metadata (`experiments/runs/checkpoints/tensor_file.py`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from experiments.runs.checkpoints.state_tree import flatten, unflatten
from experiments.runs.checkpoints.tensor_file import TensorFile
from ssl_objectives.refusal import Refusal


class CheckpointError(Refusal):
    """A checkpoint cannot be written or read; the message says what to do."""


_FORMAT = TensorFile("checkpoint", "curious-worlds/checkpoint", 1, CheckpointError)


@dataclass(frozen=True)
class CheckpointHeader:
    """What a checkpoint says about itself without its tensors being read.

    Attributes:
        steps: of the trainer until the checkpoint: steps, or gradient steps.
        score: what `best` compares, higher is better; None where not evaluated.
        reached: the trainer was done then, whatever its budget.
    """

    steps: int
    score: float | None
    reached: bool = False


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that has been read and verified; tensors are on the CPU."""

    header: CheckpointHeader
    state: Any


def save_checkpoint(
    path: Path,
    state: Any,
    steps: int,
    score: float | None = None,
    reached: bool = False,
) -> None:
    """Write `state` to `path`, replacing what was there only once all is on disk.

    Args:
        path: final name; its folder must exist.
        state: nested dicts (text or integer keys), lists and tuples of tensors (any
            device, dtype, layout in memory), numbers, text, bytes and None.
        steps: of the trainer so far.
        score: higher is better; NaN counts as no score.
        reached: the trainer was done then, whatever its budget.

    Raises:
        CheckpointError: the state holds something else, or the disk is full or not
            writable. No partial file is left, and older checkpoints are untouched.
    """
    try:
        skeleton, tensors = flatten(state)
    except TypeError as error:
        raise CheckpointError(f"Cannot save {error}") from error
    content = {
        "steps": steps,
        "score": None if score is None or math.isnan(score) else repr(float(score)),
        "reached": reached,
        "skeleton": skeleton,
    }
    try:
        _FORMAT.write(path, tensors, content)
    except KeyError as error:  # from a table of dtypes
        raise CheckpointError(f"Tensors of {error} cannot be saved.") from error
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"Could not write {path}: {error}. Earlier checkpoints are untouched. "
            "Free some disk space (a smaller replay and fewer kept checkpoints help), "
            "or move the run to another disk, then go on from the latest checkpoint."
        ) from error


def read_header(path: Path) -> CheckpointHeader:
    """Read a checkpoint's steps and score, without its tensors.

    Raises:
        CheckpointError: not a checkpoint this version reads, cut off or damaged.
    """
    return _header(_FORMAT.describe(path))


def load_checkpoint(path: Path) -> Checkpoint:
    """Read and verify a whole checkpoint; nothing in it is ever executed.

    Raises:
        CheckpointError: the file is missing, foreign, cut off, damaged, or written by
            a newer version.
    """
    content, tensors = _FORMAT.read(path)
    return Checkpoint(_header(content), unflatten(content["skeleton"], tensors))


def _header(content: Mapping[str, Any]) -> CheckpointHeader:
    score = content["score"]
    return CheckpointHeader(
        content["steps"],
        None if score is None else float(score),
        bool(content["reached"]),
    )
