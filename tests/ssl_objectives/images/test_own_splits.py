"""Folders with splits of their own are taken as they are."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ssl_objectives.images.folder import FolderConfig
from ssl_objectives.images.frames import SUFFIXES
from ssl_objectives.images.own_splits import own_splits
from ssl_objectives.images.source import ImageSource
from ssl_objectives.measure.leakage import leakage
from ssl_objectives.refusal import DatasetError


def shade(path: Path, value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((4, 4, 3), value, np.uint8)).save(path)


def shades(source: ImageSource) -> dict[int, str | None]:
    """Each image by its one shade, and the name of its class."""
    images = source.read(torch.arange(source.num_rows))[:, 0, 0, 0].tolist()
    labels = [-1] * len(images) if source.labels is None else source.labels.tolist()
    return {
        x: source.class_names[y] if y >= 0 else None
        for x, y in zip(images, labels, strict=True)
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two classes of shades: 1 and 2 of train, 11 and 12 of val, 21 and 22 of test."""
    for begin, part in ((0, "train"), (10, "val"), (20, "test")):
        shade(tmp_path / part / "cat" / "a.png", begin + 1)
        shade(tmp_path / part / "dog" / "a.png", begin + 2)
    return tmp_path


def test_train_is_trained_on_and_test_is_measured_on(root: Path) -> None:
    shade(root / "train" / "ant" / "a.png", 3)
    split = FolderConfig(root).open()
    assert shades(split.train) == {3: "ant", 1: "cat", 2: "dog"}
    assert shades(split.test) == {21: "cat", 22: "dog"}
    assert split.fit is None
    told = " ".join(split.notes)
    assert "test has no image of the class 'ant'" in told
    assert "Not read: val" in told
    assert split.about.endswith("3 images of train + 2 of test, 3 classes")


@pytest.mark.parametrize("name", ["val", "validation"])
def test_val_is_measured_on_without_a_test_or_where_it_is_named(
    root: Path, name: str
) -> None:
    (root / "val").rename(root / name)
    assert shades(FolderConfig(root, test=name).open().test) == {11: "cat", 12: "dog"}
    (root / "test").rename(root / ".test")
    assert shades(FolderConfig(root).open().test) == {11: "cat", 12: "dog"}
    with pytest.raises(DatasetError, match=r"no folder 'test' to measure on"):
        FolderConfig(root, test="test").open()


def test_a_part_whose_classes_are_known_is_preferred(root: Path) -> None:
    for name in ("cat", "dog"):
        (root / "test" / name / "a.png").rename(root / "test" / f"{name}.png")
        (root / "test" / name).rmdir()
    assert shades(FolderConfig(root).open().test) == {11: "cat", 12: "dog"}
    split = FolderConfig(root, test="test").open()
    assert shades(split.test) == {21: None, 22: None}
    assert "test has no class folders: no accuracies" in " ".join(split.notes)
    split = FolderConfig(root, classes=False).open()
    assert shades(split.train) == {1: None, 2: None}
    assert shades(split.test) == {21: None, 22: None}


def test_classes_that_only_the_test_has_are_refused(root: Path) -> None:
    shade(root / "test" / "dogs" / "a.png", 23)
    with pytest.raises(
        DatasetError, match=r"class 'dogs', and .*mean 'dog'\?.*--images"
    ):
        FolderConfig(root).open()


def test_test_images_among_the_training_images_are_found(root: Path) -> None:
    shade(root / "test" / "cat" / "b.png", 1)
    found = leakage(FolderConfig(root).open())
    assert (found.looked_at, found.same) == (3, 1)


def test_what_is_missing_is_named(root: Path) -> None:
    shade(root / "training" / "cat" / "a.png", 1)
    with pytest.raises(DatasetError, match=r"holds train and training, and only one"):
        FolderConfig(root).open()
    for x in (root / "training").rglob("*.png"):
        x.unlink()
    (root / "training" / "cat").rmdir()
    (root / "training").rmdir()
    (root / "test" / "cat" / "a.png").unlink()
    (root / "test" / "dog" / "a.png").unlink()
    with pytest.raises(DatasetError, match=r"test has no image \(\.png"):
        FolderConfig(root).open()
    shade(root / "test" / "dog" / "a.png", 22)
    for name in ("val", "test"):
        (root / name).rename(root.parent / f"{root.name}-{name}")
    with pytest.raises(DatasetError, match=r"holds train, .*train and test, or val"):
        FolderConfig(root).open()
    with pytest.raises(DatasetError, match=r"there is no 'val' to measure on"):
        FolderConfig(root, test="val").open()


def test_folders_that_are_no_splits(tmp_path: Path) -> None:
    for name in ("bus", "train", "test"):
        shade(tmp_path / name / "a.png", 1)
    assert own_splits(tmp_path, SUFFIXES) is None
    (tmp_path / "bus").rename(tmp_path / "unlabeled")
    splits = own_splits(tmp_path, SUFFIXES)
    assert splits is not None
    assert [x.name for x in splits.others] == ["unlabeled"]
    shade(tmp_path / "a.png", 1)
    assert own_splits(tmp_path, SUFFIXES) is None
    assert own_splits(tmp_path / "nowhere", SUFFIXES) is None
