"""Importer of LeRobot data sets (versions 2 and 3), from a folder on this machine.

A row of theirs has a frame, and the action that was done then. Here an action belongs
to the transition into a row, so that action i lies in row i + 1 of its episode; the
last one of each led to a frame that nobody has kept, and is left out with its reward.
"""

import io
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ssl_objectives.images.frames import FrameFormat
from ssl_objectives.refusal import DatasetError, suggest
from world_models.data.format import (
    FACTS,
    Column,
    ContinuousColumn,
    DatasetSpec,
    DiscreteColumn,
)
from world_models.data.importers.importer import Importer, Rows, zero_rows
from world_models.data.importers.lerobot.footage import Footage
from world_models.data.importers.lerobot.meta import Episode, read_meta
from world_models.data.importers.lerobot.tables import as_array, read_table

_BLOCK = 256
_ACTION, _REWARD = "action", "next.reward"
_BOOKS = ("index", "episode_index", "frame_index", "timestamp")


class LeRobotData(Importer):
    """Imports a LeRobot data set: one camera, actions, rewards, and numbers as facts.

    Args:
        root: its folder, with `meta/info.json`.
        form: how frames are converted.
        obs: the camera; a part of its name behind the last point is enough.
        facts: keep states and all else that has numbers in each row.

    Raises:
        DatasetError: damaged, of several cameras and no `obs`, or of none.
        ConfigError: pyarrow is not installed.
    """

    def __init__(
        self, root: Path, form: FrameFormat, obs: str | None = None, facts: bool = True
    ) -> None:
        self._root, self._form, self._footage = root, form, Footage()
        self._held: tuple[Path, dict[str, Any], dict[int, list[int]]] = (root, {}, {})
        self._meta = read_meta(root)
        self._camera = self._chosen(obs)
        self._is_video = self._meta.features[self._camera]["dtype"] == "video"
        first = next(self._pictures(self._meta.episodes[0]))
        self.spec = DatasetSpec(
            form.shape(first.shape),
            self._actions(),
            rewards=_REWARD in self._meta.features,
            facts=self._facts() if facts else {},
        )
        episodes = self._meta.episodes
        self.num_rows = sum(x.length for x in episodes)
        self.about = {
            "lerobot": str(root),
            "version": self._meta.version,
            "camera": self._camera,
            "fps": self._meta.fps,
        }
        if self.spec.actions is not None:
            self.notes = (
                f"The last action of each of {len(episodes):,} episodes leads to a "
                "frame that is not stored, and is left out, with its reward and end.",
            )
        others = [x for x in self._meta.cameras if x != self._camera]
        if others:
            self.notes = (*self.notes, f"Other cameras: {', '.join(others)} (--obs).")

    def rows(self) -> Iterator[Rows]:
        """All episodes; see `Importer.rows`."""
        for episode in self._meta.episodes:
            columns = self._numbers(episode)
            pictures = self._pictures(episode)
            for begin in range(0, episode.length, _BLOCK):
                part = slice(begin, begin + _BLOCK)
                frames = [self._frame(x, episode) for x in islice(pictures, _BLOCK)]
                block = {name: x[part] for name, x in columns.items()}
                if len(frames) != len(block["first"]):
                    raise DatasetError(
                        f"{episode.table}: episode {episode.number} has fewer frames "
                        f"than the {episode.length:,} rows that it should have."
                    )
                yield Rows(0, block | {"obs": np.stack(frames)})
            for _ in pictures:  # to its end, where damage is found
                pass

    def _chosen(self, obs: str | None) -> str:
        cameras = self._meta.cameras
        short = [x for x in cameras if obs in (x, x.rpartition(".")[2])]
        if len(short) == 1:
            return short[0]
        if obs is not None:
            raise DatasetError(
                f"{self._root} has no camera {obs!r}.{suggest(obs, cameras)}"
            )
        if len(cameras) != 1:
            names = ", ".join(cameras) or "none"
            raise DatasetError(
                f"{self._root} has several cameras, or none: {names}. Say which of "
                "them the frames are of: --obs NAME."
            )
        return cameras[0]

    def _actions(self) -> DiscreteColumn | ContinuousColumn | None:
        told = self._meta.features.get(_ACTION)
        if told is None:
            return None
        kind, size = np.dtype(told["dtype"]).kind, int(np.prod(told["shape"]))
        if kind == "f":
            infinite = (float("inf"),) * size
            return ContinuousColumn(tuple(-x for x in infinite), infinite)
        if kind not in "iu" or size != 1:
            raise DatasetError(
                f"{self._root} has actions of {told['dtype']} {tuple(told['shape'])}, "
                "and a data set holds one whole number, or real ones."
            )
        tables = dict.fromkeys(x.table for x in self._meta.episodes)
        each = [
            as_array(read_table(x, (_ACTION,))[_ACTION], "int64", (), str(x))
            for x in tables
        ]
        if min(int(x.min(initial=0)) for x in each) < 0:
            raise DatasetError(f"{self._root} has actions below 0.")
        return DiscreteColumn(1 + max(int(x.max(initial=0)) for x in each))

    def _facts(self) -> dict[str, Column]:
        kept, left = {}, []
        for name, told in self._meta.features.items():
            if name in (*_BOOKS, _ACTION, *self._meta.cameras) or name[:5] == "next.":
                continue
            if told["dtype"] == "string" or np.dtype(told["dtype"]).kind not in "biuf":
                left.append(name)
                continue
            shape = tuple(int(x) for x in told["shape"])
            kept[name.replace("/", ".")] = Column(
                () if shape == (1,) else shape, told["dtype"]
            )
        if left:
            self.notes = (*self.notes, f"Left out, no numbers: {', '.join(left)}.")
        return kept

    def _numbers(self, episode: Episode) -> dict[str, NDArray[Any]]:
        """All columns of an episode but its frames."""
        held = self._table(episode)
        columns = zero_rows(
            {k: x for k, x in self.spec.columns.items() if k != "obs"}, episode.length
        )
        columns["first"][0] = True
        shapes = self.spec.columns
        for name, theirs in (("action", _ACTION), ("reward", _REWARD)):
            if name in columns:
                led = self._array(held, theirs, shapes[name], episode)
                columns[name][1:] = led[:-1]
        for fact in self.spec.facts:
            theirs = fact if fact in held else fact.replace(".", "/")
            column = self.spec.facts[fact]
            columns[FACTS + fact] = self._array(held, theirs, column, episode)
        return columns

    def _array(
        self, held: Mapping[str, Any], name: str, column: Column, episode: Episode
    ) -> NDArray[Any]:
        where = f"{episode.table}: {name} of episode {episode.number}"
        if name not in held:
            raise DatasetError(f"{where} is missing.")
        return as_array(held[name], column.dtype, column.shape, where)

    def _table(self, episode: Episode) -> dict[str, Any]:
        """The rows of an episode."""
        held, places = self._whole(episode.table)
        rows = places.get(episode.number, [])
        if len(rows) != episode.length:
            raise DatasetError(
                f"{episode.table} has {len(rows):,} rows of episode {episode.number}, "
                f"and {episode.length:,} are announced in meta."
            )
        return {name: [x[i] for i in rows] for name, x in held.items()}

    def _whole(self, table: Path) -> tuple[dict[str, Any], dict[int, list[int]]]:
        """A file, and which rows of it are of which episode; the last one is kept."""
        if table != self._held[0]:
            held = read_table(table)
            if "episode_index" not in held:
                raise DatasetError(f"{table} has no column 'episode_index'.")
            places: dict[int, list[int]] = {}
            for row, number in enumerate(held["episode_index"]):
                places.setdefault(number, []).append(row)
            self._held = (table, held, places)
        return self._held[1:]

    def _pictures(self, episode: Episode) -> Iterator[NDArray[np.uint8]]:
        """The frames of an episode, as they are stored."""
        if self._is_video:
            yield from self._footage.frames(episode.films[self._camera], episode.length)
            return
        for image in self._table(episode)[self._camera]:
            data = image.get("bytes") if isinstance(image, Mapping) else None
            if data is None:
                raise DatasetError(
                    f"{episode.table}: an image of {self._camera} is not stored in "
                    "the table. Convert the data set with lerobot first."
                )
            try:
                with Image.open(io.BytesIO(data)) as opened:
                    yield np.asarray(opened.convert("RGB"))
            except (OSError, ValueError, SyntaxError) as error:
                raise DatasetError(
                    f"{episode.table}: an image of {self._camera} is damaged ({error})."
                ) from error

    def _frame(self, picture: NDArray[np.uint8], episode: Episode) -> NDArray[np.uint8]:
        frame = self._form.frame(picture)
        if frame.shape != self.spec.obs_shape:
            raise DatasetError(
                f"Frames of episode {episode.number} are {frame.shape}, those before "
                f"{self.spec.obs_shape}. Give --size HEIGHT WIDTH to resize them."
            )
        return frame
