import errno
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imageio_ffmpeg  # type: ignore[import-untyped]
import numpy as np
import pytest
from numpy.typing import NDArray

from experiments.runs.mp4 import write_video


def read(path: Path, height: int, width: int) -> tuple[str, NDArray[np.uint8]]:
    """What ffmpeg says about the video, and its frames [T, H, W, 3]."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(path)]
    run = subprocess.run(
        [*command, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
        capture_output=True,
        check=True,
    )
    data = np.frombuffer(run.stdout, np.uint8)
    return run.stderr.decode(), data.reshape(-1, height, width, 3)


def moving_square(num: int) -> Iterator[NDArray[np.uint8]]:
    for i in range(num):
        frame = np.full((21, 35, 3), 40, np.uint8)
        frame[5:9, i : i + 4] = 230
        yield frame


def test_small_frames_are_enlarged_to_sharp_squares(tmp_path: Path) -> None:
    path = tmp_path / "videos" / "episode.mp4"
    write_video(path, moving_square(12), frames_per_second=15, least_height=100)
    about, frames = read(path, 106, 176)
    assert "Video: h264" in about
    assert "yuv420p" in about
    assert "176x106" in about
    assert "15 fps" in about
    assert len(frames) == 12  # 21 × 35, times 5, made even
    for i, (frame, original) in enumerate(zip(frames, moving_square(12), strict=True)):
        got = frame[2:105:5, 2:175:5].astype(int)  # the middle of each square
        assert np.abs(got - original).max() < 12, i
    assert os.listdir(path.parent) == ["episode.mp4"]


def test_an_array_of_large_frames_keeps_its_size(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (3, 322, 48, 3), np.uint8)
    write_video(tmp_path / "x.mp4", frames)
    about, read_frames = read(tmp_path / "x.mp4", 322, 48)
    assert "48x322" in about
    assert len(read_frames) == 3


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([], "no frames"),
        ([np.zeros((8, 8, 3), np.float32)], "got float32"),
        ([np.zeros((3, 8, 8), np.uint8)], r"Observations are \[C, H, W\]"),
        ([np.zeros((8, 8), np.uint8)], "uint8 arrays"),
        ([np.zeros((x, 8, 3), np.uint8) for x in (8, 9)], r"\(9, 8, 3\) after"),
    ],
)
def test_wrong_frames_leave_no_file(
    tmp_path: Path, frames: list[NDArray[Any]], message: str
) -> None:
    (tmp_path / "x.mp4").write_bytes(b"an older video")
    with pytest.raises(ValueError, match=message):
        write_video(tmp_path / "x.mp4", frames)
    assert os.listdir(tmp_path) == ["x.mp4"]
    assert (tmp_path / "x.mp4").read_bytes() == b"an older video"


def test_the_name_says_mp4(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"end in \.mp4"):
        write_video(tmp_path / "x.gif", moving_square(2))


def test_a_failing_encoder_is_an_error(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    frames = np.random.default_rng(0).integers(0, 256, (30, 320, 320, 3), np.uint8)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(OSError, match="Could not write the video") as failed:
            write_video(tmp_path / "x.mp4", frames)
        assert failed.value.errno == errno.EIO
        assert failed.value.filename == str(tmp_path / "x.mp4")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.listdir(tmp_path) == []


def test_where_nothing_can_be_written_the_system_says_why(tmp_path: Path) -> None:
    """An errno, which commands print as a sentence; what ffmpeg says has none."""
    path = tmp_path / f"{'x' * 250}.mp4"  # with what is put around it, too long
    with pytest.raises(OSError, match="too long") as failed:
        write_video(path, moving_square(2), frames_per_second=15)
    assert failed.value.errno is not None
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has /dev/full")
def test_a_full_disk_is_told_as_the_system_tells_it(tmp_path: Path) -> None:
    (tmp_path / ".x.unfinished.mp4").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as failed:
        write_video(tmp_path / "x.mp4", moving_square(30))
    assert failed.value.errno == errno.ENOSPC
    assert failed.value.filename == str(tmp_path / "x.mp4")
    assert os.listdir(tmp_path) == []
