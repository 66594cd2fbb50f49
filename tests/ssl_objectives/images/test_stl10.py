"""STL-10's files, small and in their true format, are the images that were put in."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ssl_objectives.images.stl10 import Stl10Config
from ssl_objectives.refusal import DatasetError

NAMES = ("airplane", "bird", "car")


def images(seed: int, count: int) -> NDArray[np.uint8]:
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (count, 3, 96, 96), dtype=np.uint8)


def put(path: Path, pictures: NDArray[np.uint8]) -> None:
    """Channel by channel, each column by column."""
    data = bytearray()
    for picture in pictures:
        for plane in picture:
            for column in range(96):
                data += plane[:, column].tobytes()
    path.write_bytes(bytes(data))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "stl10_binary"
    folder.mkdir()
    for seed, (name, count) in enumerate((("train", 3), ("test", 2), ("unlabeled", 4))):
        put(folder / f"{name}_X.bin", images(seed, count))
    (folder / "train_y.bin").write_bytes(bytes([1, 3, 2]))
    (folder / "test_y.bin").write_bytes(bytes([2, 1]))
    (folder / "class_names.txt").write_text("\n".join(NAMES) + "\n")
    return folder


def test_images_labels_and_what_is_fitted_on(folder: Path) -> None:
    split = Stl10Config(folder.parent).open()
    rows = torch.tensor([6, 0, 2, 3])
    every = np.concatenate([images(0, 3), images(2, 4)])
    assert np.array_equal(split.train.read(rows).numpy(), every[rows])
    assert split.train.labels is not None
    assert split.train.labels.tolist() == [0, 2, 1, -1, -1, -1, -1]
    assert split.probed.labels is not None
    assert split.probed.labels.tolist() == [0, 2, 1]
    assert np.array_equal(split.test.read(torch.arange(2)).numpy(), images(1, 2))
    assert split.test.labels is not None
    assert split.test.labels.tolist() == [1, 0]
    assert split.test.class_names == NAMES
    assert "holds 3 + 2 + 4 images, and 5,000" in split.notes[0]


def test_without_the_unlabelled_images(folder: Path) -> None:
    split = Stl10Config(folder, unlabeled=False).open()
    assert split.train.num_rows == 3
    (folder / "unlabeled_X.bin").unlink()
    split = Stl10Config(folder).open()
    assert split.train.num_rows == 3
    assert "no unlabeled_X.bin: only the 3 training images" in split.notes[0]


def test_what_is_missing_or_damaged_is_named(folder: Path) -> None:
    config = Stl10Config(folder)
    with pytest.raises(DatasetError, match="There is nothing at"):
        Stl10Config(folder / "nowhere").open()
    with pytest.raises(DatasetError, match=r"has no train_X\.bin"):
        Stl10Config(folder.parent.parent).open()
    whole = (folder / "test_X.bin").read_bytes()
    (folder / "test_X.bin").write_bytes(whole[:-1])
    with pytest.raises(DatasetError, match=r"test_X\.bin is cut off.*55,295 bytes"):
        config.open()
    (folder / "test_X.bin").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(
        DatasetError, match="holds 1 images, and beside it are 2 labels"
    ):
        config.open()
    (folder / "train_y.bin").write_bytes(bytes([1, 4, 0]))
    with pytest.raises(DatasetError, match="labels go from 0 to 4, and there are 3"):
        config.open()
    for name in ("train_y.bin", "class_names.txt"):
        (folder / name).unlink()
        with pytest.raises(DatasetError, match=f"There is no {name}"):
            config.open()
