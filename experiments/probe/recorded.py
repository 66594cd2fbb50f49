"""Footage of a data set, with facts of its own and with anybody's."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from envs.vector_env import ContinuousActions
from experiments.config.paths import typed_path
from ssl_objectives.paths import nothing_at
from ssl_objectives.refusal import ConfigError, DatasetError
from world_models.data.dataset import Dataset, open_dataset
from world_models.data.format import FACTS, ContinuousColumn
from world_models.probing.asked import MOST_NUMBERS
from world_models.probing.footage import Footage

EPISODES = 20  # at least, where there are as many
_LEAST_ROWS = 32  # of an episode that is cut


def recorded_footage(
    path: Path | str,
    frames: int = 10_000,
    seed: int = 0,
    facts: Collection[str] = (),
    columns: Mapping[str, NDArray[Any]] | None = None,
) -> Footage:
    """Whole episodes of a data set, by lot, until there are frames enough.

        footage = recorded_footage("data/dots")

    Of an episode with more than a twentieth of the frames a part is taken that begins
    anywhere, so that there are twenty episodes at least.

    Args:
        path: of the data set.
        frames: at most.
        seed: of the lot.
        facts: those that are kept however many numbers they have.
        columns: facts of the user's own: one entry for each row of the data set.

    Raises:
        DatasetError: no data set, a damaged one, or columns of another length.
    """
    dataset = open_dataset(path)
    columns = columns or {}
    for name, column in columns.items():
        if len(column) != dataset.num_rows:
            raise DatasetError(
                f"The column {name!r} has {len(column):,} entries, and {path} has "
                f"{dataset.num_rows:,} rows. Give one for each, in their order."
            )
    kept = [
        k
        for k, x in dataset.spec.facts.items()
        if k in facts or int(np.prod(x.shape)) <= MOST_NUMBERS
    ]
    parts = _parts(dataset, frames, np.random.default_rng(seed))
    read = _read(dataset, parts, kept)
    row = np.concatenate([np.arange(begin, begin + num) for begin, num in parts])
    own = {
        k: torch.from_numpy(np.ascontiguousarray(x[row])) for k, x in columns.items()
    }
    spec = dataset.spec.facts
    return Footage(
        obs=read["obs"],
        episode=torch.arange(len(parts)).repeat_interleave(
            torch.tensor([num for _, num in parts])
        ),
        facts={k: read[FACTS + k] for k in kept} | own,
        action=_told(dataset, read.get("action")),
        vector=read.get("vector"),
        reward=read.get("reward"),
        units={k: spec[k].unit for k in kept},
        names={k: spec[k].names for k in kept if spec[k].names},
        about=str(path),
    )


def read_columns(given: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Facts from files, as `--column NAME=FILE` names them.

    Raises:
        ConfigError: something else than NAME=FILE, or a file that is none.
    """
    made = {}
    for text in given:
        name, equals, place = text.partition("=")
        if not (name and equals and place):
            raise ConfigError(f"--column {text!r} is not of the form NAME=FILE.")
        made[name] = _column(name, typed_path(place))
    return made


def _column(name: str, file: Path) -> NDArray[Any]:
    if not file.is_file():
        raise ConfigError(f"--column {name}: {nothing_at(file, 'no file')}")
    try:
        if file.suffix == ".csv":
            table = np.genfromtxt(file, delimiter=",", names=True, dtype=None)
            known = table.dtype.names or ()
            if name not in known:
                raise ConfigError(
                    f"{file} has no column {name!r}, only {', '.join(known)}."
                )
            column: NDArray[Any] = table[name]
        else:
            column = np.load(file, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        why = f": {error}" if file.suffix == ".csv" else ", as an .npy of numbers"
        raise ConfigError(
            f"--column {name}: {file} cannot be read{why}. It may be damaged."
        ) from error
    if column.dtype.kind not in "biuf":
        raise ConfigError(
            f"--column {name}: {file} holds {column.dtype}. Give numbers; of classes, "
            "0, 1, …"
        )
    return column.astype(np.int64) if column.dtype.kind == "u" else column


def _parts(
    dataset: Dataset, frames: int, lot: np.random.Generator
) -> list[tuple[int, int]]:
    """Episodes, or parts of them: the first row, and how many."""
    begins = np.union1d(dataset.first_rows(), dataset.index.stream_begin[:-1])
    lengths = np.diff(np.append(begins, dataset.num_rows))
    most = max(_LEAST_ROWS, frames // EPISODES)
    parts, left = [], frames
    for i in lot.permutation(len(begins)).tolist():
        num = min(int(lengths[i]), most, left)
        if num < 1:
            break
        skipped = int(lot.integers(lengths[i] - num + 1)) if lengths[i] > most else 0
        parts.append((int(begins[i]) + skipped, num))
        left -= num
    return sorted(parts)


def _read(
    dataset: Dataset, parts: Sequence[tuple[int, int]], facts: Sequence[str]
) -> dict[str, Tensor]:
    """Columns of all parts, one behind the other."""
    wanted = ["obs", "action", "reward", "vector", *(FACTS + x for x in facts)]
    names = [x for x in wanted if x in dataset.spec.columns]
    begin = np.array([x for x, _ in parts])
    length = np.array([num for _, num in parts])
    place = np.cumsum(length) - length
    total = int(length.sum())
    columns = dataset.spec.columns
    made = {k: np.empty((total, *columns[k].shape), columns[k].dtype) for k in names}
    for num in np.unique(length).tolist():  # equally long ones at once
        chosen = np.flatnonzero(length == num)
        target = place[chosen] + np.arange(num)[:, None]
        read = dataset.reader.read(begin[chosen], num, names)
        for name, x in read.items():
            made[name][target] = x
    return {k: torch.from_numpy(x) for k, x in made.items()}


def _told(dataset: Dataset, action: Tensor | None) -> Tensor | None:
    """What was done as what would be told: continuous actions in [-1, 1]."""
    column = dataset.spec.actions
    if action is None or not isinstance(column, ContinuousColumn):
        return action
    return ContinuousActions(column.low, column.high).from_bounds(action)
