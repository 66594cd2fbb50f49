"""`curious benchmark --suite renderers`."""

import json
from pathlib import Path

from rich.console import Console

from envs.mujoco.renderers.native.context import found_api
from experiments.benchmark.benchmark import benchmark
from experiments.benchmark.config import BenchmarkConfig, Suite


def test_every_renderer_that_there_is(tmp_path: Path) -> None:
    config = BenchmarkConfig(
        suite=Suite.RENDERERS,
        num_envs=3,
        rounds=2,
        device="cpu",
        out=tmp_path / "renderers.json",
    )
    console = Console(record=True, width=140)
    done = benchmark(config, console)
    content = json.loads(done.file.read_text("utf-8"))
    for bodies in ("boxes", "all shapes"):
        ours = f"ray-caster, {bodies}"
        assert content["arms"][ours]["unit"] == "frames"
        assert content["arms"][ours]["units_per_update"] == 3
        assert content["arms"][f"{ours}, all"]["depth"]
        assert done.summaries[ours].ratio is None
        native = f"native, {bodies}"
        assert (native in done.summaries) == (found_api() is not None)
        if native in done.summaries:
            assert content["arms"][native]["baseline"] == ours
    for walks, stands in (
        ("rooms, whole steps", "rooms, frames alone"),
        ("rooms, PPO", "rooms, PPO on frames alone"),
    ):
        assert content["arms"][walks]["baseline"] == stands
        ratio = done.summaries[walks].ratio
        assert ratio is not None
        assert 0.05 < ratio.median < 1.2
    assert "frames per second" in console.export_text()
