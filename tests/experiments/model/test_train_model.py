"""`curious train-model` from the command line: what it leaves, for every model."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from agents.trajectories import rollout
from envs.toys.moving_dot import MovingDotConfig
from experiments.encoders.saved import load_encoder
from experiments.model.presets import CHOICES, SIZES, train_model_config
from experiments.model.saved import load_world_model
from experiments.parts.models import MODELS, OF_OBJECTS
from experiments.runs.checkpoints.folder import CheckpointFolder
from experiments.runs.folder import RunFolder
from experiments.runs.logger import read_metrics
from ssl_objectives.refusal import ConfigError
from world_models.trajectory import Trajectory

Command = Callable[..., Any]

NAMES = [x for x in MODELS.rows if x not in ("none", *OF_OBJECTS)]
TINY = (
    *("--size", "debug", "--steps", "4", "--checkpoint-every", "2"),
    *("--evaluate-every", "2", "--log-every", "2", "--encoder.precision", "float32"),
    *("--probe-fit", "12", "--probe-test", "10", "--no-tensorboard"),
)
PROBED = {
    f"probe/{fact}/{what}_{number}"
    for fact in ("place", "displacement")
    for what in ("encoded", "predicted")
    for number in ("rmse", "r2")
}


def frames() -> Trajectory:
    env = MovingDotConfig().build(5, "cpu")
    return rollout(env, 6, row=env.reset(9))[0]


def results(run: RunFolder) -> dict[str, float]:
    content = json.loads((run.path / "results.json").read_text())
    assert content["format_version"] == 1
    found: dict[str, float] = content["results"]
    return found


@pytest.fixture(scope="module", params=NAMES)
def trained(request: pytest.FixtureRequest, curious: Command) -> Any:
    """Each of the table, for four steps on the moving dot."""
    torch.set_num_threads(1)
    done = curious("train-model", request.param, *TINY)
    assert done.code == 0, done.err
    assert done.run.config().model.name == request.param
    return done


def test_a_run_leaves_all_that_was_promised(trained: Any) -> None:
    run = trained.run
    names = {x.name for x in run.path.iterdir()}
    assert {"config.json", "versions.json", "encoder.safetensors"} <= names
    assert [x.name for x in run.plots.iterdir()] == ["training.png"]
    assert set(results(run)) == PROBED | {"background_share", "dot_share"}
    assert all(map(torch.isfinite, map(torch.tensor, results(run).values())))
    steps = [x.name for x in CheckpointFolder(run.checkpoints).paths()]
    assert steps == ["step-000000000002.safetensors", "step-000000000004.safetensors"]
    metrics = read_metrics(run)
    assert list(metrics["steps"]) == [2, 4]
    for name in (
        "loss/world_model",
        "world_model/effective_rank",
        "evaluate/dot_share",
    ):
        assert (metrics[name] == metrics[name]).all(), name
    for said in ("4 / 4 steps", "96 transitions", f'load_world_model("{run.path}")'):
        assert said in trained.out
    rmse = results(run)["probe/place/predicted_rmse"]
    assert f"RMSE {rmse:.3f}" in trained.out


def test_what_is_loaded_is_the_model_of_the_last_checkpoint(trained: Any) -> None:
    run = trained.run
    model, config = load_world_model(run.path, "cpu")
    assert config == run.config()
    assert not model.training
    state = CheckpointFolder(run.checkpoints).load().state["modules"]
    own = {k: x for k, x in model.state_dict().items() if isinstance(x, Tensor)}
    assert all(torch.equal(state[k], x) for k, x in own.items())
    older, _ = load_world_model(CheckpointFolder(run.checkpoints).paths()[0], "cpu")
    assert int(older.updates) == 2
    assert int(model.updates) == 4


def test_model_and_encoder_give_equal_latents(trained: Any) -> None:
    """Of the encoder on disk, and of what the results were measured on."""
    model, _ = load_world_model(trained.run.path, "cpu")
    encoder, traj = load_encoder(trained.run.path), frames()
    with torch.no_grad():
        seen = model.belief.throughout(traj, model.start(5))
        latent = encoder(traj.obs)
        assert torch.equal(seen.latent, latent)
        ahead = model.imagine(seen.belief[0], traj.action[:4])
    assert latent.shape == (7, 5, 24)
    assert len(ahead) == 4
    assert ahead.isfinite().all()
    assert encoder.size == 24


def test_only_the_encoder_that_shall_not_learn_does_not(trained: Any) -> None:
    paths = CheckpointFolder(trained.run.checkpoints).paths()
    two, four = (load_world_model(x, "cpu")[0].belief.encoder for x in paths)
    moved = [
        not torch.equal(x, y)
        for x, y in zip(two.parameters(), four.parameters(), strict=True)
    ]
    learns = trained.run.config().model.name != "random-encoder"
    assert all(moved) if learns else not any(moved), moved


def test_what_it_learned_from_need_not_be_there(
    curious: Command, tmp_path: Path
) -> None:
    data = tmp_path / "dot"
    done = curious(
        *("record", "--world", "moving-dot", "--facts", "--steps", "900"),
        *("--num-envs", "3", "--out", str(data)),
    )
    assert done.code == 0, done.err
    flags = ("--data", "recorded", "--data.path", str(data), "--encoder", "menet")
    done = curious("train-model", "jepa-vicreg", *TINY, *flags)
    assert done.code == 0, done.err
    assert done.run.path.name.endswith("dot-jepa-vicreg-s0")
    assert set(results(done.run)) == PROBED  # nobody can show crossed frames
    with torch.no_grad():
        before = load_world_model(done.run.path, "cpu")[0].belief.encoder(frames().obs)
        shutil.rmtree(data)
        model, _ = load_world_model(str(done.run.path), "cpu")
        assert torch.equal(model.belief.encoder(frames().obs), before)
    again = curious("train-model", "--resume", str(done.run.path), "--steps", "6")
    assert again.code == 1
    assert "There is no data set at" in again.err


def test_a_run_of_another_command_is_no_world_model(key_door: Any) -> None:
    with pytest.raises(ConfigError, match=r"no run of `curious train-model`.*agent"):
        load_world_model(key_door.run.path)


def test_what_was_stopped_before_its_report_gets_one(curious: Command) -> None:
    first = curious("train-model", "jepa-sigreg", *TINY)
    expected = (first.run.path / "results.json").read_text()
    (first.run.path / "results.json").unlink()
    again = curious("train-model", "--resume", str(first.run.path))
    assert again.code == 0, again.err
    assert (first.run.path / "results.json").read_text() == expected
    done = curious("train-model", "--resume", str(first.run.path))
    assert "has had 4 steps, its budget is 4" in done.out


def test_seeds_are_runs_of_their_own(curious: Command) -> None:
    done = curious("train-model", "jepa-vicreg", *TINY, "--seeds", "2", "--no-report")
    assert done.code == 0, done.err
    zero, one = sorted(done.runs.iterdir(), key=lambda x: x.name[-1])
    assert (zero.name[-2:], one.name[-2:]) == ("s0", "s1")
    assert not (zero / "results.json").exists()
    latents = [load_encoder(x)(frames().obs) for x in (zero, one)]
    assert not torch.allclose(*latents)
    config = curious("train-model", "--config", str(one))
    assert torch.equal(load_encoder(config.run.path)(frames().obs), latents[1])


def test_looking_at_a_run_does_not_change_it(curious: Command) -> None:
    """Rows of metrics and evaluations leave no trace, in batch norms neither."""
    flags = ("--no-report", "--checkpoint-every", "4")
    often = ("--log-every", "1", "--evaluate-every", "1")
    never = ("--log-every", "4", "--evaluate-every", "0")
    for name in ("jepa-vicreg", "byol-explore"):
        states = []
        for looks in (often, never):
            done = curious("train-model", name, *TINY, *flags, *looks)
            assert done.code == 0, done.err
            states.append(
                CheckpointFolder(done.run.checkpoints).load().state["modules"]
            )
        for key, x in states[0].items():
            if isinstance(x, Tensor):
                assert torch.equal(x, states[1][key]), key


def test_divergence_is_said_and_not_saved(curious: Command) -> None:
    wild = ("--optimizer.learning-rate", "1e30", "--optimizer.warm-up", "0")
    done = curious("train-model", "jepa-vicreg", *TINY, *wild, "--log-every", "1")
    assert done.code == 1
    assert "Training has diverged" in done.err
    assert "--optimizer.learning-rate" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("size", SIZES.rows)
def test_presets_are_whole(size: str) -> None:
    config = train_model_config("jepa-vicreg", size)
    assert config.steps % config.checkpoint_every == 0
    assert config.num_steps >= config.model.horizon  # type: ignore[attr-defined]  # of ours
    assert (config.data.policy, config.data.fresh) == ("envs:Wanderer", True)  # type: ignore[attr-defined]  # of worlds


def test_every_name_on_offer_makes_a_config() -> None:
    for choice in CHOICES:
        for name in choice.table.rows:
            config = train_model_config(**{choice.name: name})
            assert config.batch_size > 1


def test_what_remembers_gets_a_burn_in() -> None:
    assert train_model_config(core="latent").burn_in == 0
    recurrent = train_model_config(core="recurrent")
    assert recurrent.num_steps - recurrent.burn_in == 8
    assert recurrent.burn_in == 4
    stack = train_model_config(core="frame-stack")
    assert stack.burn_in == stack.core.num_frames - 1
