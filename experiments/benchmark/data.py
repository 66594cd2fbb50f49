"""How fast a data set is read, and how little memory that takes.

The data set is larger than the memory that reading may take: frames of the pixel maze,
84 × 84 in gray, written again and again with other bits flipped. It lies in the folder
`runs` and is deleted at the end.
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from envs.check import random_action
from envs.tiles.maze.pixel_maze import PixelMazeConfig
from experiments.benchmark.timing import Arm
from experiments.data.description import check_space
from ssl_objectives.footprint.available import memory_peak
from ssl_objectives.footprint.plan import readable
from ssl_objectives.images.frames import FrameFormat
from world_models.data.dataset import Dataset, open_dataset
from world_models.data.format import DatasetSpec, DiscreteColumn
from world_models.data.windows import ImageBatches, Windows
from world_models.data.writer import DatasetWriter

SPEED = 20_000  # frames per second that it should reach on two cores

_SIZE = 84
_STREAMS = 16
_SEEN = 512  # frames of the world; all others are made from them


class ReadArm(Arm):
    """Batches of a data set, on the CPU, in random order."""

    unit = "frames"

    def __init__(
        self,
        name: str,
        about: str,
        batches: Windows | ImageBatches,
        frames: int,
        num: int,
        owner: "OwnedDataset",
    ) -> None:
        self.name, self.about, self.units = name, about, frames * num
        self._batches, self._num, self._owner = batches, num, owner
        self._iterator: Iterator[Any] = iter(batches)

    def update(self) -> None:
        """Read so many batches."""
        for _ in range(self._num):
            if next(self._iterator, None) is None:
                self._iterator = iter(self._batches)
                next(self._iterator)

    def details(self) -> dict[str, Any]:
        """The most memory that this process held so far, against the limit."""
        peak, limit = (
            memory_peak(torch.device("cpu"))["process_bytes"],
            self._owner.limit,
        )
        return {
            "data_bytes": self._owner.num_bytes,
            "peak_bytes": peak,
            "limit_bytes": limit,
            "within_limit": peak is None or peak < limit,
            "wanted_per_second": SPEED,
        }

    def close(self) -> None:
        """Delete the data set."""
        self._owner.close()


class OwnedDataset:
    """A large data set in a folder of its own, deleted by `close`.

    Args:
        gib: its size.
        limit_gib: memory that the process may take, against which it is reported.
        beside: folder in which it is made.
        seed: of the world.

    Raises:
        DatasetError: the disk is too small.
    """

    def __init__(self, gib: float, limit_gib: float, beside: Path, seed: int) -> None:
        self.limit = int(limit_gib * (1 << 30))
        beside.mkdir(parents=True, exist_ok=True)
        check_space(beside, int(gib * (1 << 30)))
        self.folder = Path(tempfile.mkdtemp(prefix=".benchmark-data-", dir=beside))
        try:
            self.dataset = write_frames(self.folder / "data", gib, seed)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Delete it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def arms(self) -> list[ReadArm]:
        """What is measured."""
        long = self.dataset.windows(31, 32, stride=1)
        short = self.dataset.windows(15, 64, stride=1)
        alone = self.dataset.images(256)
        size = readable(self.num_bytes)
        return [
            ReadArm("windows-32", f"32 × 32 rows of {size}", long, 32 * 32, 20, self),
            ReadArm("windows-16", f"64 × 16 rows of {size}", short, 64 * 16, 20, self),
            ReadArm("images", f"256 single rows of {size}", alone, 256, 40, self),
        ]

    @property
    def num_bytes(self) -> int:
        """On disk."""
        return self.dataset.num_rows * self.dataset.spec.row_bytes


def write_frames(path: Path, gib: float, seed: int) -> Dataset:
    """Write a data set of `gib` GiB whose shards all differ."""
    frames, ends = _seen(seed)
    spec = DatasetSpec((1, _SIZE, _SIZE), DiscreteColumn(5), rewards=True, ends=True)
    num = max(_SEEN, int(gib * (1 << 30)) // spec.row_bytes)
    never = np.zeros(_SEEN, np.bool_)
    with DatasetWriter(path, spec, {"benchmark": "frames"}) as writer:
        streams = np.tile(writer.new_streams(_STREAMS), _SEEN // _STREAMS)
        for i in range(-(-num // _SEEN)):
            rows = {
                "obs": frames ^ np.uint8(i % 256),
                "first": ends,
                "action": np.full(_SEEN, i % 5),
                "reward": np.zeros(_SEEN, np.float32),
                "terminated": never,
                "truncated": never,
            }
            writer.add(streams, rows)
    return open_dataset(path)


def _seen(seed: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Frames of a world with random actions, rows of all envs in turn."""
    env = PixelMazeConfig().build(_STREAMS, "cpu")
    form = FrameFormat((_SIZE, _SIZE), gray=True)
    generator = torch.Generator().manual_seed(seed)
    row = env.reset(seed)
    frames, firsts = [], []
    for _ in range(_SEEN // _STREAMS):
        frames.append(form.frames(row.obs.numpy()))
        firsts.append(row.first.numpy())
        row = env.step(random_action(env, generator))
    env.close()
    return np.concatenate(frames), np.concatenate(firsts)
