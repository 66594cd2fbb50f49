"""The contract of importers: blocks of rows, and what they will hold."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from world_models.data.format import Column, DatasetSpec


class Rows(NamedTuple):
    """Some rows of one stream, in order; the stream's number grows."""

    stream: int
    columns: Mapping[str, NDArray[Any]]


class Importer(ABC):
    """Reads something outside as the rows of a data set.

    Attributes:
        spec: what its rows will hold.
        about: where they are from, as JSON.
        num_rows: how many, if that is known before they are read.
        notes: what is left out or changed, a sentence each, for people.
    """

    spec: DatasetSpec
    about: Mapping[str, Any]
    num_rows: int | None = None
    notes: tuple[str, ...] = ()

    @abstractmethod
    def rows(self) -> Iterator[Rows]:
        """All rows, stream by stream, in blocks that fit into memory.

        Raises:
            DatasetError: a file is damaged or unlike the others; names it.
        """


def zero_rows(columns: Mapping[str, Column], num: int) -> dict[str, NDArray[Any]]:
    """`num` rows of zeros in some columns."""
    return {k: np.zeros((num, *x.shape), x.dtype) for k, x in columns.items()}
