"""World models that were trained, from their run folders."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments.config.device import resolve_device
from experiments.model.build import build_model, offered_of
from experiments.model.config import TrainModelConfig
from experiments.runs.checkpoints.folder import CheckpointFolder
from experiments.runs.folder import RunFolder
from experiments.sources.source import Offered
from ssl_objectives.refusal import ConfigError
from world_models.latent_dynamics import LatentDynamics


def load_world_model(
    run: Path | str, device: str = "auto"
) -> tuple[LatentDynamics, TrainModelConfig]:
    """The model of a run (its latest checkpoint, or the one given), and the config.

        model, config = load_world_model("runs/…")

    It is in evaluation mode. What it was trained on need not be there any more.

    Raises:
        NotARun: there is no run at the path.
        CheckpointError: the checkpoint cannot be read.
        ConfigError: it does not fit the run's config, or no world model was trained
            there.
    """
    folder = RunFolder.open(Path(run))
    config = folder.config()
    if not isinstance(config, TrainModelConfig):
        raise ConfigError(
            f"{folder.path} is no run of `curious train-model`. The world model of an "
            "agent: load_agent(run)[0].world_model."
        )
    state = _state(Path(run))
    model = build_model(config, offered_of(state["offered"]))
    try:
        model.load_state_dict(state["modules"])
    except RuntimeError as error:
        raise ConfigError(
            f"the checkpoint does not fit {folder.config_file}: {error}"
        ) from error
    return model.to(resolve_device(device)).eval(), config


def offered_at(run: Path | str) -> Offered:
    """What the world model of a run was built for.

    Raises:
        NotARun, CheckpointError: see `load_world_model`.
    """
    return offered_of(_state(Path(run))["offered"])


def _state(run: Path) -> Mapping[str, Any]:
    folder = RunFolder.open(run)
    path = folder.checkpoint_at(run)
    state: Mapping[str, Any] = CheckpointFolder(folder.checkpoints).load(path).state
    return state
