"""How fast data of one's own trains beside images in memory, and who decodes fastest.

    python docs/own_data_speed.py

writes results/own_data_speed.json beside this file and prints the tables of
benchmarks.md. SimCLR steps of the small CNN; all arms in turn within a round, each with
some steps before the clock starts, so that nobody is given what was read while others
were timed. Ratios are taken within a round. Beside the clock stands the CPU time of a
step in the training process, without workers: what is not in it was waited for.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, RandomSampler

from ssl_objectives import (
    ZOO,
    AdamWConfig,
    ArrayImages,
    DatasetImages,
    Pretrainer,
    ShuffledConfig,
    SmallCnnConfig,
)
from ssl_objectives.images.decoding import decoded
from ssl_objectives.images.folder import FolderConfig
from ssl_objectives.images.frames import FrameFormat
from ssl_objectives.images.picture import read_image
from ssl_objectives.images.source import ImageSource

RESULTS = Path(__file__).parent / "results" / "own_data_speed.json"
IMAGES, BATCH = 512, 64
BEFORE, TIMED, ROUNDS, STEPS = 5, 8, 5, 10_000
KINDS = {
    "PNG of 32 × 32": (".png", (32, 32), (32, 32)),
    "JPEG of 160 × 120, to 32 × 32": (".jpg", (120, 160), (32, 32)),
}
PHOTOS, DECODED = (375, 500), 100  # height and width of JPEGs that are only decoded
BUILT_IN = "built in: decoded once, in memory"
BY_PASSES = "`step_on`, a loader's 2 workers, passes of 8 batches"
GOING_ON = "`step_on`, a loader's 2 workers, its sampler going on"


class Files(Dataset[Any]):
    """What a user would write: a file for each number, as floats."""

    def __init__(self, files: list[Path], size: tuple[int, int]) -> None:
        self.files, self.size = files, size

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, int]:
        with Image.open(self.files[number]) as image:
            small = image.convert("RGB").resize(self.size[::-1], Image.Resampling.BOX)
        pixels = torch.from_numpy(np.array(small)).permute(2, 0, 1)
        return pixels.float() / 255, number % 10


def write(folder: Path, count: int, ending: str, shape: tuple[int, int]) -> list[Path]:
    """Pictures of soft blobs, which compress as photographs do."""
    generator = np.random.default_rng(0)
    files = []
    for i in range(count):
        coarse = generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        files.append(folder / f"{i}{ending}")
        Image.fromarray(coarse).resize(shape[::-1]).save(files[-1])
    return files


def trainer(images: ImageSource, ordered: bool = True) -> Pretrainer:
    """SimCLR around the small CNN."""
    order = ShuffledConfig().build(images, BATCH, seed=0) if ordered else None
    return Pretrainer(
        ZOO["simclr"],
        SmallCnnConfig(),
        images,
        None,
        order,
        AdamWConfig(),
        steps=STEPS,
        device=torch.device("cpu"),
        seed=0,
    )


def by_passes(files: Files) -> DataLoader[Any]:
    """A loader that begins anew after each pass, 8 batches here, with nothing read."""
    return DataLoader(
        files, BATCH, shuffle=True, num_workers=2, drop_last=True,
        persistent_workers=True,
    )  # fmt: skip


def going_on(files: Files) -> DataLoader[Any]:
    """The same images in as random an order, pass after pass without a pause."""
    sampler = RandomSampler(files, num_samples=STEPS * BATCH)
    return DataLoader(files, BATCH, sampler=sampler, num_workers=2)


def own_loop(files: Files, loader: DataLoader[Any]) -> Callable[[], Any]:
    """Steps on the batches of a loader as they come."""
    example = ArrayImages(torch.zeros(2, 3, *files.size, dtype=torch.uint8))
    made = trainer(example, ordered=False)
    batches: Iterator[Any] = chain.from_iterable(repeat(loader))
    return lambda: made.step_on(next(batches)[0], look=False)


def arms(folder: Path, files: Files) -> dict[str, Callable[[], Any]]:
    """A step of each."""
    built_in = FolderConfig(folder, files.size, test_share=0.01).open().train
    loader = DataLoader(files, BATCH, num_workers=2)
    each = {
        BUILT_IN: built_in,
        "your `DataLoader`, 2 workers": DatasetImages.of(loader),
        "your `Dataset`, no workers": DatasetImages(files),
    }
    steps: dict[str, Callable[[], Any]] = {
        name: partial(trainer(x).step, look=False) for name, x in each.items()
    }
    loaders = {BY_PASSES: by_passes(files), GOING_ON: going_on(files)}
    return steps | {name: own_loop(files, x) for name, x in loaders.items()}


def rounds(
    steps: Mapping[str, Callable[[], Any]],
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Images a second, of each arm in each round; and CPU seconds of a step here."""
    found: dict[str, list[float]] = {name: [] for name in steps}
    worked: dict[str, list[float]] = {name: [] for name in steps}
    names = list(steps)
    for turn in range(ROUNDS):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            for _ in range(BEFORE):
                steps[name]()
            begin, used = time.perf_counter(), time.process_time()
            for _ in range(TIMED):
                steps[name]()
            found[name].append(TIMED * BATCH / (time.perf_counter() - begin))
            worked[name].append((time.process_time() - used) / TIMED)
    return found, worked


