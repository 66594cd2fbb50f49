"""A file is one picture in bytes, or refused by name."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from ssl_objectives.images.picture import on_white_note, read_image
from ssl_objectives.refusal import DatasetError

SHADES = np.arange(0, 240, 2, dtype=np.uint8).reshape(6, 5, 4)


def deep_png(path: Path, kind: int, channels: int) -> None:
    """A PNG of 16 bits a channel, which Pillow cannot write in colour."""
    pixels = np.full((4, 5, channels), 300, ">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", 5, 4, 16, kind, 0, 0, 0)
    out = b"\x89PNG\r\n\x1a\n"
    for name, data in ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
        crc = struct.pack(">I", zlib.crc32(name + data))
        out += struct.pack(">I", len(data)) + name + data + crc
    path.write_bytes(out)


@pytest.mark.parametrize(("kind", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_sixteen_bits_are_refused(tmp_path: Path, kind: int, channels: int) -> None:
    deep_png(tmp_path / "a.png", kind, channels)
    with pytest.raises(DatasetError, match=r"a\.png has more than 8 bits a channel"):
        read_image(tmp_path / "a.png", False)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_pictures_are_upright_as_the_camera_was_held(tmp_path: Path, name: str) -> None:
    """By the tag of Exif that says where the top of the picture lies in the file."""
    stored = SHADES[..., :3]
    upright = {
        1: stored,
        2: stored[:, ::-1],
        3: stored[::-1, ::-1],
        6: np.rot90(stored, -1),
        8: np.rot90(stored, 1),
    }
    for orientation, wanted in upright.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(stored).save(tmp_path / name, exif=exif)
        assert np.array_equal(read_image(tmp_path / name, False).pixels, wanted)


def deep_tiff(path: Path) -> None:
    """An uncompressed TIFF of 16 bits in three channels, one strip."""
    pixels = np.full((4, 5, 3), 300, "<u2").tobytes()
    bits, strip = 8, 8 + 6
    tags = [(256, 3, 1, 5), (257, 3, 1, 4), (258, 3, 3, bits), (259, 3, 1, 1)]
    tags += [(262, 3, 1, 2), (273, 4, 1, strip), (277, 3, 1, 3), (278, 3, 1, 4)]
    tags += [(279, 4, 1, len(pixels)), (284, 3, 1, 1)]
    directory = struct.pack("<H", len(tags))
    directory += b"".join(struct.pack("<HHII", *x) for x in tags) + bytes(4)
    head = struct.pack("<2sHI", b"II", 42, strip + len(pixels))
    path.write_bytes(head + struct.pack("<HHH", 16, 16, 16) + pixels + directory)


def test_sixteen_bits_of_tiff_are_refused(tmp_path: Path) -> None:
    deep_tiff(tmp_path / "a.tif")
    with pytest.raises(DatasetError, match=r"a\.tif has more than 8 bits"):
        read_image(tmp_path / "a.tif", False)
    Image.fromarray(SHADES[..., :3]).save(tmp_path / "b.tif")
    pixels, _ = read_image(tmp_path / "b.tif", False)
    assert np.array_equal(pixels, SHADES[..., :3])


@pytest.mark.parametrize("name", ["a.webp", "a.tif", "a.png"])
def test_several_pictures_in_a_file_are_refused(tmp_path: Path, name: str) -> None:
    pages = [Image.fromarray(SHADES[..., i]).convert("RGB") for i in range(3)]
    pages[0].save(
        tmp_path / name, save_all=True, append_images=pages[1:], lossless=True
    )
    with pytest.raises(DatasetError, match=rf"{name} holds 3 pictures.*as a video"):
        read_image(tmp_path / name, False)


def test_previews_are_no_pictures(tmp_path: Path) -> None:
    large = Image.fromarray(SHADES[..., :3])
    small = large.resize((2, 2))
    large.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[small])
    assert read_image(tmp_path / "a.jpg", False).pixels.shape == (6, 5, 3)
    with TiffImagePlugin.AppendingTiffWriter(str(tmp_path / "a.tif")) as tiff:
        large.save(tiff, "TIFF")
        tiff.newFrame()
        small.save(tiff, "TIFF", tiffinfo={254: 1})
    with Image.open(tmp_path / "a.tif") as image:
        assert isinstance(image, TiffImagePlugin.TiffImageFile)
        assert image.n_frames == 2
    pixels, _ = read_image(tmp_path / "a.tif", False)
    assert np.array_equal(pixels, SHADES[..., :3])


def test_transparent_parts_are_white(tmp_path: Path) -> None:
    alpha = np.full((6, 5), 255, np.uint8)
    opaque = np.dstack([SHADES[..., :3], alpha])
    Image.fromarray(opaque).save(tmp_path / "opaque.png")
    pixels, on_white = read_image(tmp_path / "opaque.png", False)
    assert np.array_equal(pixels, SHADES[..., :3])
    assert not on_white
    alpha[:3] = 0
    for name, icon in {
        "rgba.png": Image.fromarray(np.dstack([SHADES[..., :3], alpha])),
        "rgba.webp": Image.fromarray(np.dstack([SHADES[..., :3], alpha])),
        "la.png": Image.fromarray(np.dstack([SHADES[..., 0], alpha]), "LA"),
    }.items():
        icon.save(tmp_path / name, lossless=True)
        pixels, on_white = read_image(tmp_path / name, False)
        assert on_white
        assert (pixels[:3] == 255).all(), name
        below = SHADES[3:, :, :3] if pixels.ndim == 3 else SHADES[3:, :, 0]
        assert np.array_equal(pixels[3:], below), name
    palette = Image.new("P", (5, 6), 1)
    palette.putpalette([0, 0, 0, 10, 20, 30])
    palette.save(tmp_path / "p.png", transparency=1)
    pixels, on_white = read_image(tmp_path / "p.png", True)
    assert on_white
    assert (pixels == 255).all()
    assert pixels.shape == (6, 5)
    assert on_white_note(0) == ()
    assert "in 2 images" in on_white_note(2)[0]
