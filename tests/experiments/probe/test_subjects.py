"""What MODEL names: the weights of that very checkpoint."""

from pathlib import Path

import torch
from torch import Tensor

from envs.toys.moving_dot import MovingDotConfig
from experiments.encoders.saved import describe_encoder, save_encoder
from experiments.model.saved import load_world_model
from experiments.pretrain.results import random_encoder
from experiments.probe.subjects import _encoder, named_subject
from experiments.runs.checkpoints.folder import CheckpointFolder
from ssl_objectives.encoders.cnn import PatchConfig
from tests.experiments.conftest import Command
from world_models.probing.dynamics import OfModel
from world_models.probing.images import OfImages


def weights(path: Path) -> list[Tensor]:
    """Of the world model that a name stands for."""
    subject = named_subject(str(path), "cpu", 1, 3).subject
    assert isinstance(subject, OfModel)
    assert subject.horizon == 3
    return list(subject.model.parameters())


def test_a_checkpoint_that_is_named_is_the_one_that_is_probed(curious: Command) -> None:
    done = curious(
        *("train-model", "jepa-vicreg", "--size", "debug", "--steps", "2"),
        *("--checkpoint-every", "1", "--no-report", "--no-tensorboard"),
    )
    assert done.code == 0, done.err
    run = done.run
    first, *_, last = CheckpointFolder(run.checkpoints).paths()
    early, late = (
        list(load_world_model(x, "cpu")[0].parameters()) for x in (first, last)
    )
    assert not all(map(torch.equal, early, late)), "nothing was learned between them"
    for named, wanted in ((first, early), (last, late), (run.path, late)):
        assert all(map(torch.equal, weights(named), wanted)), named.name


def test_the_control_of_an_encoder_is_its_shape_by_the_runs_seed(
    tmp_path: Path,
) -> None:
    config, shape, file = PatchConfig(5, 2, 4), (1, 6, 8), tmp_path / "x.safetensors"
    trained = random_encoder(config, shape, 1)
    save_encoder(file, trained, config, shape)
    for subject, seed in (
        (named_subject(str(file), "cpu", 1, None).subject, 0),
        (_encoder(file, "cpu", 1, 5), 5),
    ):
        assert isinstance(subject, OfImages)
        assert subject.fresh is not None
        expected = random_encoder(config, shape, seed)
        images = torch.randint(256, (3, *shape), dtype=torch.uint8)
        assert torch.equal(subject.fresh()(images), expected(images))
        assert torch.equal(subject.function(images), trained.eval()(images))


def test_the_control_of_a_model_has_never_seen_what_its_encoder_began_with(
    curious: Command, tmp_path: Path
) -> None:
    """Nor does the encoder that the run leaves name the file that it came from."""
    config, file = PatchConfig(5, 8, 4), tmp_path / "x.safetensors"
    shape = MovingDotConfig().build(1, "cpu").spec.obs_shape
    trained = random_encoder(config, shape, 1)
    save_encoder(file, trained, config, shape)
    done = curious(
        *("train-model", "--size", "debug", "--steps", "1", "--no-report"),
        *("--no-tensorboard", "--encoder", "pretrained", "--encoder.path", str(file)),
        *("--encoder.rate", "0"),
    )
    assert done.code == 0, done.err
    assert describe_encoder(done.run.path).config == config
    subject = named_subject(str(done.run.path), "cpu", 1, None).subject
    assert isinstance(subject, OfModel)
    assert subject.fresh is not None
    control = subject.fresh()
    for mine, fresh, began in zip(
        subject.model.belief.encoder.parameters(),
        control.belief.encoder.parameters(),
        trained.parameters(),
        strict=True,
    ):
        assert torch.equal(mine, began)
        assert mine.shape == fresh.shape
        assert mine.ndim == 1 or not torch.equal(mine, fresh)
