"""What MODEL names: the weights of that very checkpoint."""

from pathlib import Path

import torch
from torch import Tensor

from experiments.model.saved import load_world_model
from experiments.probe.subjects import named_subject
from experiments.runs.checkpoints.folder import CheckpointFolder
from tests.experiments.conftest import Command
from world_models.probing.dynamics import OfModel


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
