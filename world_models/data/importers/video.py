"""Importer of video files: each an episode of frames, without actions."""

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO

import imageio_ffmpeg  # type: ignore[import-untyped]  # has no types
import numpy as np
from numpy.typing import NDArray

from ssl_objectives.images.frames import FrameFormat, natural
from ssl_objectives.refusal import DatasetError
from world_models.data.format import DatasetSpec
from world_models.data.importers.importer import Importer, Rows

SUFFIXES = (".mp4", ".mkv", ".webm", ".avi", ".mov", ".m4v", ".mpg", ".mpeg", ".gif")

_BLOCK = 256


class VideoFiles(Importer):
    """Imports videos as episodes, in the order of names, all in one stream.

    Args:
        paths: the files.
        form: how frames are converted.
        every: keep each n-th frame, beginning with the first.
    """

    def __init__(
        self, paths: Sequence[Path], form: FrameFormat, every: int = 1
    ) -> None:
        self._paths = sorted(paths, key=natural)
        self._form, self._every = form, every
        first = next(read_video(self._paths[0]))
        self.spec = DatasetSpec(form.shape(first.shape))
        self.about = {"videos": [str(x) for x in self._paths], "every": every}

    def rows(self) -> Iterator[Rows]:
        """All frames; see `Importer.rows`."""
        for path in self._paths:
            frames = islice(read_video(path), 0, None, self._every)
            begins = True
            while block := [self._frame(x, path) for x in islice(frames, _BLOCK)]:
                first = np.zeros(len(block), np.bool_)
                first[0] = begins
                begins = False
                yield Rows(0, {"obs": np.stack(block), "first": first})

    def _frame(self, picture: NDArray[np.uint8], path: Path) -> NDArray[np.uint8]:
        frame = self._form.frame(picture)
        if frame.shape != self.spec.obs_shape:
            raise DatasetError(
                f"{path} has frames {frame.shape}, {self._paths[0]} has "
                f"{self.spec.obs_shape}. Give --size HEIGHT WIDTH to resize them."
            )
        return frame


def read_video(path: Path) -> Iterator[NDArray[np.uint8]]:
    """All frames of a video, uint8 [H, W, 3], none doubled and none dropped.

    Damage is found as far as the codec can tell: some have no checksums.

    Raises:
        DatasetError: the file is damaged, cut off, or no video.
    """
    # As PPM images, which tell their size themselves.
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        *["-v", "error", "-xerror", "-nostdin"],
        *("-i", str(path.absolute())),  # absolute, lest "-x.mp4" be an option
        *["-map", "0:v:0", "-fps_mode", "passthrough", "-pix_fmt", "rgb24"],
        *["-f", "image2pipe", "-c:v", "ppm", "-"],
    ]
    with (
        tempfile.TemporaryFile() as said,  # a pipe that nobody empties would fill up
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said) as ffmpeg,
    ):
        assert ffmpeg.stdout is not None
        number = 0
        try:
            while (frame := _read_ppm(ffmpeg.stdout)) is not None:
                number += 1
                yield frame
            code = ffmpeg.wait()
        finally:
            ffmpeg.kill()  # where the reader has had enough
        said.seek(0)
        message = said.read().decode(errors="replace").strip()
    # A file that is cut off between two frames gives a message and no failure.
    if code or message or not number:
        last = message.splitlines()[-1] if message else "it has no frames"
        raise DatasetError(
            f"{path} is damaged, cut off or no video: after {number:,} frames ffmpeg "
            f"says: {last}"
        )


def _read_ppm(stream: IO[bytes]) -> NDArray[np.uint8] | None:
    """The next frame; None at the end."""
    if not stream.readline():
        return None
    width, height = map(int, stream.readline().split())
    stream.readline()
    size = width * height * 3
    data = stream.read(size)
    if len(data) < size:
        return None
    return np.frombuffer(data, np.uint8).reshape(height, width, 3)
