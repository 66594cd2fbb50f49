"""Folders of images, straight from the files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from ssl_objectives.images.folder import FolderConfig
from ssl_objectives.images.source import ImageSource
from ssl_objectives.refusal import DatasetError


def picture(path: Path, shape: tuple[int, ...], seed: int) -> NDArray[np.uint8]:
    path.parent.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(seed)
    pixels = generator.integers(0, 256, shape, dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels


def everything(*sources: ImageSource) -> torch.Tensor:
    return torch.cat([x.read(torch.arange(x.num_rows)) for x in sources])


def test_folders_are_classes_and_pixels_decide_the_side(tmp_path: Path) -> None:
    made = {}
    for i in range(60):
        kind = ("cat", "dog", "a bird")[i % 3]
        made[picture(tmp_path / kind / f"{i}.png", (6, 5, 3), i).tobytes()] = kind
    (tmp_path / "cat" / "notes.txt").write_text("not an image")
    (tmp_path / "cat" / ".hidden.png").write_text("nor this")
    split = FolderConfig(tmp_path, test_share=0.3).open()
    assert split.train.num_rows + split.test.num_rows == 60
    assert 8 <= split.test.num_rows <= 30
    for side in (split.train, split.test):
        assert side.image_shape == (3, 6, 5)
        assert side.class_names == ("a bird", "cat", "dog")
        assert side.labels is not None
        for image, label in zip(everything(side), side.labels, strict=True):
            pixels = image.permute(1, 2, 0).contiguous().numpy().tobytes()
            assert made.pop(pixels) == side.class_names[int(label)]
    assert not made

    # the same pixels under other names, in another order, are on the same side
    for i, file in enumerate(sorted(tmp_path.glob("*/*[0-9].png"))):
        file.rename(file.with_name(f"{(7 * i) % 60:03} renamed.png"))
    again = FolderConfig(tmp_path, test_share=0.3).open()
    tests = [{x.numpy().tobytes() for x in everything(y.test)} for y in (split, again)]
    assert tests[0] == tests[1]


def test_copies_of_an_image_are_on_one_side(tmp_path: Path) -> None:
    for i in range(30):
        for name in "abc":
            picture(tmp_path / name / f"{i}.png", (6, 5), i)
    split = FolderConfig(tmp_path, channels=1, test_share=0.4).open()
    assert split.test.num_rows % 3 == 0
    sides = (split.train, split.test)
    pixels = [{x.numpy().tobytes() for x in everything(y)} for y in sides]
    assert not pixels[0] & pixels[1]


def test_one_folder_has_no_classes_and_images_are_converted(tmp_path: Path) -> None:
    halves = np.zeros((8, 12, 3), np.uint8)
    halves[:, 6:] = (255, 0, 0)
    Image.fromarray(halves).save(tmp_path / "red.png")
    picture(tmp_path / "gray.png", (3, 3), 1)
    split = FolderConfig(tmp_path, size=(4, 2), channels=1).open()
    assert split.train.labels is None
    assert split.train.class_names == ()
    images = everything(split.train, split.test)
    assert images.shape == (2, 1, 4, 2)
    [red] = [x for x in images if (x[0, :, 0] == 0).all()]
    assert (red[0, :, 1] == 76).all()  # the luminance of red
    colour = FolderConfig(tmp_path, size=(4, 2)).open()
    images = everything(colour.train, colour.test)
    assert images.shape == (2, 3, 4, 2)
    [red] = [x for x in images if (x[:, :, 0] == 0).all()]
    assert (red[0, :, 1] == 255).all()
    assert (red[1:] == 0).all()


def test_what_is_left_out_or_changed_is_told(tmp_path: Path) -> None:
    for i, name in enumerate(("cat/1.png", "dog/1.png", "dog/.old/1.png")):
        picture(tmp_path / name, (6, 5, 4), i)
    split = FolderConfig(tmp_path).open()
    assert split.train.num_rows + split.test.num_rows == 2
    assert split.train.class_names == ("cat", "dog")
    assert "1 file (.old)" in split.notes[0]
    assert "in 2 images" in split.notes[1]
    picture(tmp_path / "stray.png", (6, 5, 3), 3)
    with pytest.raises(DatasetError, match=r"stray\.png lies .*--images\.no-classes"):
        FolderConfig(tmp_path).open()
    split = FolderConfig(tmp_path, classes=False).open()
    assert split.train.num_rows + split.test.num_rows == 3
    assert split.train.labels is None


def test_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"There is nothing at .*--images\.path"):
        FolderConfig(tmp_path / "nowhere").open()
    (tmp_path / "in").mkdir()
    config = FolderConfig(tmp_path / "in")
    with pytest.raises(DatasetError, match=r"in has no image \(.png"):
        config.open()
    picture(tmp_path / "in/a.png", (6, 5, 3), 1)
    with pytest.raises(DatasetError, match="one image only"):
        config.open()
    picture(tmp_path / "in/b.png", (6, 7, 3), 2)
    with pytest.raises(DatasetError, match=r"b.png has 6 × 7 .*a.png has 6 × 5"):
        config.open()
    data = (tmp_path / "in/a.png").read_bytes()
    (tmp_path / "in/b.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(DatasetError, match=r"b.png is damaged"):
        config.open()
    for name in ("train", "test", "more"):
        picture(tmp_path / "both" / name / "a.png", (6, 5), 3)
    with pytest.raises(DatasetError, match=r"holds test and train.*Give one of them"):
        FolderConfig(tmp_path / "both").open()
    with pytest.raises(ValueError, match="channels must be 1 or 3, not 4"):
        FolderConfig(tmp_path, channels=4)
    with pytest.raises(ValueError, match="size must be at least"):
        FolderConfig(tmp_path, size=(0, 4))
    with pytest.raises(ValueError, match="crop needs a size"):
        FolderConfig(tmp_path, crop=True)
    with pytest.raises(ValueError, match="workers must be at least 0"):
        FolderConfig(tmp_path, workers=-1)


def test_any_picture_becomes_one_of_the_size(tmp_path: Path) -> None:
    """Gray, colour, transparent, of 16 bits, tall and wide: what it shows stays."""
    wide = np.zeros((4, 12, 3), np.uint8)
    wide[:, 4:8] = (10, 20, 30)  # the middle square alone
    Image.fromarray(wide).save(tmp_path / "1.png")
    tall = np.zeros((15, 5), np.uint8)
    tall[5:10] = 40
    Image.fromarray(tall).save(tmp_path / "2.png")
    clear = np.full((6, 6, 4), 50, np.uint8)
    clear[..., 3] = 0
    Image.fromarray(clear).save(tmp_path / "3.png")
    deep = np.full((2, 6), 60 * 256 + 7, np.uint16)
    Image.fromarray(deep).save(tmp_path / "4.png")
    with pytest.raises(DatasetError, match=r"4\.png has more .*--images\.convert"):
        FolderConfig(tmp_path, size=(2, 2)).open()
    split = FolderConfig(tmp_path, size=(2, 2), crop=True, convert=True).open()
    shown = {tuple(x[:, 0, 0].tolist()) for x in everything(split.train, split.test)}
    assert shown == {(10, 20, 30), (40, 40, 40), (255, 255, 255), (60, 60, 60)}
    for image in everything(split.train, split.test):
        assert (image == image[:, :1, :1]).all()
    squeezed = FolderConfig(tmp_path, size=(2, 2), convert=True).open()
    assert any(0 < x[0].max() < 10 for x in everything(squeezed.train, squeezed.test))
