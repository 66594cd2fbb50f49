"""Frames become an mp4 that every player and browser shows."""

import errno
import os
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import imageio_ffmpeg  # type: ignore[import-untyped]  # has no types
import numpy as np
from numpy.typing import NDArray


def write_video(
    path: Path,
    frames: Iterable[NDArray[np.uint8]],
    frames_per_second: float = 30.0,
    least_height: int = 320,
) -> None:
    """Write an H.264 mp4; it appears under its name once it is complete.

    Args:
        path: ends in `.mp4`; its folder is made if missing.
        frames: uint8 [H, W, 3] each and all alike, or one array [T, H, W, 3]. A
            generator is never held in memory as a whole.
        frames_per_second: of the played video.
        least_height: smaller frames are enlarged by a whole factor until they are this
            high, pixels staying sharp squares; odd sizes get one more row or column.

    Raises:
        ValueError: no frames, or not of that kind.
        OSError: the file could not be written.
    """
    if path.suffix != ".mp4":
        raise ValueError(f"A video's name must end in .mp4: {path}")
    iterator = iter(frames)
    first = next(iterator, None)
    if first is None:
        raise ValueError(f"There are no frames to write to {path}")
    _check(first, first)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.stem}.unfinished.mp4")
    unfinished.touch()  # the system tells better than ffmpeg what it does not allow
    try:
        _encode(path, unfinished, first, iterator, frames_per_second, least_height)
        os.replace(unfinished, path)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise


def _encode(
    path: Path,
    unfinished: Path,
    first: NDArray[np.uint8],
    others: Iterator[NDArray[np.uint8]],
    frames_per_second: float,
    least_height: int,
) -> None:
    """Pipe raw frames into ffmpeg, which enlarges them."""
    height, width, _ = first.shape
    raw = f"-f rawvideo -pix_fmt rgb24 -s {width}x{height} -r {frames_per_second}"
    factor = -(-least_height // height)
    tall, wide = (factor * x + factor * x % 2 for x in (height, width))  # H.264: even
    # In rgb24, lest colours be thinned out before they are enlarged.
    larger = f"-vf scale={wide}:{tall}:flags=neighbor,format=rgb24"
    # Flat areas and hard edges compress well: this is near to lossless.
    h264 = "-an -c:v libx264 -crf 18 -pix_fmt yuv420p -movflags +faststart"
    command = [
        _ffmpeg(),
        *f"-y -loglevel error {raw} -i - {larger} {h264}".split(),
        # absolute, since ffmpeg takes "-x.mp4" for an option
        str(unfinished.absolute()),
    ]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as ffmpeg:
        assert ffmpeg.stdin is not None
        try:
            with suppress(BrokenPipeError):  # it has died, and says why below
                for frame in chain([first], others):
                    _check(frame, first)
                    ffmpeg.stdin.write(frame.tobytes())
        except BaseException:
            ffmpeg.kill()
            raise
        _, said = ffmpeg.communicate()
    if ffmpeg.returncode:
        raise _failure(said.decode(errors="replace").strip(), path)


def _failure(said: str, path: Path) -> OSError:
    """With an errno, lest commands take it for a bug."""
    if (full := os.strerror(errno.ENOSPC)) in said:
        return OSError(errno.ENOSPC, full, str(path))
    reason = f"Could not write the video, since ffmpeg says {said!r}"
    return OSError(errno.EIO, reason, str(path))


def _ffmpeg() -> str:
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise OSError(
            "There is no ffmpeg, which writes videos. Install one (conda install "
            "ffmpeg, apt install ffmpeg), or say where it is in IMAGEIO_FFMPEG_EXE."
        ) from error


def _check(frame: Any, first: NDArray[np.uint8]) -> None:
    kind = (getattr(frame, "shape", None), getattr(frame, "dtype", None))
    if kind != (first.shape, np.uint8) or first.ndim != 3 or first.shape[2] != 3:
        raise ValueError(
            "Frames must be uint8 arrays [H, W, 3], all of one size; got "
            f"{kind[1]} {kind[0]} after {first.shape}. (Observations are [C, H, W].)"
        )
