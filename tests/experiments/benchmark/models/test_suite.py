"""`curious benchmark --suite models`."""

import json
from pathlib import Path

import pytest
import torch
from rich.console import Console

from envs.vector_env import DiscreteActions
from experiments.benchmark.benchmark import benchmark
from experiments.benchmark.config import BenchmarkConfig, Shape, Suite
from experiments.benchmark.models.arms import (
    TIMED,
    USUAL,
    ForwardArm,
    ModelArm,
    StepArm,
    model_arms,
)
from experiments.benchmark.models.operations import count_operations
from experiments.benchmark.models.peer import PLAIN, SAME_EYES, PeerStep, is_installed
from experiments.benchmark.models.shapes import BATCHES, NUM_ACTIONS
from experiments.benchmark.plan import Plan
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.objective import TargetKind
from ssl_objectives.refusal import ConfigError
from world_models.latent_dynamics import LatentDynamics
from world_models.presets import jepa_sigreg

CPU = torch.device("cpu")
SMALL = (Shape.SMALL,)


def ours(name: str, precision: Precision) -> list[ModelArm]:
    arms = model_arms((name,), SMALL, precision, False, CPU, 0)
    return [arm for arm, _ in arms if isinstance(arm, ModelArm)]


def weights(arm: ModelArm) -> torch.Tensor:
    return torch.cat([x.detach().flatten() for x in arm._trainer.trained])


def test_steps_stay_above_their_floors(tmp_path: Path) -> None:
    console = Console(record=True, width=120)
    config = BenchmarkConfig(
        suite=Suite.MODELS,
        models=("byol-explore", "jepa-sigreg"),
        shapes=SMALL,
        rounds=2,
        device="cpu",
        out=tmp_path / "models.json",
    )
    done = benchmark(config, console)
    content = json.loads(done.file.read_text("utf-8"))
    rows, arms = content["model_costs"], content["arms"]
    by_cpu = content["model_costs_in_cpu_time"]
    assert list(by_cpu) == list(rows)
    steps = [f"28x28, {x}, step" for x in config.models]
    forwards = [f"28x28, {x}, forward" for x in config.models]
    assert {*steps, *forwards} <= set(rows)
    assert {"copy", "multiply float32"} == {*arms} - {*rows} - {"multiply bfloat16"}
    for name, row in rows.items():
        # time that went by is as others who work on this machine left it; and who
        # takes ten thousand times the floor has counted it wrongly
        assert row["floor_seconds"] > 0
        assert by_cpu[name]["seconds"] > by_cpu[name]["floor_seconds"] > 0
        assert 1 < by_cpu[name]["over_floor"] < 10_000
        low, high = (row[f"over_floor_{x}"] for x in ("low", "high"))
        assert low <= row["over_floor"] <= high
        assert row["per_second"] == pytest.approx(arms[name]["per_second"]["median"])
        assert arms[name]["unit"] == "transitions"
        assert arms[name]["units_per_update"] == 8 * 32
        assert arms[name]["image"] == [1, 28, 28]
        assert (arms[name]["num_steps"], arms[name]["num_envs"]) == (8, 32)
        assert arms[name]["compile"] is False
        assert arms[name]["bytes"] > 9 * 32 * 28 * 28
    for name in (*steps, *forwards):
        format_ = str(Precision.AUTO.dtype(CPU)).removeprefix("torch.")
        assert arms[name]["encodes_in"] == format_
        assert arms[name]["operations"][format_] > 0
        assert arms[name]["horizon"] == 8
    assert content["settings"]["resolved"]["shapes"] == ["SMALL"]
    shown = console.export_text()
    assert "28x28, byol-explore, step" in shown
    assert shown.count("× floor") == 2
    assert "Goperations/s" in shown
    assert (f"the peer is {SAME_EYES}".lower() in shown.lower()) is is_installed()
    assert ("torch-world is not installed" in shown) is not is_installed()


