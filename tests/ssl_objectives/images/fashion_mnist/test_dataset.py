"""Fashion-MNIST: idx files, the part that is shipped, and how the rest is fetched."""

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ssl_objectives.images.fashion_mnist import fetch as fashion_fetch
from ssl_objectives.images.fashion_mnist.dataset import (
    CLASSES,
    FILES,
    INSTALLED,
    SUBSET,
    FashionMnistConfig,
    fashion_mnist_subset,
    write_subset,
)
from ssl_objectives.images.fashion_mnist.fetch import fetch
from ssl_objectives.images.fashion_mnist.idx import read_idx
from ssl_objectives.refusal import DatasetError

ABSENT = not (Path("/") / INSTALLED).is_dir()


def write_idx(path: Path, array: NDArray[np.uint8]) -> None:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(header + array.tobytes()))


def write_all(
    folder: Path, train: int = 30, test: int = 20
) -> dict[str, NDArray[np.uint8]]:
    """A small set of the same form; returns its images."""
    generator = np.random.default_rng(0)
    made = {}
    for (part, names), count in zip(FILES.items(), (train, test), strict=True):
        made[part] = generator.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        write_idx(folder / names[0], made[part])
        write_idx(folder / names[1], np.arange(count, dtype=np.uint8) % 10)
    return made


# the part that is shipped


def test_the_shipped_part_is_real_and_balanced() -> None:
    split = FashionMnistConfig(subset=True).open()
    assert split.notes == ()
    assert "2,000 + 1,000 images shipped" in split.about
    for side, each in ((split.train, 200), (split.test, 100)):
        assert side.image_shape == (1, 28, 28)
        assert side.num_rows == 10 * each
        assert side.class_names == CLASSES
        assert side.labels is not None
        assert side.labels.bincount().tolist() == 10 * [each]
    # the first images of the real files: an ankle boot, a T-shirt, a T-shirt, a dress
    assert split.train.labels is not None
    assert split.train.labels[:4].tolist() == [9, 0, 0, 3]
    boot = split.train.read(torch.tensor([0]))[0, 0]
    assert boot.sum() == 76_247
    assert boot[:3].sum() == 0  # nothing above its shaft


def test_the_licence_is_shipped_beside_it() -> None:
    text = (SUBSET.parent / "LICENSE.txt").read_text()
    assert "2017, Zalando SE" in text
    assert "Expat" in text
    assert SUBSET.stat().st_size < 1_400_000


@pytest.mark.skipif(not ABSENT, reason="the whole of Fashion-MNIST is installed here")
def test_it_is_said_where_only_a_part_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    split = FashionMnistConfig().open()
    assert split.train.num_rows == 2_000
    [note] = split.notes
    assert "not on this machine" in note
    assert "python -m ssl_objectives.images.fashion_mnist.fetch" in note
    with pytest.raises(
        DatasetError, match=r"5,000.*there are 2,000.*fashion_mnist.fetch"
    ):
        FashionMnistConfig(num_train=5_000).open()


def test_first_images_only() -> None:
    split = FashionMnistConfig(num_train=123, subset=True).open()
    assert split.train.num_rows == 123
    assert split.test.num_rows == 1_000


# the files


def test_files_are_read_wherever_they_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (tmp_path / "flat", tmp_path / "root" / INSTALLED):
        made = write_all(folder)
    for path in (tmp_path / "flat", tmp_path / "root"):
        split = FashionMnistConfig(path).open()
        for part, side in (("train", split.train), ("test", split.test)):
            images = side.read(torch.arange(side.num_rows))
            assert np.array_equal(images[:, 0].numpy(), made[part])
            assert side.labels is not None
            assert side.labels.tolist() == [i % 10 for i in range(len(made[part]))]
    write_all(tmp_path / "here" / "data" / "fashion-mnist", train=40)
    monkeypatch.chdir(tmp_path / "here")
    if ABSENT:
        assert FashionMnistConfig().open().train.num_rows == 40


def test_a_subset_is_the_first_images_of_each_class(tmp_path: Path) -> None:
    made = write_all(tmp_path)
    write_subset(tmp_path, tmp_path / "part.npz", train=2, test=1)
    with np.load(tmp_path / "part.npz") as part:
        assert np.array_equal(part["train_images"], made["train"][:20])
        assert part["test_labels"].tolist() == list(range(10))


