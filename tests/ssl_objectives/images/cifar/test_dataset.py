"""CIFAR's files, small and in their true formats, are the images that were put in."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ssl_objectives.images.cifar.dataset import Cifar10Config, Cifar100Config
from ssl_objectives.images.source import ImageSource
from ssl_objectives.refusal import DatasetError

FILES = [*(f"data_batch_{x}" for x in range(1, 6)), "test_batch"]
NAMES = ("airplane", "bird", "cat")
GROUPS = ("beast", "thing")
EACH = 4


def images(seed: int) -> NDArray[np.uint8]:
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (EACH, 3, 32, 32), dtype=np.uint8)


def labels(seed: int, classes: int = 3) -> list[int]:
    drawn = np.random.default_rng(seed).integers(0, classes, EACH)
    return [int(x) for x in drawn]


def dump(path: Path, held: dict[str, Any]) -> None:
    path.write_bytes(pickle.dumps({k.encode(): v for k, v in held.items()}, 2))


def ten(folder: Path, binary: bool) -> None:
    folder.mkdir(parents=True)
    for seed, name in enumerate(FILES):
        if binary:
            rows = zip(labels(seed), images(seed), strict=True)
            data = b"".join(bytes([x]) + y.tobytes() for x, y in rows)
            (folder / f"{name}.bin").write_bytes(data)
        else:
            pixels = images(seed).reshape(EACH, -1)
            dump(folder / name, {"data": pixels, "labels": labels(seed)})
    if binary:
        (folder / "batches.meta.txt").write_text("\n".join(NAMES) + "\n\n")
    else:
        dump(folder / "batches.meta", {"label_names": [x.encode() for x in NAMES]})


def hundred(folder: Path, binary: bool) -> None:
    folder.mkdir(parents=True)
    for seed, name in enumerate(("train", "test")):
        fine, coarse = labels(seed), labels(seed + 9, 2)
        if binary:
            rows = zip(coarse, fine, images(seed), strict=True)
            data = b"".join(bytes([x, y]) + z.tobytes() for x, y, z in rows)
            (folder / f"{name}.bin").write_bytes(data)
        else:
            pixels = images(seed).reshape(EACH, -1)
            held = {"data": pixels, "fine_labels": fine, "coarse_labels": coarse}
            dump(folder / name, held)
    both = (("fine", NAMES), ("coarse", GROUPS))
    if binary:
        for grain, names in both:
            (folder / f"{grain}_label_names.txt").write_text("\n".join(names))
    else:
        dump(folder / "meta", {f"{x}_label_names": list(y) for x, y in both})


def check(source: ImageSource, seeds: list[int], expected: list[int]) -> None:
    found = source.read(torch.arange(source.num_rows))
    assert np.array_equal(found.numpy(), np.concatenate([images(x) for x in seeds]))
    assert source.labels is not None
    assert source.labels.tolist() == expected


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("below", [True, False])
def test_ten(tmp_path: Path, binary: bool, below: bool) -> None:
    name = "cifar-10-batches-bin" if binary else "cifar-10-batches-py"
    ten(tmp_path / name, binary)
    split = Cifar10Config(tmp_path if below else tmp_path / name).open()
    check(split.train, [0, 1, 2, 3, 4], [y for x in range(5) for y in labels(x)])
    check(split.test, [5], labels(5))
    assert split.train.class_names == split.test.class_names == NAMES
    assert "holds 20 + 4 images, and 50,000 + 10,000 are published" in split.notes[0]


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("coarse", [False, True])
def test_hundred(tmp_path: Path, binary: bool, coarse: bool) -> None:
    hundred(tmp_path / "in", binary)
    split = Cifar100Config(tmp_path / "in", coarse).open()
    for seed, source in enumerate((split.train, split.test)):
        check(source, [seed], labels(seed + 9, 2) if coarse else labels(seed))
        assert source.class_names == (GROUPS if coarse else NAMES)


def test_what_is_missing_or_damaged_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="There is nothing at"):
        Cifar10Config(tmp_path / "nowhere").open()
    with pytest.raises(
        DatasetError, match=r"neither data_batch_1 nor data_batch_1\.bin"
    ):
        Cifar10Config(tmp_path).open()
    (tmp_path / "cifar-10-python.tar.gz").write_text("")
    with pytest.raises(DatasetError, match=r"unpack cifar-10-python\.tar\.gz first"):
        Cifar10Config(tmp_path).open()
    for binary in (False, True):
        folder = tmp_path / str(binary)
        config, end = Cifar10Config(folder), ".bin" if binary else ""
        ten(folder, binary)
        third = folder / f"data_batch_3{end}"
        whole = third.read_bytes()
        third.write_bytes(whole[:-100])
        with pytest.raises(DatasetError, match=f"data_batch_3{end} is cut off"):
            config.open()
        third.unlink()
        with pytest.raises(DatasetError, match=f"There is no data_batch_3{end} in"):
            config.open()
    third.write_bytes(b"\x03" + whole[1:])
    with pytest.raises(DatasetError, match="to 3, and there are 3 classes"):
        config.open()


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ({"labels": [1]}, "has no 'data'"),
        ({"data": np.zeros((1, 3072), np.int64), "labels": [1]}, "are no bytes"),
        ({"data": np.zeros((1, 3071), np.uint8), "labels": [1]}, r"are \(1, 3071\)"),
        ({"data": np.zeros((1, 3072), np.uint8), "fine_labels": [1]}, "no 'labels'"),
        ({"data": np.zeros((1, 3072), np.uint8), "labels": [1, 2]}, "not one number"),
        ({"data": np.zeros((1, 3072), np.uint8), "labels": ["a"]}, "not one number"),
    ],
)
def test_other_contents_are_refused(
    tmp_path: Path, held: dict[str, Any], message: str
) -> None:
    ten(tmp_path / "in", False)
    dump(tmp_path / "in" / "data_batch_2", held)
    with pytest.raises(DatasetError, match=f"data_batch_2.*{message}"):
        Cifar10Config(tmp_path / "in").open()
