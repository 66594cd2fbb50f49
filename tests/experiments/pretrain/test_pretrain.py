"""`curious pretrain` from the command line: what it leaves, and how it goes on."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console
from torch import Tensor

from experiments.encoders.saved import describe_encoder, load_encoder, save_encoder
from experiments.pretrain.presets import pretrain_config
from experiments.pretrain.results import RESULTS
from experiments.pretrain.task import PretrainTask
from experiments.runs.checkpoints.folder import CheckpointFolder
from experiments.runs.folder import RunFolder
from experiments.runs.logger import read_metrics
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.modalities import SplitBody
from ssl_objectives.images.fashion_mnist.dataset import FashionMnistConfig

Command = Callable[..., Any]

TINY = (
    *("--size", "debug", "--steps", "6", "--checkpoint-every", "3"),
    *("--evaluate-every", "3", "--log-every", "2", "--batch-size", "16"),
)
QUICK = (*TINY, "--no-report", "--no-tensorboard", "--evaluate-every", "0")


def weights(run: RunFolder) -> Tensor:
    encoder = load_encoder(run.path)
    return torch.cat([x.detach().flatten() for x in encoder.parameters()])


@pytest.fixture(scope="module")
def done(curious: Command) -> Any:
    """BYOL for six steps, with everything."""
    torch.set_num_threads(1)
    done = curious("pretrain", "byol", *TINY, "--probe.num-mapped", "30")
    assert done.code == 0, done.err
    return done


def test_a_run_leaves_all_that_was_promised(done: Any) -> None:
    run = done.run
    names = {x.name for x in run.path.iterdir()}
    assert {"config.json", "versions.json", "encoder.safetensors"} <= names
    assert {x.name for x in run.plots.glob("*.png")} == {
        "training.png",
        "probes.png",
        "embedding.png",
    }
    assert any(run.tensorboard.iterdir())
    results = json.loads((run.path / "results.json").read_text())["results"]
    assert {"probe/ridge", "probe/knn", "random/ridge", "pixels/knn"} <= results.keys()
    steps = [x.name for x in CheckpointFolder(run.checkpoints).paths()]
    assert steps == ["step-000000000003.safetensors", "step-000000000006.safetensors"]


def test_metrics_have_loss_rank_and_a_probe_from_the_start(done: Any) -> None:
    metrics = read_metrics(done.run)
    assert list(metrics["steps"]) == [0, 2, 3, 4, 6]
    probed = metrics["evaluate/knn"]
    assert [i for i, x in enumerate(probed) if x == x] == [0, 2, 4]
    for name in ("pretrain/loss", "projection/effective_rank", "projection/spread"):
        assert (metrics[name][1:] == metrics[name][1:]).all()


def test_it_says_what_it_has_done(done: Any) -> None:
    assert "shipped with this package" in done.out
    assert f"Run folder: {done.run.path}" in done.out
    assert "6 / 6 steps" in done.out
    assert "ridge accuracy" in done.out
    assert f'load_encoder("{done.run.path}")' in done.out


def test_the_saved_encoder_is_the_one_of_the_last_checkpoint(done: Any) -> None:
    images = FashionMnistConfig(subset=True).open().test.read(torch.arange(5))
    encoder = load_encoder(done.run.path)
    assert encoder(images).shape == (5, 32)
    state = CheckpointFolder(done.run.checkpoints).load().state["modules"]
    for name, x in encoder.state_dict().items():
        assert torch.equal(state[f"online.0.{name}"], x), name


def test_an_encoder_that_learned_further_needs_no_other_file(
    curious: Command, tmp_path: Path
) -> None:
    config, shape = PatchConfig(5, 7, 4), (1, 28, 28)
    save_encoder(tmp_path / "first", config.build(shape), config, shape)
    asked = ("--encoder", "pretrained", "--encoder.path", str(tmp_path / "first"))
    done = curious("pretrain", "vicreg", *QUICK, "--steps", "1", *asked)
    assert done.code == 0, done.err
    (tmp_path / "first").unlink()
    assert describe_encoder(done.run.path).config == config
    assert load_encoder(done.run.path).size == 5


def test_going_on_is_as_if_never_stopped(curious: Command) -> None:
    whole = curious("pretrain", "byol", *QUICK, "--keep-checkpoints", "9")
    assert whole.code == 0, whole.err
    expected = weights(whole.run)
    middle = whole.run.checkpoints / "step-000000000003.safetensors"
    (whole.run.path / "encoder.safetensors").unlink()
    again = curious("pretrain", "--resume", str(middle))
    assert again.code == 0, again.err
    assert "Going back from 6 to 3 steps" in again.out
    assert torch.equal(weights(whole.run), expected)
    assert list(read_metrics(whole.run)["steps"]) == [2, 4, 6]


def test_what_was_stopped_before_its_report_gets_one(curious: Command) -> None:
    first = curious("pretrain", "vicreg", *TINY)
    assert first.code == 0, first.err
    (first.run.path / "results.json").unlink()
    expected = weights(first.run)
    again = curious("pretrain", "--resume", str(first.run.path))
    assert again.code == 0, again.err
    assert (first.run.path / "results.json").is_file()
    assert torch.equal(weights(first.run), expected)


def test_divergence_is_said_and_not_saved(curious: Command) -> None:
    wild = ("--optimizer.learning-rate", "1e30", "--optimizer.warm-up", "0")
    done = curious("pretrain", "vicreg", *QUICK, *wild, "--log-every", "1")
    assert done.code == 1
    assert "Training has diverged" in done.err
    assert "pretrain --config" in done.err
    assert CheckpointFolder(done.run.checkpoints).paths() == []


def test_a_config_makes_the_same_run_again(curious: Command) -> None:
    first = curious("pretrain", "vicreg", *QUICK)
    second = curious("pretrain", "--config", str(first.run.path))
    assert second.code == 0, second.err
    assert torch.equal(weights(first.run), weights(second.run))


def test_flags_reach_the_parts(curious: Command) -> None:
    done = curious(
        *("pretrain", "byol", *QUICK, "--encoder", "impala", "--views", "unlike"),
        *("--objective", "info-nce", "--method.objective.temperature", "0.3"),
        *("--method.views.second.flip", "0.25", "--encoder.widths", "4", "6"),
    )
    assert done.code == 0, done.err
    config = done.run.config()
    assert config.name == "byol"
    assert config.method.objective.temperature == 0.3
    assert config.method.views.second.flip == 0.25
    assert config.method.predictor is not None
    assert load_encoder(done.run.path).size == 32


@pytest.fixture
def pictures(tmp_path: Path) -> tuple[str, ...]:
    """Flags for forty colour pictures without labels."""
    from PIL import Image

    folder = tmp_path / "pictures"
    folder.mkdir()
    noise = torch.randint(256, (40, 14, 12, 3)).byte().numpy()
    for i, x in enumerate(noise):
        Image.fromarray(x).save(folder / f"{i}.png")
    path = ("--images.path", str(folder))
    return "--images", "folder", *path, "--images.channels", "3"


def test_brightness_and_colour_have_an_encoder_each(
    curious: Command, pictures: tuple[str, ...]
) -> None:
    done = curious("pretrain", "cmc-modalities", *QUICK, *pictures)
    assert done.code == 0, done.err
    encoder = load_encoder(done.run.path)
    assert isinstance(encoder.body, SplitBody)
    channels = [next(x.parameters()).shape[1] for x in encoder.body.bodies]
    assert channels == [1, 2]


def test_gray_images_have_no_colour(curious: Command) -> None:
    done = curious("pretrain", "cmc-modalities", *QUICK)
    assert done.code != 0
    assert "brightness and colour are of 3 channels" in done.err


@pytest.fixture(scope="module")
def frames(curious: Command, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Flags for recorded frames of a world."""
    path = str(tmp_path_factory.mktemp("data") / "key-door")
    done = curious("record", "--world", "key-door", "--steps", "600", "--out", path)
    assert done.code == 0, done.err
    return "--images", "recorded", "--images.path", path


