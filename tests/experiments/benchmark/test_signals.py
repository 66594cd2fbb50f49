"""`curious benchmark --suite signals`."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rich.console import Console

from experiments.benchmark.benchmark import benchmark
from experiments.benchmark.config import BenchmarkConfig, Network, Suite
from experiments.benchmark.plan import Plan
from experiments.benchmark.signals import (
    AT_ONCE,
    ENVS,
    MODEL,
    ONE_BY_ONE,
    PLAIN,
    STEPS,
    EllipsoidArm,
    costs,
    signals,
)
from experiments.benchmark.timing import Timing
from experiments.train.tables import CURIOSITY
from ssl_objectives.refusal import ConfigError

SMALL = BenchmarkConfig(
    suite=Suite.SIGNALS,
    rounds=2,
    num_envs=2,
    num_steps=9,
    epochs=1,
    minibatches=1,
    network=Network.NATURE,
    device="cpu",
)
CPU = torch.device("cpu")


def test_signals_beside_plain_ppo(tmp_path: Path) -> None:
    config = replace(SMALL, signals=("e3b", "lpm"), out=tmp_path / "signals.json")
    console = Console(record=True, width=120, quiet=False)
    done = benchmark(config, console)
    assert list(done.summaries) == [PLAIN, "e3b", "lpm"]
    rows = json.loads(done.file.read_text("utf-8"))["signal_costs"]
    assert rows[PLAIN]["over_plain"] == 1
    for name in ("e3b", "lpm"):
        low, middle, high = (
            rows[name][f"over_plain{x}"] for x in ("_low", "", "_high")
        )
        assert 0 < low <= middle <= high
    assert "CPU ms/update" in console.export_text()


def test_every_signal_of_train_is_there() -> None:
    """But for variants of others, and for what is learned from demonstrations."""
    left = {"none", "error", "hindsight-error", "perceptual", "perceptual-shaping"}
    more = {PLAIN, MODEL, "hindsight", "disagreement"}
    assert set(signals()) == (set(CURIOSITY.rows) - left) | more


def test_costs_are_ratios_of_cpu_time_within_rounds() -> None:
    worked = {PLAIN: (1.0, 2.0), MODEL: (2.0, 2.0), "lpm": (3.0, 8.0)}
    arms = [EllipsoidArm(AT_ONCE, CPU, 0), EllipsoidArm(ONE_BY_ONE, CPU, 0)]
    worked |= {AT_ONCE: (1.0, 1.0), ONE_BY_ONE: (4.0, 2.0)}
    timings = [
        Timing(i + 1, 0, name, 1, 10, 99.0, x, None, None)
        for name, each in worked.items()
        for i, x in enumerate(each)
    ]
    rows = costs(arms, timings)
    assert rows[AT_ONCE] == {
        "cpu_seconds": 1.0,
        "over_one_by_one": 0.375,
        "over_one_by_one_low": 0.25,
        "over_one_by_one_high": 0.5,
    }


def test_ellipsoids_are_the_same_at_once_and_one_by_one() -> None:
    """So that the two arms do the same work."""
    arm = EllipsoidArm(AT_ONCE, CPU, 3)
    at_once = arm.memory.along(arm.rows, arm.first)
    one_by_one = arm.one_by_one()
    assert at_once.shape == one_by_one.shape == (STEPS, ENVS)
    inside = ~arm.first[1:]
    torch.testing.assert_close(
        at_once[inside], one_by_one[inside], rtol=2e-3, atol=1e-4
    )


def test_unknown_signals_are_refused() -> None:
    plan = Plan.of(replace(SMALL, signals=("e3bb",)))
    with pytest.raises(ConfigError, match=r"no 'e3bb'\. Did you mean 'e3b'"):
        next(plan.build())


@pytest.mark.slow
def test_all_signals_are_arms_without_asking() -> None:
    arms = [arm for arm, _ in Plan.of(SMALL).build()]
    assert [x.name for x in arms] == [*signals(), AT_ONCE, ONE_BY_ONE]
    for arm in arms:
        arm.update()
        arm.close()
