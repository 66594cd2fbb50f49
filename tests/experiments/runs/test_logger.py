import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]
    EventAccumulator,
)

from experiments.runs.folder import RunFolder
from experiments.runs.logger import MetricLogger, MetricsError, read_metrics

ROOT = Path(__file__).parents[3]


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


def tensorboard(run: RunFolder, name: str) -> dict[int, float]:
    events = EventAccumulator(str(run.tensorboard)).Reload()
    return {x.step: x.value for x in events.Scalars(name)}


def test_what_is_logged_is_read_back(run: RunFolder) -> None:
    logger = MetricLogger(run)
    logger.log(10, {"loss/policy": 0.1, "loss/value": torch.tensor(2.0)})
    logger.log(20, {"loss/policy": math.nan, "policy/kl": -math.inf})
    logger.close()
    columns = read_metrics(run)
    assert list(columns) == [
        "steps",
        "wall_time",
        "loss/policy",
        "loss/value",
        "policy/kl",
    ]
    np.testing.assert_array_equal(columns["steps"], [10, 20])
    np.testing.assert_array_equal(columns["loss/policy"], [0.1, math.nan])
    np.testing.assert_array_equal(columns["loss/value"], [2.0, math.nan])
    np.testing.assert_array_equal(columns["policy/kl"], [math.nan, -math.inf])
    assert columns["steps"].dtype == np.int64
    assert 0 <= columns["wall_time"][0] <= columns["wall_time"][1] < 60
    assert tensorboard(run, "loss/value") == {10: 2.0}
    # Every line is JSON as any program reads it.
    for line in run.metrics_file.read_text().splitlines():
        json.loads(line, parse_constant=lambda x: pytest.fail(x))


def test_names_stand_in_the_order_in_which_they_were_first_logged(
    run: RunFolder,
) -> None:
    logger = MetricLogger(run)
    logger.log(10, {"share/z": 0.1, "share/b": 0.2})
    logger.log(20, {"share/a": 0.3, "share/b": 0.2, "share/z": 0.1})
    logger.close()
    assert list(read_metrics(run))[2:] == ["share/z", "share/b", "share/a"]


def test_a_run_without_metrics_has_no_rows(run: RunFolder) -> None:
    assert {k: len(x) for k, x in read_metrics(run).items()} == {
        "steps": 0,
        "wall_time": 0,
    }


def test_resuming_drops_what_the_checkpoint_does_not_know(run: RunFolder) -> None:
    logger = MetricLogger(run)
    for steps in (10, 20, 30, 40):
        logger.log(steps, {"loss/policy": steps})
    logger.close()
    rows = [json.loads(x) for x in run.metrics_file.read_text().splitlines()]
    rows[1]["wall_time"] = 500.0  # as if training had taken that long
    lines = [json.dumps(x) + "\n" for x in rows]
    run.metrics_file.write_text("".join(lines) + '{"steps": 50, "wall_ti')

    logger = MetricLogger(run, resume_at_steps=20)
    logger.log(30, {"loss/policy": 31.0})
    logger.close()
    columns = read_metrics(run)
    np.testing.assert_array_equal(columns["steps"], [10, 20, 30])
    np.testing.assert_array_equal(columns["loss/policy"], [10, 20, 31])
    assert 500 <= columns["wall_time"][2] < 560
    assert tensorboard(run, "loss/policy") == {10: 10.0, 20: 20.0, 30: 31.0}
    assert sorted(os.listdir(run.path)) == ["metrics.jsonl", "tensorboard"]


def test_kill_9_loses_no_whole_row(run: RunFolder, tmp_path: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from experiments.runs.logger import MetricLogger\n"
        "from experiments.runs.folder import RunFolder\n"
        "logger = MetricLogger(RunFolder(Path(sys.argv[1])))\n"
        "for i in range(100): logger.log(i, {'loss/policy': i})\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    code = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    ).returncode
    assert code == -signal.SIGKILL
    assert len(read_metrics(run)["steps"]) == 100
    whole = run.metrics_file.read_bytes()
    for cut in (1, 2, 30):  # in the middle of the last line
        run.metrics_file.write_bytes(whole[:-cut])
        assert len(read_metrics(run)["steps"]) == 99
    logger = MetricLogger(run, resume_at_steps=99)
    logger.log(100, {"loss/policy": 100})
    logger.close()
    assert list(read_metrics(run)["steps"]) == [*range(99), 100]


@pytest.mark.parametrize(
    "line",
    [
        *("\0", "3", "{}", '{"steps": "1", "wall_time": 0, "metrics": {}}'),
        '{"steps": 1, "wall_time": 0, "metrics": []}',
        '{"steps": 1, "wall_time": 0, "metrics": {"a": "x"}}',
        '{"steps": 1, "wall_time": [], "metrics": {}}',
    ],
)
def test_a_damaged_line_is_named(run: RunFolder, line: str) -> None:
    whole = '{"steps": 1, "wall_time": 0, "metrics": {"a": "nan"}}\n'
    run.metrics_file.write_text(f"{whole}{line}\n")
    with pytest.raises(MetricsError, match=r"Line 2 of .*Delete that line"):
        read_metrics(run)
