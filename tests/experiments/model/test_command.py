"""The examples of `curious train-model --help` are what they claim to be."""

import shlex

import pytest

from envs.tiles.key_door import KeyDoorConfig
from experiments.config.json import from_json, to_json
from experiments.model.command import COMMAND, EXAMPLES
from experiments.model.config import TrainModelConfig
from experiments.sources.recorded import DatasetConfig
from experiments.sources.worlds import WorldsConfig
from ssl_objectives.methods.contrast.info_nce import CpcConfig
from world_models.cores.recurrent import RecurrentConfig
from world_models.model_config import LatentDynamicsConfig
from world_models.scope import Scope
from world_models.terms.inverse import InverseConfig


def arguments(example: str) -> list[str]:
    """What is behind `curious train-model`, or behind `-m experiments.train_model`."""
    words = shlex.split(example)
    starts = {"curious": "train-model", "torchrun": "experiments.train_model"}
    return words[words.index(starts[words[0]]) + 1 :]


def read(start: str) -> tuple[TrainModelConfig, LatentDynamicsConfig]:
    [example] = [x for x in EXAMPLES if start in x]
    config = COMMAND.read(arguments(example))
    assert isinstance(config.model, LatentDynamicsConfig)
    return config, config.model


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_read(example: str) -> None:
    argv = arguments(example)
    if argv[0] == "--resume":  # brings a config of its own, see the tests of resuming
        argv = argv[2:]
        assert COMMAND.read(argv).steps == 600
    config = COMMAND.read(argv)
    assert from_json(to_json(config)) == config


def test_flags_of_examples_reach_the_parts() -> None:
    config, _ = read("noise.alpha")
    assert isinstance(config.data, WorldsConfig)
    assert config.data.world.noise.alpha == 1.0  # type: ignore[attr-defined]  # the dot's
    _, model = read("--term inverse")
    assert model.terms == (InverseConfig(coefficient=100.0),)
    config, model = read("contrastive")
    assert isinstance(model.objective, CpcConfig)
    assert (model.scope, config.seeds) == (Scope.TIME, 3)
    config, model = read("key-door --core")
    assert isinstance(config.data, WorldsConfig)
    assert isinstance(config.data.world, KeyDoorConfig)
    assert isinstance(config.core, RecurrentConfig)
    assert model.name == "byol-explore"
    config, model = read("data/key-door")
    assert isinstance(config.data, DatasetConfig)
    assert config.data.path is not None
    assert config.data.path.as_posix() == "data/key-door"
    assert model.name == "spr"
    config, model = read("torchrun")
    assert (model.name, config.batch_size) == ("spr", 64)
