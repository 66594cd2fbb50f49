"""What a data set of the user's gives for one number becomes an image in bytes.

Items are images, or begin with one: `(image, label, …)`, or a mapping with `image` (or
`img`) and `label`. Images are PIL's, NumPy's or PyTorch's; of bytes, or of floats in
[0, 1].
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, SupportsIndex

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from ssl_objectives.conversion import as_bytes
from ssl_objectives.images.picture import DEEP
from ssl_objectives.images.source import UNKNOWN
from ssl_objectives.refusal import DatasetError

_IMAGE, _LABEL = ("image", "img"), ("label", "labels")
_CHANNELS = (1, 3)
_WITH_ALPHA = (2, 4)


class Item(NamedTuple):
    """An image and its class.

    Attributes:
        image: bytes.
        label: -1 where it is not known, or is no whole number.
    """

    image: UInt8[Tensor, "C H W"]
    label: int


def read_item(item: Any, where: str) -> Item:
    """The image and the label of what a data set gives.

    Args:
        item: what it gives.
        where: which item it is, for messages.

    Raises:
        DatasetError: there is no image in it, or of other numbers than bytes and floats
            in [0, 1].
    """
    image, label = item, None
    if isinstance(item, Mapping):
        image = next((item[x] for x in _IMAGE if x in item), None)
        label = next((item[x] for x in _LABEL if x in item), None)
        if image is None:
            names = ", ".join(str(x) for x in item)
            raise DatasetError(f"{where} has no 'image' among {names}.")
    elif isinstance(item, tuple | list):
        if not item:
            raise DatasetError(f"{where} is empty.")
        image, label = item[0], item[1] if len(item) > 1 else None
    return Item(image_of(image, where), label_of(label))


def label_of(label: Any) -> int:
    """A class number; -1 where there is none, or it is something else."""
    if isinstance(label, Tensor | np.ndarray):
        label = label.item() if math.prod(label.shape) == 1 else None
    if isinstance(label, bool) or not isinstance(label, SupportsIndex):
        return UNKNOWN
    return int(label)


def image_of(image: Any, where: str) -> UInt8[Tensor, "C H W"]:
    """An image in bytes; PIL and NumPy have channels last, PyTorch has them first.

    An array of NumPy whose last axis has neither 1 nor 3 channels, and whose first has,
    is read with channels first.

    Raises:
        DatasetError: something else.
    """
    if isinstance(image, Image.Image):
        if image.mode in DEEP:  # Pillow would cut off what is above 255
            raise DatasetError(
                f"{where} is a picture of the mode {image.mode}, and should have 8 "
                "bits a channel. Of 16 bits take the upper 8: "
                "(numpy.asarray(image) >> 8).astype(numpy.uint8)."
            )
        gray = image.mode in ("1", "L", "LA")
        image = np.asarray(image.convert("L" if gray else "RGB"))
    if isinstance(image, np.ndarray):
        last = image.ndim == 3 and image.shape[2] in _CHANNELS
        if image.dtype not in (np.uint8, np.bool_) and image.dtype.kind != "f":
            raise DatasetError(_other_numbers(where, image.dtype))
        if (
            image.ndim == 3
            and image.shape[2] in _WITH_ALPHA
            and not (last or image.shape[0] in _CHANNELS)
        ):
            raise DatasetError(
                f"{where} has the shape {image.shape}, and an image of NumPy has 1 or "
                "3 channels, last or first. Take x[..., :-1] if the last is "
                "transparency, or give a tensor [C, H, W]."
            )
        found = torch.from_numpy(np.array(image, order="C"))
        found = found.permute(2, 0, 1) if last else found
    elif isinstance(image, Tensor):
        found = image
    else:
        raise DatasetError(
            f"{where} is a {type(image).__name__}, and should be an image: a tensor, "
            "an array, a picture of PIL, or a tuple (image, label) that begins so."
        )
    if found.ndim == 2:
        found = found[None]
    if found.ndim != 3:
        raise DatasetError(
            f"{where} has the shape {tuple(found.shape)}, and an image has [C, H, W] "
            "(of NumPy [H, W, C]). Views are made here: give one image of each."
        )
    return bytes_of(found, where).contiguous()


def bytes_of(images: Tensor, where: str) -> UInt8[Tensor, "*shape"]:
    """Bytes as they are; of floats in [0, 1] the nearest ones.

    Raises:
        DatasetError: floats outside [0, 1] or not finite, or other numbers.
    """
    if images.dtype == torch.uint8:
        return images
    if images.dtype == torch.bool:
        return images.to(torch.uint8) * 255
    if not images.is_floating_point():
        raise DatasetError(_other_numbers(where, images.dtype))
    if not images.isfinite().all():
        raise DatasetError(
            f"{where} has numbers that are not finite, and should have floats from 0 "
            "to 1, or bytes. Leave the image out, or mend what makes it."
        )
    if images.numel() and not (images.amin() >= 0 and images.amax() <= 1):
        raise DatasetError(
            f"{where} has floats from {float(images.amin()):.3g} to "
            f"{float(images.amax()):.3g}, and should have 0 to 1, or bytes. Leave out "
            "what normalises them (an encoder of ours does that by itself)."
        )
    return (255 * images).round().to(torch.uint8)


def _other_numbers(where: str, dtype: Any) -> str:
    return (
        f"{where} has numbers of {str(dtype).removeprefix('torch.')}, and should have "
        f"bytes, or floats from 0 to 1. {as_bytes(dtype)}"
    )
