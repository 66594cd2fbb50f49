"""Minari's spaces and columns, for its importer and for the export.

Spaces go through Minari's own JSON of them, so that Gymnasium stays where envs are.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from ssl_objectives.refusal import ConfigError, DatasetError
from world_models.data.format import ContinuousColumn, DatasetSpec, DiscreteColumn
from world_models.data.importers.arrays.open import import_h5py

# In a data set that we wrote: infos of each episode, and metadata of the whole.
ROWS, BEFORE, AFTER = "rows", "before", "after"
METADATA = "curious_worlds"
# Observations of data sets that have vectors beside their frames.
IMAGE, VECTOR = "image", "vector"
SEEN = ("obs", "vector")  # columns of what is seen, not of what led there


def import_minari() -> Any:
    """The package Minari.

    Raises:
        ConfigError: says how to install it.
    """
    import_h5py()
    try:
        import minari
    except ImportError as error:
        raise ConfigError(
            'Minari data sets need minari: pip install "curious-worlds[data]"'
        ) from error
    return minari


def read_space(space: Any) -> dict[str, Any]:
    """A Gymnasium space as JSON."""
    from minari.serialization import serialize_space

    described: dict[str, Any] = json.loads(serialize_space(space))
    return described


def read_actions(
    space: Mapping[str, Any], where: str
) -> DiscreteColumn | ContinuousColumn:
    """The column for actions of a space.

    Raises:
        DatasetError: neither discrete nor a box; says `where`.
    """
    if space["type"] == "Discrete":
        return DiscreteColumn(space["n"])
    if space["type"] == "Box":
        low, high = (np.ravel(space[x]).tolist() for x in ("low", "high"))
        return ContinuousColumn(tuple(low), tuple(high))
    raise DatasetError(
        f"{where} has actions {space['type']}; a data set holds Discrete and Box."
    )


def obs_space(spec: DatasetSpec) -> Any:
    """A Gymnasium box of frames [H, W, C], or a dictionary of it and the vector."""
    channels, height, width = spec.obs_shape
    shape = [height, width, channels]
    low = np.zeros(shape, np.uint8).tolist()
    high = np.full(shape, 255, np.uint8).tolist()
    image = {"type": "Box", "dtype": "uint8", "shape": shape, "low": low, "high": high}
    if not spec.vector_size:
        return _space(image)
    size = spec.vector_size
    ends = {"low": [-np.inf] * size, "high": [np.inf] * size}
    vector = {"type": "Box", "dtype": "float32", "shape": [size], **ends}
    return _space({"type": "Dict", "subspaces": {IMAGE: image, VECTOR: vector}})


def action_space(spec: DatasetSpec) -> Any:
    """The Gymnasium space of the actions; the spec has some."""
    actions = spec.actions
    if isinstance(actions, ContinuousColumn):
        box = {"type": "Box", "dtype": "float32", "shape": [len(actions.low)]}
        return _space({**box, "low": list(actions.low), "high": list(actions.high)})
    assert actions is not None
    return _space({"type": "Discrete", "dtype": "int64", "start": 0, "n": actions.n})


def _space(described: Mapping[str, Any]) -> Any:
    from minari.serialization import deserialize_space

    return deserialize_space(json.dumps(described))