def small(file: Path) -> Any:
    """A photograph as a training image."""
    return FrameFormat((64, 64)).frame(read_image(file, gray=False).pixels)


def by_processes(files: list[Path], count: int) -> list[Any]:
    """All of them by a pool of processes that is there already."""
    with ProcessPoolExecutor(count) as pool:
        return list(pool.map(small, files, chunksize=16))


def decoding(files: list[Path]) -> dict[str, list[float]]:
    """Images a second, by who decodes."""
    ways: dict[str, Callable[[], Any]] = {
        "one thread": lambda: list(decoded(files, small, 1)),
        "two threads": lambda: list(decoded(files, small, 2)),
        "two processes": lambda: by_processes(files, 2),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            begin = time.perf_counter()
            way()
            found[name].append(len(files) / (time.perf_counter() - begin))
    return found


def table(
    found: Mapping[str, list[float]], worked: Mapping[str, list[float]] | None = None
) -> Iterator[str]:
    """Markdown: medians, and ratios within a round to the first."""
    first = next(iter(found.values()))
    more = "" if worked is None else " CPU ms a step, here |"
    yield f"| | images/s, median | × the first, median (min–max) |{more}"
    yield "|---|---|---|" + ("" if worked is None else "---|")
    for name, each in found.items():
        ratios = [x / y for x, y in zip(each, first, strict=True)]
        told = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"
        if worked is not None:
            told += f" | {1e3 * statistics.median(worked[name]):.0f}"
        yield f"| {name} | {statistics.median(each):,.0f} | {told} |"


def main() -> None:
    """Measure all of it, write it down and print it."""
    torch.set_num_threads(1)
    told: dict[str, Any] = {"torch": torch.__version__, "batch": BATCH}
    told |= {"training": {}, "cpu_seconds": {}}
    with tempfile.TemporaryDirectory() as name:
        for kind, (ending, shape, size) in KINDS.items():
            folder = Path(name) / ending
            folder.mkdir()
            files = Files(write(folder, IMAGES, ending, shape), size)
            found, worked = rounds(arms(folder, files))
            told["training"][kind], told["cpu_seconds"][kind] = found, worked
        photos = Path(name) / "photos"
        photos.mkdir()
        told["decoding"] = decoding(write(photos, DECODED, ".jpg", PHOTOS))
    RESULTS.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")
    for kind, found in told["training"].items():
        lines = table(found, told["cpu_seconds"][kind])
        print(f"\n{kind}\n" + "\n".join(lines))
    print("\ndecoding\n" + "\n".join(table(told["decoding"])))


if __name__ == "__main__":
    main()
