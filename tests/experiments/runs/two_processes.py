"""Sessions of two processes that form a group; run by `test_distributed.py`.

Beside them lies the run `held`, which another process is training.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from experiments.runs.folder import RunInUse
from tests.experiments.runs.fake_task import FakeConfig, go
from tests.ssl_objectives.launch import report_from


def stops(rank: int, alone: Any) -> dict[str, Any]:
    """The second process alone is interrupted, between two rows of metrics."""

    def on_step(steps: int) -> None:
        if rank == 1 and steps == 4:
            os.kill(os.getpid(), signal.SIGINT)

    runs = Path(sys.argv[2]).with_name("runs")
    [result] = go(FakeConfig(runs=runs, log_every=3), on_step=on_step)
    return {
        "run": result.run.path.name,
        "folders": len(list(runs.iterdir())),
        "steps": result.steps,
        "finished": result.finished,
        "refused": refused(Path(sys.argv[2]).with_name("held")),
    }


def refused(held: Path) -> str:
    [run] = held.iterdir()
    try:
        go(FakeConfig(runs=held, budget=30), resume=run)
    except RunInUse as error:
        return str(error)
    return "nothing"


if __name__ == "__main__":
    report_from(lambda: None, stops)
