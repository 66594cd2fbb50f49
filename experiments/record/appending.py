"""What may be added to a recording: other policies and draws, but no other world."""

from collections.abc import Iterator, Mapping
from typing import Any

from envs.noise.world_noise import WorldNoiseConfig
from envs.vector_env import WorldConfig
from experiments.config.json import to_json
from ssl_objectives.refusal import DatasetError
from world_models.data.dataset import Dataset

_ALIKE = ("processes", "num_threads")
"""settings of worlds that change how fast they are, and nothing else"""


def check_same_world(
    dataset: Dataset, world: WorldConfig, noise: WorldNoiseConfig | None
) -> None:
    """Refuse to add streams of another world: who reads them could not tell.

    What was not recorded by `curious record` says nothing of its world, and is added
    to as it is.

    Args:
        dataset: what is added to.
        world: where more is to be recorded.
        noise: what lies before it.

    Raises:
        DatasetError: a recording in it differs; names the first difference.
    """
    now = {
        "world": to_json(world),
        "noise": None if noise is None else to_json(noise),
    }
    source = dataset.source
    recordings = source.get("appended", [source])
    for recording in recordings if isinstance(recordings, list) else ():
        before = recording.get("config") if isinstance(recording, Mapping) else None
        if not isinstance(before, Mapping) or not now.keys() <= before.keys():
            continue
        for name, here in now.items():
            for difference in _differences(before[name], here, name):
                raise DatasetError(
                    f"{dataset.path} was recorded in another world: {difference}. "
                    "Streams of several worlds in one data set cannot be told apart: "
                    "choose another folder, or say what was said then."
                )


def _differences(there: Any, here: Any, path: str) -> Iterator[str]:
    """Each setting that differs; one that is new has the value it always had."""
    both = isinstance(there, Mapping) and isinstance(here, Mapping)
    if both and there.get("type") == here.get("type"):
        for name in here.keys() & there.keys() - set(_ALIKE):
            yield from _differences(there[name], here[name], f"{path}.{name}")
    elif there != here:
        flag = "--" + path.replace("_", "-")
        yield f"{flag} was {_told(there)}, and is {_told(here)} here"


def _told(value: Any) -> str:
    """A part by the name of its class, all else as it is."""
    if isinstance(value, Mapping) and "type" in value:
        return str(value["type"]).rpartition(":")[2].removesuffix("Config")
    return "none" if value is None else str(value)
