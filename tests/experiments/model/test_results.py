"""What a trained model is measured on: held-out trajectories, and crossed frames."""

import copy
import json
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch

from envs.native_env import NativeVectorEnv
from envs.toys.moving_dot import MovingDotWorld
from experiments.model.build import build_model
from experiments.model.config import TrainModelConfig
from experiments.model.presets import train_model_config
from experiments.model.results import measure_model, shares
from experiments.sources.source import Source
from ssl_objectives.encoders.menet import MeNetConfig
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.measure.crossed import crossed_shares
from world_models.latent_dynamics import LatentDynamics
from world_models.probing.facts import probe_facts

Made = tuple[LatentDynamics, Source, TrainModelConfig]


def made(core: str = "recurrent") -> Made:
    """A model that has learned nothing, but whose batch norms have seen something."""
    config = replace(
        train_model_config("jepa-vicreg", "debug", core=core),
        encoder=MeNetConfig(12, (4, 6), 10, Precision.FLOAT32),
        probe_fit=130,
        probe_test=40,
        seed=3,
    )
    source = config.data.open(config.num_steps, 6, 3, torch.device("cpu"))
    model = build_model(config, source.offered)
    traj = source.next()
    model.loss(traj, model.start(6), burn_in=config.burn_in)
    return model, source, config


def results(folder: Path) -> dict[str, float]:
    content = json.loads((folder / "results.json").read_text())
    found: dict[str, float] = content["results"]
    return found


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Made, Path]:
    """Measured as it comes out of training, in training mode."""
    folder, one = tmp_path_factory.mktemp("run"), made()
    model, source, config = one
    assert model.training
    assert config.burn_in > 0
    assert measure_model(model, source, config, folder) == results(folder)
    return one, folder


def test_probes_are_fitted_on_one_part_and_tested_on_the_other(
    measured: tuple[Made, Path],
) -> None:
    """In evaluation mode, behind the burn-in; at least as many as were asked for."""
    (model, source, config), folder = measured
    fit = list(islice(source.held_out(100, 0), 2))
    test = list(islice(source.held_out(40, 1), 1))
    want = probe_facts(model.eval(), fit, test, config.burn_in)
    found = results(folder)
    assert {f"probe/{k}" for k in want} == {k for k in found if k.startswith("probe")}
    for name, x in want.items():
        assert found[f"probe/{name}"] == pytest.approx(x, rel=1e-4, abs=1e-6), name
    for others in (
        probe_facts(
            model, fit, list(islice(source.held_out(40, 0), 1)), config.burn_in
        ),
        probe_facts(model, fit, test),
        probe_facts(copy.deepcopy(model).train(), fit, test, config.burn_in),
    ):
        assert any(others[k] != pytest.approx(x, rel=1e-2) for k, x in want.items())


def test_shares_are_of_the_world_s_crossed_frames(measured: tuple[Made, Path]) -> None:
    (model, source, config), folder = measured
    assert isinstance(source.env, NativeVectorEnv)
    assert isinstance(source.env.world, MovingDotWorld)
    draw = torch.Generator().manual_seed(config.seed)
    frames = source.env.world.crossed_frames(500, draw)
    with torch.no_grad():
        want = crossed_shares(model.eval().belief.encoder(frames))
    found = results(folder)
    assert found["background_share"] == pytest.approx(float(want.background), abs=1e-4)
    assert found["dot_share"] == pytest.approx(float(want.dot), abs=1e-4)


def test_shares_leave_no_trace(measured: tuple[Made, Path]) -> None:
    """While a model trains they are looked at as it will be used, and it trains on."""
    (model, source, config), _ = measured
    before = {k: x.clone() for k, x in model.named_buffers()}
    found = []
    for training in (True, False):
        model.train(training)
        found.append(shares(model, source.env, config.seed))
        assert model.training is model.belief.encoder.training is training
    assert found[0] == found[1]
    assert len(found[0]) == 2
    for name, x in model.named_buffers():
        assert torch.equal(x, before[name]), name


def test_who_stacks_frames_or_has_no_worlds_has_no_shares() -> None:
    """Two frames show two places of the dot before one background."""
    model, source, config = made("frame-stack")
    assert model.belief.num_frames > 1
    assert shares(model, source.env, config.seed) == {}
    model, *_ = made("latent")
    assert shares(model, None, config.seed) == {}
