"""Frames of episodes, of videos that may hold several, one behind the other."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssl_objectives.refusal import DatasetError
from world_models.data.importers.lerobot.meta import Film
from world_models.data.importers.video import read_video


class Footage:
    """Reads episodes out of videos, each video once if they are asked for in order."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._frames: Iterator[NDArray[np.uint8]] = iter(())
        self._at = 0

    def frames(self, film: Film, length: int) -> Iterator[NDArray[np.uint8]]:
        """The frames of an episode, uint8 [H, W, 3].

        Raises:
            DatasetError: there is no such video, it is damaged, or it ends before.
        """
        if film.path != self._path or film.begin < self._at:
            if not film.path.is_file():
                raise DatasetError(f"There is no {film.path}.")
            self._path, self._at = film.path, 0
            self._frames = read_video(film.path)
        for _ in islice(self._frames, film.begin - self._at):
            self._at += 1
        for frame in islice(self._frames, length):
            self._at += 1
            yield frame
        if self._at < film.begin + length:
            raise DatasetError(
                f"{film.path} is too short: it has {self._at:,} frames, and an episode "
                f"takes those up to {film.begin + length:,}."
            )
