"""Importer of our own data sets: to resize frames, or to join many small shards."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ssl_objectives.images.frames import FrameFormat
from world_models.data.dataset import open_dataset
from world_models.data.importers.importer import Importer, Rows
from world_models.data.importers.planes import convert, converted_shape


class DatasetCopy(Importer):
    """Imports all rows of a data set, streams kept.

    Args:
        path: its folder.
        form: how frames are converted.

    Raises:
        DatasetError: see `open_dataset` and `converted_shape`.
    """

    def __init__(self, path: Path, form: FrameFormat) -> None:
        self._dataset, self._form = open_dataset(path), form
        spec = self._dataset.spec
        self.spec = replace(spec, obs_shape=converted_shape(form, spec.obs_shape))
        self.num_rows = self._dataset.num_rows
        self.about = {"copied": str(path), "source": dict(self._dataset.source)}

    def rows(self) -> Iterator[Rows]:
        """All rows; see `Importer.rows`."""
        for stream in range(self._dataset.num_streams):
            for _, block in self._dataset.reader.blocks(stream):
                if self.spec != self._dataset.spec:
                    block["obs"] = convert(self._form, block["obs"])
                yield Rows(stream, block)