def test_a_forward_half_trains_nothing_and_a_step_does() -> None:
    forward, step = ours("jepa-vicreg", Precision.FLOAT32)
    assert isinstance(forward, ForwardArm)
    assert isinstance(step, StepArm)
    before, steps = weights(forward), forward._trainer.steps
    forward.update()
    assert torch.equal(weights(forward), before)
    step.update()
    assert not torch.equal(weights(forward), before)
    assert forward._trainer.steps == steps + 1


def test_a_way_back_costs_about_twice_the_way_there() -> None:
    forward, step = ours("jepa-vicreg", Precision.FLOAT32)
    assert list(step.work.operations) == [torch.float32]
    there, whole = (sum(x.work.operations.values()) for x in (forward, step))
    assert 2.3 < whole / there < 3.0  # nobody wants the gradient of frames


def test_a_target_network_is_counted() -> None:
    """Without gradient it costs a forward pass of the encoder, over as many rows."""
    batch = BATCHES[Shape.SMALL].computing_in(Precision.FLOAT32)
    traj = batch.draw(CPU, 0).steps(0, 3)

    def model(target: TargetKind) -> LatentDynamics:
        config = jepa_sigreg(2, target=target)
        return config.of(batch.image, DiscreteActions(NUM_ACTIONS), batch.encoder)

    def operations(made: LatentDynamics) -> int:
        start = made.start(traj.first.shape[1])
        return sum(count_operations(lambda: made.loss(traj, start)).values())

    slow, stopped = model(TargetKind.EMA), model(TargetKind.STOP)
    # 3 rows are acted from and 4 aimed at; without a slow copy these 4 are all
    eyes = slow.belief.encoder
    seen = sum(count_operations(lambda: eyes(traj.obs[:3])).values())
    assert operations(slow) - operations(stopped) == seen > 0


@pytest.mark.parametrize("name", USUAL)
def test_what_is_timed_by_default_has_arms(name: str) -> None:
    assert [x.name for x in ours(name, Precision.FLOAT32)] == [
        f"28x28, {name}, forward",
        f"28x28, {name}, step",
    ]


def test_names_that_are_not_there_are_refused() -> None:
    plan = Plan.of(BenchmarkConfig(suite=Suite.MODELS, device="cpu"))
    assert plan.models == USUAL
    assert plan.shapes == (Shape.SMALL, Shape.MIDDLE)
    assert {"rssm", "spr"} <= set(TIMED.rows)
    for wrong in ("byol-explor", "none", "supervised"):
        config = BenchmarkConfig(suite=Suite.MODELS, models=(wrong,), device="cpu")
        with pytest.raises(ConfigError, match=f"--models: there is no '{wrong}'"):
            Plan.of(config)


@pytest.mark.skipif(is_installed(), reason="torch-world is here")
def test_without_a_peer_nothing_is_compared() -> None:
    arms = list(model_arms(("spr",), SMALL, Precision.FLOAT32, False, CPU, 0))
    assert {baseline for _, baseline in arms} == {None}
    assert not any(isinstance(arm, PeerStep) for arm, _ in arms)


@pytest.mark.skipif(not is_installed(), reason="torch-world is not here")
def test_a_peer_learns_from_as_much() -> None:
    arms = model_arms(("jepa-sigreg",), SMALL, Precision.FLOAT32, False, CPU, 0)
    found = {arm.name: (arm, baseline) for arm, baseline in arms}
    step, baseline = found["28x28, jepa-sigreg, step"]
    assert baseline == f"28x28, {SAME_EYES}"
    for name in (PLAIN, SAME_EYES):
        peer, _ = found[f"28x28, {name}"]
        assert isinstance(peer, PeerStep)
        assert peer.units == step.units
        assert peer._pixels.shape == (32, 9, 1, 28, 28)
        before = [x.detach().clone() for x in peer._model.parameters()]
        peer.update()
        moved = zip(before, peer._model.parameters(), strict=True)
        assert sum(not torch.equal(x, y) for x, y in moved) > len(before) / 2
        assert peer.details()["package"].startswith("torch-world ")
