"""Converts pictures of any kind to frames: uint8, channels first, of one size."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ssl_objectives.conversion import as_bytes
from ssl_objectives.refusal import DatasetError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")

_CHANNELS = (1, 2, 3, 4)  # of a picture: no frame is that narrow
_CAST = "astype(numpy.uint8)"


@dataclass(frozen=True)
class FrameFormat:
    """How frames are converted.

    Attributes:
        size: (height, width) that all are resized to, by the mean over the pixels that
            each new one covers; None keeps their own.
        gray: one channel, the luminance, instead of three.
        crop: of a picture whose sides are in another proportion, resize the largest
            middle part that has the size's, instead of squeezing all of it.
        convert: files of 16 bits a channel give their upper 8, instead of a refusal.
    """

    size: tuple[int, int] | None = None
    gray: bool = False
    crop: bool = False
    convert: bool = False

    def frame(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """From uint8 [H, W], [H, W, 1] or [H, W, 3] to [C, H, W]."""
        if picture.ndim == 3 and picture.shape[2] == 1:
            picture = picture[..., 0]
        resized = self.size is not None and picture.shape[:2] != self.size
        if resized or (self.gray and picture.ndim == 3):
            image = Image.fromarray(picture)
            if self.gray:
                image = image.convert("L")
            if self.size is not None and resized:
                box = middle(picture.shape[:2], self.size) if self.crop else None
                image = image.resize(self.size[::-1], Image.Resampling.BOX, box)
            picture = np.asarray(image)
        if picture.ndim == 2:
            return np.ascontiguousarray(picture[None])
        return np.ascontiguousarray(picture.transpose(2, 0, 1))

    def frames(self, pictures: NDArray[Any]) -> NDArray[np.uint8]:
        """From [N, H, W], [N, H, W, C] or [N, C, H, W] to [N, C, H, W].

        Raises:
            DatasetError: neither of them, or not uint8.
        """
        stack = channels_last(pictures)
        if self.size is None and not (self.gray and stack.shape[3] == 3):
            return np.ascontiguousarray(stack.transpose(0, 3, 1, 2))
        return np.stack([self.frame(x) for x in stack])

    def shape(self, picture: Sequence[int]) -> tuple[int, int, int]:
        """(C, H, W) of what `frame` makes of an array of this shape [H, W(, C)]."""
        height, width = self.size or (picture[0], picture[1])
        colour = len(picture) == 3 and picture[2] == 3 and not self.gray
        return (3 if colour else 1, height, width)


def middle(
    shape: tuple[int, ...], size: tuple[int, int]
) -> tuple[float, float, float, float]:
    """The largest part in the middle of a picture that has the proportion of `size`.

    Args:
        shape: height and width of the picture.
        size: height and width whose proportion is wanted.

    Returns:
        Left, upper, right and lower edge, as Pillow wants them.
    """
    scale = min(shape[0] / size[0], shape[1] / size[1])
    height, width = scale * size[0], scale * size[1]
    left, upper = (shape[1] - width) / 2, (shape[0] - height) / 2
    return left, upper, min(left + width, shape[1]), min(upper + height, shape[0])


def channels_last(pictures: NDArray[Any]) -> NDArray[np.uint8]:
    """A view [N, H, W, C] of frames in any of the three usual orders.

    Raises:
        DatasetError: the last or the second axis has neither 1 nor 3 channels, the
            numbers are not bytes, or it is one picture without an axis of pictures.
    """
    shape = pictures.shape
    if pictures.dtype != np.uint8:
        raise DatasetError(
            f"frames are {pictures.dtype} {shape[1:]}; a data set holds pixels as "
            f"uint8, 0 to 255. {as_bytes(pictures.dtype, 'x', _CAST).rstrip('.')}"
        )
    if len(shape) == 3 and shape[2] in _CHANNELS:
        raise DatasetError(
            f"frames would have {shape[1]} × {shape[2]} pixels (height × width). One "
            "picture in colour is saved with an axis of pictures, x[None]"
        )
    if len(shape) == 3:
        return pictures[..., None]
    if len(shape) == 4 and shape[3] in (1, 3):
        return pictures
    if len(shape) == 4 and shape[1] in (1, 3):
        return pictures.transpose(0, 2, 3, 1)
    stacks = " (stacks of frames: give single ones)" if 4 in shape[1:] else ""
    raise DatasetError(
        f"frames are {shape[1:]}, neither [H, W], [H, W, C] nor [C, H, W] with 1 or 3 "
        f"channels{stacks}"
    )


def order_note(shape: Sequence[int]) -> str:
    """What to tell of an array of frames whose axes could be in another order.

    Args:
        shape: (N, …) of all frames; see `channels_last`.
    """
    if len(shape) != 4 or shape[1] not in (1, 3) or shape[3] not in (1, 3):
        return ""
    return (
        f"Frames {tuple(shape[1:])} are read as [H, W, C]. If they are [C, H, W], save "
        "x.transpose(0, 2, 3, 1)."
    )


def natural(path: Path | str) -> list[tuple[int, str]]:
    """Sorts `frame-9` before `frame-10`."""
    parts = re.split(r"(\d+)", str(path))
    return [(int(x), "") if x.isdigit() else (-1, x) for x in parts]
