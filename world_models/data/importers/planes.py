"""Conversion of the frames of our own data sets, which have any number of channels."""

import numpy as np
from numpy.typing import NDArray

from ssl_objectives.images.frames import FrameFormat
from ssl_objectives.refusal import DatasetError

PICTURES = (1, 3)  # channels of what is a picture: grey, and RGB


def converted_shape(
    form: FrameFormat, shape: tuple[int, int, int]
) -> tuple[int, int, int]:
    """(C, H, W) of what `convert` makes of frames of a shape (C, H, W).

    Raises:
        DatasetError: grey pictures are wanted of what are no pictures.
    """
    channels, height, width = shape
    if channels in PICTURES:
        return form.shape((height, width, channels))
    if form.gray:
        raise DatasetError(
            f"Frames of {channels} channels have no colours to make gray of: only "
            "frames of 1 or 3 do. Leave --gray out."
        )
    return (channels, *(form.size or (height, width)))


def convert(form: FrameFormat, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Frames [N, C, H, W] converted, channel by channel where they are no pictures."""
    num, channels, height, width = frames.shape
    if channels in PICTURES:
        return form.frames(frames.transpose(0, 2, 3, 1))
    planes = frames.reshape(num * channels, height, width)
    resized = np.stack([form.frame(x) for x in planes])
    return resized.reshape(num, channels, *resized.shape[-2:])
