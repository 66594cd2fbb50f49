"""Two processes, as torchrun starts them, are one process with the whole batch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from experiments.encoders.saved import load_encoder
from experiments.runs.folder import RunFolder

ROOT = Path(__file__).parents[3]

VIEWS = """
from dataclasses import dataclass
import torch
from ssl_objectives.views.params import UNCHANGED
from ssl_objectives.views.maker import Drawn, ViewMaker

class Mirrored(ViewMaker):
    def __call__(self, images, generator):
        params = torch.tensor(UNCHANGED).repeat(len(images), 2, 1)
        return Drawn((images, images.flip(-1)), 2, params)

@dataclass(frozen=True)
class MirroredViews:
    def build(self, image_shape):
        return Mirrored()
"""
ARGUMENTS = (
    *("vicreg", "--size", "debug", "--steps", "4", "--batch-size", "24"),
    *("--views", "views_of_two:MirroredViews", "--encoder.precision", "float32"),
    *("--no-report", "--no-tensorboard", "--log-every", "1"),
)


def pretrain(folder: Path, *command: str) -> RunFolder:
    runs = folder / f"runs-{len(command)}"
    path = os.pathsep.join([str(folder), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-m", *command, *ARGUMENTS, "--runs", str(runs)],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("Run folder") == 1
    [run] = runs.iterdir()
    return RunFolder(run)


def losses(run: RunFolder) -> list[float]:
    rows = [json.loads(x)["metrics"] for x in run.metrics_file.read_text().splitlines()]
    return [x["pretrain/loss"] for x in rows if "pretrain/loss" in x]


@pytest.mark.slow
def test_two_processes_train_the_same_encoder(tmp_path: Path) -> None:
    (tmp_path / "views_of_two.py").write_text(VIEWS)
    alone = pretrain(tmp_path, "experiments.pretrain")
    two = pretrain(
        tmp_path,
        *("torch.distributed.run", "--standalone", "--nproc-per-node", "2"),
        *("-m", "experiments.pretrain"),
    )
    assert losses(two) == pytest.approx(losses(alone), rel=1e-5)
    one, other = load_encoder(alone.path), load_encoder(two.path)
    for (name, x), y in zip(one.named_parameters(), other.parameters(), strict=True):
        # batch norm behind it takes an offset away: its gradient is rounding alone
        if name != "head.bias":
            torch.testing.assert_close(x, y, rtol=1e-3, atol=1e-5)
