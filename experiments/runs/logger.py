"""Metrics over steps: one JSON object a line, and the same for TensorBoard."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from experiments.runs.folder import RunFolder
from ssl_objectives.refusal import Refusal

if TYPE_CHECKING:
    from torch import Tensor
    from torch.utils.tensorboard import SummaryWriter


class MetricsError(Refusal):
    """The metrics of a run cannot be read; the message says where and what to do."""


class MetricLogger:
    """Writes metrics of a run; what was logged before a kill is on disk.

    A row is `{"steps": …, "wall_time": …, "metrics": {name: value}}`: steps of all
    envs together (of `curious pretrain`: gradient steps), seconds of training (pauses
    between resumed runs not counted), and `package/quantity` names.
    """

    def __init__(
        self,
        run: RunFolder,
        resume_at_steps: int | None = None,
        tensorboard: bool = True,
    ) -> None:
        """Open the files of a run.

        Args:
            run: where to write.
            resume_at_steps: of the checkpoint that training continues from; rows
                beyond it are dropped, so that curves do not double back. None for a
                new run.
            tensorboard: write for TensorBoard, too.
        """
        seconds = _keep_rows(run.metrics_file, resume_at_steps)
        self._begin = time.monotonic() - seconds
        self._lines = run.metrics_file.open("a", buffering=1, encoding="utf-8")
        self._events = _writer(run, resume_at_steps) if tensorboard else None

    def log(self, steps: int, metrics: "Mapping[str, float | Tensor]") -> None:
        """Write one row; tensors are read here, which waits for the device."""
        values = {k: float(x) for k, x in metrics.items()}
        row = {
            "steps": steps,
            "wall_time": round(time.monotonic() - self._begin, 3),
            # JSON has no nan and inf; as text, float() reads them back.
            "metrics": {k: x if np.isfinite(x) else str(x) for k, x in values.items()},
        }
        self._lines.write(json.dumps(row) + "\n")
        if self._events is not None:
            for name, value in values.items():
                self._events.add_scalar(name, value, steps)

    def close(self) -> None:
        """Flush and close the files."""
        self._lines.close()
        if self._events is not None:
            self._events.close()


def read_metrics(run: RunFolder) -> dict[str, NDArray[Any]]:
    """The metrics of a run as columns of equal length, rows in the order logged.

    `steps` is int64, all others float64 with NaN where a row lacks the metric; names
    stand in the order in which they were first logged. A last line that a kill cut off
    is ignored; a run without metrics gives no rows.

    Raises:
        MetricsError: another line is damaged.
    """
    rows = list(_rows(run.metrics_file))
    names = dict.fromkeys(name for row in rows for name in row["metrics"])
    columns: dict[str, NDArray[Any]] = {
        "steps": np.array([row["steps"] for row in rows], np.int64),
        "wall_time": np.array([row["wall_time"] for row in rows], np.float64),
    }
    for name in names:
        values = [float(row["metrics"].get(name, "nan")) for row in rows]
        columns[name] = np.array(values, np.float64)
    return columns


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    """Whole rows; a line without its end was being written during a kill."""
    if not file.is_file():
        return
    with file.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            if not line.endswith("\n"):
                return
            try:
                yield _row(json.loads(line))
            except (ValueError, RecursionError) as error:
                raise MetricsError(
                    f"Line {number} of {file} is damaged ({error}). Delete that line."
                ) from error


def _row(data: Any) -> dict[str, Any]:
    """A row as `MetricLogger` writes it.

    Raises:
        ValueError: it is something else.
    """
    whole = isinstance(data, dict) and data.keys() == {"steps", "wall_time", "metrics"}
    if not whole or type(data["steps"]) is not int:
        raise ValueError("it is no row of metrics")
    if not isinstance(data["metrics"], dict):
        raise ValueError("its metrics are none")
    for value in (data["wall_time"], *data["metrics"].values()):
        if not isinstance(value, int | float | str):
            raise ValueError(f"{value!r} is no number")
        float(value)
    row: dict[str, Any] = data
    return row


def _writer(run: RunFolder, resume_at: int | None) -> "SummaryWriter":
    # Only here, since it takes a moment, and more where TensorFlow is installed.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from torch.utils.tensorboard import SummaryWriter

    purge = None if resume_at is None else resume_at + 1
    return SummaryWriter(str(run.tensorboard), purge_step=purge, flush_secs=10)


def _keep_rows(file: Path, last_steps: int | None) -> float:
    """Drop rows beyond, and a cut-off one; returns the seconds of the last row kept."""
    if not file.is_file():
        return 0.0
    kept = [
        row for row in _rows(file) if last_steps is None or row["steps"] <= last_steps
    ]
    new = file.with_name(f".{file.name}.unfinished")
    with new.open("w", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in kept)
        lines.flush()
        os.fsync(lines.fileno())
    os.replace(new, file)
    return float(kept[-1]["wall_time"]) if kept else 0.0