@pytest.mark.parametrize(
    "argv",
    [
        ("atc", "--method.views.apart", "4"),
        ("st-dim", "--views", "successive", "--method.views.augment.shift", "0"),
        ("vicreg", "--views", "successive", "--images.stack", "2"),
    ],
)
def test_frames_that_follow_each_other_are_views(
    curious: Command, frames: tuple[str, ...], argv: tuple[str, ...]
) -> None:
    """And the run goes on as if it had never stopped; its report is of pairs, too."""
    done = curious("pretrain", *argv, *TINY, *frames)
    assert done.code == 0, done.err
    results = json.loads((done.run.path / "results.json").read_text())["results"]
    assert {"probe/alignment", "probe/lidar"} <= results.keys()
    expected = weights(done.run)
    middle = done.run.checkpoints / "step-000000000003.safetensors"
    again = curious("pretrain", "--resume", str(middle))
    assert again.code == 0, again.err
    assert torch.equal(weights(done.run), expected)


def test_frames_that_no_label_belongs_to(
    curious: Command, pictures: tuple[str, ...]
) -> None:
    done = curious("pretrain", "vicreg", *TINY, *pictures)
    assert done.code == 0, done.err
    results = json.loads((done.run.path / "results.json").read_text())["results"]
    assert "probe/ridge" not in results
    assert "probe/effective_rank" in results
    assert "evaluate/knn" not in read_metrics(done.run)


def test_a_seed_is_of_weights_draws_order_and_labels() -> None:
    """Each of its own: none of them follows another seed than the run's."""
    config = pretrain_config("simclr", "debug")
    split = FashionMnistConfig(subset=True).open()
    device = torch.device("cpu")

    def made(seed: int) -> list[Tensor]:
        one = replace(config, seed=seed, labels="20%")
        task = PretrainTask(one, split, device, Console(quiet=True))
        task.make()
        trainer = task.trainer
        assert trainer.labels is not None
        weights = torch.cat([x.flatten() for x in trainer.encoder.parameters()])
        rows = torch.arange(4)
        drawn = trainer._draw(trainer.images.read(rows), rows, None)[0][0]
        assert trainer.order is not None
        return [weights, drawn, trainer.order.rows(0), trainer.labels]

    one, again, other = made(3), made(3), made(4)
    assert [torch.equal(x, y) for x, y in zip(one, again, strict=True)] == [True] * 4
    assert [torch.equal(x, y) for x, y in zip(one, other, strict=True)] == [False] * 4


def test_a_run_that_goes_on_has_no_results_until_its_end(tmp_path: Path) -> None:
    """Otherwise those of the encoder before would stand for the one after."""
    config = replace(pretrain_config("simclr", "debug"), runs=tmp_path)
    run = RunFolder.create(tmp_path, "x", 0, config)
    (run.path / RESULTS).write_text("{}")
    split = FashionMnistConfig(subset=True).open()
    task = PretrainTask(config, split, torch.device("cpu"), Console(quiet=True))
    assert task.is_reported(run)
    task.reopen(run)
    assert not task.is_reported(run)
