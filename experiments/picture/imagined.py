"""Imagined frames as a data set: more images for an encoder (AdaInf)."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from world_models.data.format import DatasetSpec
from world_models.data.writer import DatasetWriter
from world_models.pictures.drawn import draw
from world_models.pictures.latent_decoder import LatentDecoder
from world_models.trajectory import Trajectory


def write_imagined(
    folder: Path,
    decoder: LatentDecoder,
    trajectories: Iterator[Trajectory],
    burn_in: int,
    num: int,
    source: Mapping[str, Any],
) -> None:
    """Write decoded frames of open loops, steps 1 … K, each an episode of its own.

    Args:
        folder: does not exist, or is empty.
        decoder: of the model that imagines.
        trajectories: where open loops begin, and whose actions they take; without end.
        burn_in: transitions in front of each that only lead up to the rest.
        num: frames.
        source: where they come from, for the description.

    Raises:
        DatasetError: the folder is taken, or the disk full.
    """
    channels, height, width = decoder.decoder.mean_image.shape
    spec = DatasetSpec((channels, height, width))
    with DatasetWriter(folder, spec, source) as writer:
        [stream] = writer.new_streams(1)
        while num > 0:
            drawn = draw(decoder, next(trajectories), burn_in)
            frames = drawn.imagined[1:][drawn.inside[1:]][:num].cpu().numpy()
            writer.add(stream, {"obs": frames, "first": np.ones(len(frames), bool)})
            num -= len(frames)
