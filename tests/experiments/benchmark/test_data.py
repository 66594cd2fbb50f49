"""The benchmark of reading measures real reading, and leaves nothing behind."""

import json
from pathlib import Path

import pytest
import torch
from rich.console import Console

from experiments.benchmark.benchmark import benchmark
from experiments.benchmark.config import BenchmarkConfig, Suite
from experiments.benchmark.data import OwnedDataset, write_frames
from experiments.benchmark.plan import Plan
from ssl_objectives.refusal import ConfigError


def test_the_suite_reads_and_cleans_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    console = Console(record=True, width=200)
    config = BenchmarkConfig(
        suite=Suite.DATA,
        data_gib=0.05,
        memory_gib=0.04,
        rounds=1,
        warm_up=0,
        out=tmp_path / "out.json",
        device="cpu",
    )
    result = benchmark(config, console)
    assert list(result.summaries) == ["windows-32", "windows-16", "images"]
    content = json.loads((tmp_path / "out.json").read_text())
    arm = content["arms"]["windows-32"]
    assert arm["unit"] == "frames"
    assert arm["units_per_update"] == 20 * 32 * 32
    assert arm["data_bytes"] > arm["limit_bytes"] == int(0.04 * 2**30)
    assert arm["peak_bytes"] > arm["limit_bytes"]  # torch alone is larger
    assert not arm["within_limit"]
    assert "memory ABOVE the limit" in console.export_text()
    assert not list((tmp_path / "runs").iterdir())
    with pytest.raises(
        ConfigError, match="--data-gib 2 must be more than --memory-gib"
    ):
        Plan.of(BenchmarkConfig(suite=Suite.DATA, data_gib=2.0, memory_gib=3.0))


def test_what_is_read_differs(tmp_path: Path) -> None:
    dataset = write_frames(tmp_path / "d", 0.02, seed=0)
    assert dataset.spec.obs_shape == (1, 84, 84)
    assert dataset.num_streams == 16
    (one, two, *_) = dataset.windows(15, 8)
    assert one.obs.shape == (16, 8, 1, 84, 84)
    assert not torch.equal(one.obs, two.obs)
    assert one.obs.float().std() > 10


def test_closing_twice_does_no_harm(tmp_path: Path) -> None:
    owned = OwnedDataset(0.01, 0.005, tmp_path, seed=0)
    assert len(list(tmp_path.iterdir())) == 1
    for arm in owned.arms():
        arm.close()
    assert not list(tmp_path.iterdir())
