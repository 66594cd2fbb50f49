"""Parquet files, as columns of NumPy."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssl_objectives.refusal import ConfigError, DatasetError


def import_parquet() -> Any:
    """The module `pyarrow.parquet`.

    Raises:
        ConfigError: says how to install it.
    """
    try:
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise ConfigError(
            'LeRobot data sets need pyarrow: pip install "curious-worlds[data]"'
        ) from error
    return parquet


def read_table(path: Path, columns: Sequence[str] | None = None) -> dict[str, Any]:
    """Columns of a file by name, each a list of what its rows hold.

    Args:
        path: of the file.
        columns: those that are wanted and must be there; None: all.

    Raises:
        DatasetError: missing, damaged, or without one of the columns.
    """
    parquet = import_parquet()
    if not path.is_file():
        raise DatasetError(f"There is no {path}.")
    try:
        file = parquet.ParquetFile(path)
        known = list(file.schema_arrow.names)
        wanted = known if columns is None else list(columns)
        absent = [x for x in wanted if x not in known]
        if absent:
            raise DatasetError(
                f"{path} has no column {absent[0]!r}. It has {', '.join(known)}."
            )
        table = file.read(columns=wanted)
        return {name: table.column(name).to_pylist() for name in wanted}
    except (OSError, ValueError, KeyError) as error:  # pyarrow's own are both
        raise DatasetError(f"{path} is cut off or damaged ({error}).") from error


def as_array(
    rows: Sequence[Any], dtype: str, shape: tuple[int, ...], where: str
) -> NDArray[Any]:
    """Rows of a column as [N, *shape]; one number counts as a shape of (1,), too.

    Raises:
        DatasetError: rows of another shape, or something else than numbers.
    """
    try:
        return np.asarray(rows, np.dtype(dtype)).reshape(len(rows), *shape)
    except (ValueError, TypeError) as error:
        raise DatasetError(
            f"{where} is damaged: it should hold {dtype} {shape} in each row ({error})."
        ) from error
