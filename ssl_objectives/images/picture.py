"""A file becomes the one picture that it shows, in bytes, or is refused."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, TiffImagePlugin, UnidentifiedImageError

from ssl_objectives.refusal import DatasetError

DEEP = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")  # more than 8 bits a channel
_GRAY = ("1", "L", "LA", "La")
_DEPTH_BYTE = 24  # of a PNG file: the bits of a channel
_KIND, _BITS, _SMALLER = 254, 258, 1  # tags of TIFF; a page that is a thumbnail


class Picture(NamedTuple):
    """A picture, upright.

    Attributes:
        pixels: uint8 [H, W] of a gray one, else [H, W, 3].
        on_white: it was transparent somewhere, and was laid on white.
    """

    pixels: NDArray[np.uint8]
    on_white: bool


def read_image(path: Path, gray: bool, convert: bool = False) -> Picture:
    """The picture in a file; with `gray` its luminance.

    Args:
        path: of the file.
        gray: one channel instead of three.
        convert: take the upper 8 of up to 16 bits a channel.

    Raises:
        DatasetError: damaged, cut off, no image, several pictures, of more than 8 bits
            a channel and not `convert`, or of numbers whose range nobody knows.
    """
    try:
        with Image.open(path) as image:
            bits = _bits(path, image)
            if image.mode in DEEP or bits > 8:
                _refuse_deep(path, image, bits, convert)
            pages = _pages(image)
            if pages > 1:
                raise DatasetError(
                    f"{path} holds {pages:,} pictures, and an image is one. Save each "
                    "as a file of its own, or all of them as a video."
                )
            upright = ImageOps.exif_transpose(image)
            if upright.mode in DEEP:  # Pillow makes 8 of 16 in colour by itself
                upright = _upper_bits(upright, bits)
            one_channel = gray or upright.mode in _GRAY
            on_white = upright.has_transparency_data
            if on_white:
                upright, on_white = _laid_on_white(upright)
            return Picture(
                np.asarray(upright.convert("L" if one_channel else "RGB")), on_white
            )
    except Image.DecompressionBombError as error:
        raise DatasetError(
            f"{path} has more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels, which "
            "Pillow takes for an attack. Make it smaller first."
        ) from error
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError) as error:
        raise DatasetError(
            f"{path} is damaged or no image ({error}). Mend it, or take it away."
        ) from error


def on_white_note(count: int) -> tuple[str, ...]:
    """What people are told of `count` pictures that were laid on white."""
    if not count:
        return ()
    return (f"Transparent parts are white now, in {count:,} images.",)


def _refuse_deep(path: Path, image: Image.Image, bits: int, convert: bool) -> None:
    if bits > 16 or image.mode == "F":
        raise DatasetError(
            f"{path} has {bits} bits a channel, numbers whose range is not known. "
            "Convert it to 8 bits first: a data set holds bytes."
        )
    if not convert:
        raise DatasetError(
            f"{path} has more than 8 bits a channel ({bits}), and a data set holds "
            "bytes. Have the upper 8 taken (--convert, of a folder to pretrain on "
            "--images.convert), or convert it first."
        )


def _upper_bits(image: Image.Image, bits: int) -> Image.Image:
    """A gray picture of more than 8 bits, in 8."""
    upper = np.asarray(image) >> (bits - 8)
    return Image.fromarray(upper.clip(0, 255).astype(np.uint8))


def _bits(path: Path, image: Image.Image) -> int:
    """Of a channel in the file; Pillow makes 8 of 16 in colour, and says nothing."""
    if image.format == "PNG":
        with path.open("rb") as file:
            return file.read(_DEPTH_BYTE + 1)[_DEPTH_BYTE]
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        bits = image.tag_v2.get(_BITS, 1)
        return max(bits) if isinstance(bits, tuple) else int(bits)
    return 16 if image.mode in DEEP else 8


def _pages(image: Image.Image) -> int:
    """How many pictures a file shows, thumbnails and previews apart.

    Phones put a preview behind the picture (MPO), scanners a thumbnail.
    """
    number: int = getattr(image, "n_frames", 1)
    if number == 1 or image.format == "MPO":
        return 1
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return number
    pages = 0
    for i in reversed(range(number)):  # and the first is what is read then
        image.seek(i)
        pages += not image.tag_v2.get(_KIND, 0) & _SMALLER
    return pages


def _laid_on_white(image: Image.Image) -> tuple[Image.Image, bool]:
    """The picture without transparency, and whether any of it was transparent."""
    with_alpha = image.convert("RGBA")
    least, _ = with_alpha.getchannel("A").getextrema()
    if least == 255:
        return image, False
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, with_alpha), True
