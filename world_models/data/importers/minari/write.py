"""Exports data sets to Minari; importing them again gives the same bytes.

Episodes are cut out of the streams and written uncompressed (Minari's own default is
JPEG, which changes pixels). Where there are vectors, observations are dictionaries of
`image` and `vector`. Facts become infos. What Minari has no place for lies in
`infos/rows`: the stream of each row and its place there, whether it is `first`, and
what led to the first one, such as the action that the world ignored at the reset. An
episode of a single row (a reset behind which the stream ends) has no step that Minari
could hold; it lies in `infos/rows/after` of the episode before it, or in
`infos/rows/before` of the one behind.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssl_objectives.refusal import DatasetError
from world_models.data.dataset import Dataset
from world_models.data.description import spec_json
from world_models.data.format import FACTS, DatasetSpec
from world_models.data.importers.minari.spaces import (
    AFTER,
    BEFORE,
    IMAGE,
    METADATA,
    ROWS,
    SEEN,
    VECTOR,
    action_space,
    import_minari,
    obs_space,
)

_AT_ONCE = 64 << 20  # bytes of episodes handed to Minari in one call

Columns = dict[str, NDArray[Any]]


def write_minari(
    dataset: Dataset, target: str, advance: Callable[[int], None] = lambda rows: None
) -> Path:
    """Write a data set as a Minari data set; returns its `data` folder.

    Args:
        dataset: has actions.
        target: a Minari id (`namespace/name-v0`), which puts it where Minari keeps
            its own, or a folder, given with a leading `.`, `~` or `/`.
        advance: told how many more rows were written.

    Raises:
        DatasetError: there is something at the target, the data set has no actions, or
            a stream has a single row.
        ConfigError: Minari is not installed.
    """
    import_minari()
    if dataset.spec.actions is None:
        raise DatasetError(
            f"{dataset.path} has no actions; Minari holds what somebody did."
        )
    folder, name = _target(target)
    if folder.exists():
        raise DatasetError(
            f"There is something at {folder.parent} already. Choose another name."
        )
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        _write(dataset, unfinished, name, advance)
        os.rename(unfinished, folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return folder


def _write(
    dataset: Dataset, folder: Path, name: str, advance: Callable[[int], None]
) -> None:
    import minari
    from minari.dataset.minari_storage import MinariStorage

    spec = dataset.spec
    storage = MinariStorage.new(
        folder,
        observation_space=obs_space(spec),
        action_space=action_space(spec),
        jpeg_encoding=False,
    )
    own = {"spec": spec_json(spec), "source": dict(dataset.source)}
    storage.update_metadata(
        {
            "dataset_id": name,
            "minari_version": minari.__version__,
            "description": f"Written by Curious Worlds from {dataset.path.name}.",
            METADATA: json.dumps(own),
        }
    )
    buffers: list[Any] = []
    waiting = 0
    for episode in _episodes(dataset):
        buffers.append(_buffer(episode, spec))
        rows = len(episode.columns["first"])
        waiting += rows * spec.row_bytes
        if waiting > _AT_ONCE:
            storage.update_episodes(buffers)
            buffers, waiting = [], 0
        advance(rows)
    storage.update_episodes(buffers)


@dataclass
class _Episode:
    """At least two rows of one stream, and the lonely ones around them."""

    stream: int
    row: int
    columns: Columns
    before: Columns | None = None
    after: Columns | None = None


def _episodes(dataset: Dataset) -> Iterator[_Episode]:
    for stream in range(dataset.num_streams):
        ready: _Episode | None = None
        alone: Columns | None = None  # in front of the first proper episode
        for row, columns in _cut(dataset, stream):
            if len(columns["first"]) == 1 and ready is None:
                alone = _joined(alone, columns)
            elif len(columns["first"]) == 1:
                assert ready is not None
                ready.after = _joined(ready.after, columns)
            else:
                if ready is not None:
                    yield ready
                ready = _Episode(stream, row, columns, alone)
                alone = None
        if ready is None:
            raise DatasetError(
                f"{dataset.path}: nothing was done in stream {stream}, so Minari has "
                "no place for it."
            )
        yield ready


def _cut(dataset: Dataset, stream: int) -> Iterator[tuple[int, Columns]]:
    """The episodes of a stream, each with the number of its first row there."""
    begin = int(dataset.index.stream_begin[stream])
    parts: list[Columns] = []
    start = 0
    for number, block in dataset.reader.blocks(stream):
        first = block["first"]
        edges = [0, *(np.flatnonzero(first[1:]) + 1).tolist(), len(first)]
        for a, b in pairwise(edges):
            if parts and first[a]:
                yield start, _concatenate(parts)
                parts, start = [], number - begin + a
            parts.append({k: x[a:b] for k, x in block.items()})
    yield start, _concatenate(parts)


def _buffer(episode: _Episode, spec: DatasetSpec) -> Any:
    from minari.data_collector import EpisodeBuffer

    columns = episode.columns
    num = len(columns["first"])
    none = np.zeros(num - 1, np.bool_)
    marks: dict[str, Any] = {
        "stream": np.full(num, episode.stream),
        "row": episode.row + np.arange(num),
        **{k: x for k, x in columns.items() if k not in SEEN and FACTS not in k},
    }
    for where, alone in ((BEFORE, episode.before), (AFTER, episode.after)):
        if alone is not None:
            marks[where] = _nested(alone)
    facts = {k: columns[FACTS + k] for k in spec.facts}
    return EpisodeBuffer(
        observations=_seen(columns),
        actions=columns["action"][1:],
        rewards=columns["reward"][1:] if spec.rewards else none.astype(np.float32),
        terminations=columns["terminated"][1:] if spec.ends else none,
        truncations=columns["truncated"][1:] if spec.ends else none,
        infos={ROWS: marks, **({FACTS[:-1]: facts} if facts else {})},
    )


def _seen(columns: Columns) -> Any:
    images = columns["obs"].transpose(0, 2, 3, 1)
    if "vector" not in columns:
        return images
    return {IMAGE: images, VECTOR: columns["vector"]}


def _nested(columns: Columns) -> dict[str, Any]:
    """`facts/NAME` as groups."""
    plain: dict[str, Any] = {k: x for k, x in columns.items() if FACTS not in k}
    plain["obs"] = plain["obs"].transpose(0, 2, 3, 1)
    facts = {k.removeprefix(FACTS): x for k, x in columns.items() if FACTS in k}
    return {**plain, FACTS[:-1]: facts} if facts else plain


def _joined(one: Columns | None, two: Columns) -> Columns:
    return two if one is None else _concatenate([one, two])


def _concatenate(parts: list[Columns]) -> Columns:
    if len(parts) == 1:
        return parts[0]
    return {k: np.concatenate([x[k] for x in parts]) for k in parts[0]}


def _target(target: str) -> tuple[Path, str]:
    """The `data` folder, and the id in its metadata."""
    if target[:1] in (".", "~", "/"):
        folder = Path(target).expanduser().absolute()
        return folder / "data", folder.name
    from minari.dataset.minari_dataset import parse_dataset_id
    from minari.storage.datasets_root_dir import get_dataset_path

    try:
        parse_dataset_id(target)
    except ValueError as error:
        raise DatasetError(
            f"{target} is no Minari id ({error}). A folder begins with ./ or /."
        ) from error
    path: Path = get_dataset_path(target)
    return path / "data", target
