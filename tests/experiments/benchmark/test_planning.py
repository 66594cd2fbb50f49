"""`curious benchmark --suite planning`."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from experiments.benchmark import planning
from experiments.benchmark.benchmark import benchmark
from experiments.benchmark.config import BenchmarkConfig, Suite


def test_batches_beside_loops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "HORIZON", 3)
    monkeypatch.setattr(planning, "SAMPLES", (4, 10))
    config = BenchmarkConfig(
        suite=Suite.PLANNING,
        num_envs=3,
        rounds=2,
        device="cpu",
        out=tmp_path / "planning.json",
    )
    console = Console(record=True, width=140)
    done = benchmark(config, console)
    names = [f"{x}, {n} samples" for n in (4, 10) for x in ("loop", "batch")]
    assert list(done.summaries) == names
    content = json.loads(done.file.read_text("utf-8"))
    assert content["arms"]["batch, 4 samples"]["envs_at_once"] == 3
    assert content["arms"]["loop, 4 samples"]["envs_at_once"] == 1
    for n in (4, 10):
        ratio = done.summaries[f"batch, {n} samples"].ratio
        assert ratio is not None
        assert ratio.low > 0
        assert done.summaries[f"loop, {n} samples"].ratio is None
    assert "Plans per second" in console.export_text()
