"""`curious benchmark --suite methods`."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from experiments.benchmark.benchmark import benchmark
from experiments.benchmark.config import BenchmarkConfig, Suite
from experiments.benchmark.methods import ALONE, REFERENCE, costs
from experiments.benchmark.plan import Plan
from experiments.benchmark.timing import Arm, Timing
from ssl_objectives.refusal import ConfigError
from ssl_objectives.zoo import ZOO


def config(tmp_path: Path, *methods: str) -> BenchmarkConfig:
    return BenchmarkConfig(
        suite=Suite.METHODS,
        methods=methods,
        batch_size=12,
        rounds=2,
        device="cpu",
        out=tmp_path / "methods.json",
    )


def test_methods_beside_the_encoder_alone(tmp_path: Path) -> None:
    console = Console(record=True, width=120, quiet=False)
    done = benchmark(config(tmp_path, "byol", "vicreg"), console)
    assert list(done.summaries) == [ALONE, "byol", "vicreg"]
    content = json.loads(done.file.read_text("utf-8"))
    rows = content["step_costs"]
    assert rows[ALONE]["over_alone"] == 1
    for name in ("byol", "vicreg"):
        assert rows[name]["views"] == 2
        assert rows[name]["seconds"] > 0
        low, middle, high = (
            rows[name][f"over_alone{x}"] for x in ("_low", "", "_high")
        )
        assert low <= middle <= high
    worked = content["step_cpu_costs"]
    assert list(worked) == list(rows)
    steps = [x for x in content["timings"] if x["arm"] == "byol" and x["round"]]
    each = [x["cpu_seconds"] / x["updates"] for x in steps]
    assert worked["byol"]["seconds"] == pytest.approx(sum(each) / len(each))
    assert console.export_text().count("ms/step") == 2


@dataclass
class Told(Arm):
    """Nothing but a name; timings are given."""

    name: str
    about: str = ""
    units: int = 10

    def update(self) -> None:
        raise NotImplementedError


def test_costs_are_ratios_within_rounds() -> None:
    seconds = {
        ALONE: (1.0, 2.0, 4.0),
        REFERENCE: (2.0, 4.0, 8.0),
        "x": (3.0, 4.0, 16.0),
    }
    timings = [
        Timing(i + 1, 0, name, 1, 10, x, x, None, None)
        for name, each in seconds.items()
        for i, x in enumerate(each)
    ]
    rows = costs([Told(x) for x in seconds], timings)
    assert rows["x"]["seconds"] == 4.0
    assert rows["x"]["over_alone"] == 3.0  # of 3, 2 and 4
    assert rows["x"]["over_reference"] == 1.5  # of 1.5, 1 and 2
    assert (rows["x"]["over_reference_low"], rows["x"]["over_reference_high"]) == (1, 2)
    assert rows[ALONE]["over_reference"] == 0.5


def test_unknown_methods_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no 'byoll'\. Did you mean 'byol'"):
        benchmark(config(tmp_path, "byoll"), Console(quiet=True))


@pytest.mark.slow
def test_all_methods_are_arms_without_asking() -> None:
    plan = Plan.of(BenchmarkConfig(suite=Suite.METHODS, device="cpu", batch_size=8))
    arms = [arm for arm, _ in plan.build()]
    assert [x.name for x in arms] == [ALONE, *ZOO]
