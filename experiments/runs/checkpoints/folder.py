"""The checkpoints of one run: which are kept, which is the latest, which the best.

All of it is read from the files themselves (steps in the name, score in the
header), so that no index can disagree with the folder after a crash.
"""

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from experiments.config.paths import quoted
from experiments.runs.checkpoints.checkpoint import (
    Checkpoint,
    CheckpointError,
    load_checkpoint,
    read_header,
    save_checkpoint,
)
from experiments.runs.checkpoints.tensor_file import UNFINISHED

_NAME = re.compile(r"step-(\d+)\.safetensors")


class CheckpointFolder:
    """Files `step-000000123456.safetensors`, named by steps.

    Kept are the last `keep_last`, the best by score, and a sparse history: the first
    at or after each of the steps n, 2n, 4n, 8n, … with n = `sparse_from`. Doubling
    bounds the disk: a run of 1000 n leaves 10 of them.

    One process writes to a folder; any number may read.

    Attributes:
        path: the folder; it need not exist before the first `save`.
        keep_last: how many of the newest are kept, at least 1.
        sparse_from: n above, in steps.
    """

    def __init__(
        self, path: Path, keep_last: int = 3, sparse_from: int = 100_000
    ) -> None:
        if keep_last < 1 or sparse_from < 1:
            raise ValueError("keep_last and sparse_from must be at least 1")
        self.path = path
        self.keep_last = keep_last
        self.sparse_from = sparse_from

    def start(self, at_steps: int) -> None:
        """Prepare for writing; the training process calls it once, before `save`.

        Deletes what a kill left half-written, and the checkpoints beyond the one that
        is resumed from: a run has one line of history, in its metrics as well.

        Args:
            at_steps: 0 for a new run, else those of the checkpoint resumed from.

        Raises:
            CheckpointError: there are checkpoints beyond, but none at `at_steps`,
                so that this is not the run that is resumed. Nothing is deleted.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        paths = self.paths()
        beyond = [x for x in paths if steps_of(x) > at_steps]
        if beyond and at_steps not in map(steps_of, paths):
            raise CheckpointError(
                f"{self.path} holds checkpoints up to {steps_of(beyond[-1]):,} "
                f"steps, but none at {at_steps:,}, where this run would start: "
                "it belongs to another run. Train into a new folder, or --resume "
                f"{quoted(beyond[-1])}"
            )
        # safetensors, too, writes beside and renames, under names of its own
        unfinished = [*self.path.glob(f".*{UNFINISHED}"), *self.path.glob(".tmp*")]
        for file in [*unfinished, *beyond]:
            file.unlink(missing_ok=True)

    def save(
        self, state: Any, steps: int, score: float | None = None, reached: bool = False
    ) -> Path:
        """Write a checkpoint, then delete those no longer kept; returns its path.

        Args:
            state: see `save_checkpoint`.
            steps: of the trainer so far.
            score: higher is better; None or NaN where not evaluated.
            reached: the trainer was done then, whatever its budget.

        Raises:
            CheckpointError: it could not be written; the others are untouched.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        path = self.path / f"step-{steps:012d}.safetensors"
        save_checkpoint(path, state, steps, score, reached)
        kept = self._kept(steps)
        for file in self.paths():
            if steps_of(file) <= steps and file not in kept:
                with suppress(OSError):  # the next save tries again
                    os.unlink(file)
        return path

    def paths(self) -> list[Path]:
        """All checkpoints, by steps."""
        if not self.path.is_dir():
            return []
        files = (x for x in self.path.iterdir() if _NAME.fullmatch(x.name))
        return sorted(files, key=steps_of)

    def latest(self) -> Path:
        """The checkpoint with the most steps.

        Raises:
            CheckpointError: there is none yet.
        """
        paths = self.paths()
        if not paths:
            raise CheckpointError(
                f"There is no checkpoint in {self.path}: the run ended before its "
                "first one. Begin it anew."
            )
        return paths[-1]

    def best(self) -> Path:
        """The checkpoint with the highest score; the later one of equals.

        Raises:
            CheckpointError: none has a score.
        """
        best = self._best(self.paths())
        if best is None:
            raise CheckpointError(
                f"No checkpoint in {self.path} has a score: the run was not evaluated "
                "before it was saved. Use the latest one instead."
            )
        return best

    def load(self, path: Path | None = None) -> Checkpoint:
        """Read and verify a checkpoint of this folder (default: the latest).

        Raises:
            CheckpointError: it cannot be read; names the newest older one that can.
        """
        path = path or self.latest()
        try:
            return load_checkpoint(path)
        except CheckpointError as error:
            good = self._last_good_before(path)
            advice = (
                f"The last good checkpoint before it: --resume {quoted(good)}"
                if good
                else "No older checkpoint of this run can be read: start it again."
            )
            raise CheckpointError(f"{error} {advice}") from error

    def _kept(self, steps: int) -> set[Path]:
        """What stays after a save; files beyond `steps` are another history."""
        paths = [x for x in self.paths() if steps_of(x) <= steps]
        kept = set(paths[-self.keep_last :])
        best = self._best(paths)
        if best:
            kept.add(best)
        # The first file of each interval [n 2^k, n 2^(k+1)) is never deleted, so the
        # same files are found again after any number of restarts.
        first = {self._interval(x): x for x in reversed(paths)}
        return kept | {x for k, x in first.items() if k > 0}

    def _interval(self, path: Path) -> int:
        """0 below n, then 1 + floor(log2(steps / n))."""
        return (steps_of(path) // self.sparse_from).bit_length()

    def _best(self, paths: list[Path]) -> Path | None:
        scored = []
        for file in paths:
            with suppress(CheckpointError):  # a damaged file is never the best
                score = read_header(file).score
                if score is not None:
                    scored.append((score, steps_of(file), file))
        return max(scored)[-1] if scored else None

    def _last_good_before(self, path: Path) -> Path | None:
        match = _NAME.fullmatch(path.name)
        for file in reversed(self.paths()):
            if file != path and (not match or steps_of(file) < int(match[1])):
                with suppress(CheckpointError):
                    load_checkpoint(file)
                    return file
        return None


def steps_of(path: Path) -> int:
    """Env steps in the name of a checkpoint of a folder.

    Raises:
        CheckpointError: not such a name.
    """
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise CheckpointError(
            f"{path} is not named like a checkpoint of a run (step-000000001000"
            ".safetensors). Give the run's folder, or the checkpoint its name back."
        )
    return int(match[1])