def test_damaged_files_are_named(tmp_path: Path) -> None:
    write_all(tmp_path)
    images, labels = (tmp_path / name for name in FILES["train"])
    whole = images.read_bytes()
    with pytest.raises(DatasetError, match=r"There is nothing at .*nowhere"):
        FashionMnistConfig(tmp_path / "nowhere").open()
    for broken in (whole[: len(whole) // 2], b"", b"not gzip"):
        images.write_bytes(broken)
        with pytest.raises(DatasetError, match=f"{images.name} is (cut off|no idx)"):
            FashionMnistConfig(tmp_path).open()
    raw = gzip.decompress(whole)
    for wrong in (raw[:-5], raw + b"x"):
        images.write_bytes(gzip.compress(wrong))
        with pytest.raises(DatasetError, match=f"{images.name} is damaged.*23,520"):
            FashionMnistConfig(tmp_path).open()
    images.write_bytes(gzip.compress(bytes([0, 0, 13]) + raw[3:]))
    with pytest.raises(DatasetError, match="no idx file of bytes"):
        FashionMnistConfig(tmp_path).open()
    images.write_bytes(whole)
    write_idx(labels, np.full(30, 10, np.uint8))
    with pytest.raises(DatasetError, match="not those of Fashion-MNIST"):
        FashionMnistConfig(tmp_path).open()
    labels.unlink()
    with pytest.raises(DatasetError, match=f"There is no {labels.name}"):
        FashionMnistConfig(tmp_path).open()


def test_an_array_of_any_number_of_axes(tmp_path: Path) -> None:
    for shape in ((7,), (2, 3), (2, 3, 5, 1)):
        array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
        write_idx(tmp_path / "x.gz", array)
        assert np.array_equal(read_idx(tmp_path / "x.gz"), array)


def test_settings_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 1, not 0"):
        FashionMnistConfig(num_train=0)
    with pytest.raises(ValueError, match="either a path or subset"):
        FashionMnistConfig(tmp_path, subset=True)


# fetching; programs of the system are stood in for by scripts


def program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is looked into first; the scripts' own programs lie behind it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    tools = "/usr/bin:/bin"
    monkeypatch.setattr(
        "ssl_objectives.images.fashion_mnist.fetch.shutil.which", _which(folder)
    )
    monkeypatch.setenv("PATH", os.pathsep.join([str(folder), tools]))
    return folder


def _which(folder: Path):  # type: ignore[no-untyped-def]
    return lambda name: str(folder / name) if (folder / name).is_file() else None


def test_a_package_is_unpacked_and_its_licence_kept(
    tmp_path: Path, programs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = tmp_path / "package"
    write_all(package / INSTALLED)
    licence = package / "usr/share/doc/dataset-fashion-mnist/copyright"
    licence.parent.mkdir(parents=True)
    licence.write_text("Expat")
    program(programs, "apt-get", 'test "$1" = download && echo > $2_1_all.deb')
    program(programs, "dpkg", f'test -f "$2" && cp -r {package}/. "$3"')
    folder = tmp_path / "data" / "fashion"
    assert fetch(folder) == folder
    names = {*FILES["train"], *FILES["test"], "copyright"}
    assert {x.name for x in folder.iterdir()} == names
    assert (folder / "copyright").read_text() == "Expat"
    assert FashionMnistConfig(folder).open().train.num_rows == 30
    (programs / "apt-get").unlink()
    assert fetch(folder) == folder  # there already
    assert fashion_fetch.main([str(folder)]) == 0
    assert f"is in {folder}" in capsys.readouterr().out


def test_what_stops_a_fetch_is_said(
    tmp_path: Path, programs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data"
    with pytest.raises(DatasetError, match=r"no apt-get.*dataset-fashion-mnist"):
        fetch(folder)
    program(programs, "apt-get", "echo 'E: Unable to locate package' >&2; exit 100")
    with pytest.raises(DatasetError, match=r"Unable to locate package.*apt-get update"):
        fetch(folder)
    program(programs, "apt-get", "exit 0")
    with pytest.raises(DatasetError, match="has put no package"):
        fetch(folder)
    program(programs, "apt-get", "echo > x.deb")
    program(programs, "dpkg", "exit 0")
    with pytest.raises(DatasetError, match="has no copyright in it"):
        fetch(folder)
    assert not list(folder.iterdir())  # nothing half-done is left
    assert fashion_fetch.main([str(folder)]) == 1
    assert "error: x.deb has no copyright" in capsys.readouterr().err
    assert fashion_fetch.main(["one", "two"]) == 2


def test_the_shipped_images_as_one_tensor() -> None:
    images = fashion_mnist_subset()
    assert images.shape == (3000, 1, 28, 28)
    assert images.dtype == torch.uint8
    split = FashionMnistConfig(subset=True).open()
    rows = [torch.arange(x.num_rows) for x in (split.train, split.test)]
    assert torch.equal(images[:2000], split.train.read(rows[0]))
    assert torch.equal(images[2000:], split.test.read(rows[1]))
