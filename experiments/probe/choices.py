"""Which worlds `curious probe` can be told by name, and which it takes itself."""

from collections.abc import Mapping

from envs.noise.world_noise import WorldNoiseConfig
from envs.vector_env import WorldConfig
from experiments.config.choices import Choice
from experiments.config.paths import typed_path
from experiments.model.config import TrainModelConfig
from experiments.parts.noises import NOISES
from experiments.parts.worlds import WORLDS
from experiments.probe.config import ProbeConfig
from experiments.runs.folder import RunFolder
from experiments.sources.worlds import WorldsConfig
from experiments.train.config import TrainConfig

WORLD = Choice(WORLDS, "Where frames are played (default: the world of the run).")
NOISE = Choice(NOISES, "What lies in between (default: the noise of the run's world).")


def from_choices(
    model: str | None, own_world: bool, chosen: Mapping[str, str]
) -> ProbeConfig:
    """The config that MODEL and what was chosen stand for.

    Args:
        model: what is probed; None where only help is wanted.
        own_world: where no world is named, that of the run is taken.
        chosen: parts by name.

    Raises:
        ConfigError: no such part.
        NotARun: the model is a path, and there is no run.
    """
    name, noise = chosen.get("world"), chosen.get("noise")
    laid = None if noise is None else NOISES.make(noise)
    if name is not None:
        return ProbeConfig(model=model, world=WORLDS.make(name), noise=laid)
    world, between = _of_run(model) if own_world and model else (None, None)
    return ProbeConfig(
        model=model, world=world, noise=between if noise is None else laid
    )


def _of_run(model: str) -> tuple[WorldConfig | None, WorldNoiseConfig | None]:
    """The world that a run was trained in, with its noise, if there was one."""
    path = typed_path(model)
    if ":" in model or path.is_file():
        return None, None
    config = RunFolder.open(path).config()
    if isinstance(config, TrainConfig):
        return config.world, config.noise
    if isinstance(config, TrainModelConfig) and isinstance(config.data, WorldsConfig):
        return config.data.world, None
    return None, None
