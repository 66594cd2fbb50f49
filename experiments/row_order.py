"""Which images are in which batch: a function of the step alone.

Nothing is held or saved, so a run that goes on draws what it would have drawn, and each
of several processes knows its own part without asking.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor
from torch.nn import functional

from experiments.config.errors import ConfigError
from experiments.image_source import ImageSource
from experiments.saved_encoder import load_encoder
from ssl_objectives.images.orders import DistinctLabels
from ssl_objectives.parts.kmeans import kmeans, nearest
from world_models.data.order import permuted

_READ = 1024  # images at once, while clusters are made
_COARSE = 14  # pixels per side that clusters are made of


class RowOrder(Protocol):
    """Batches of row ids by step."""

    def rows(self, step: int) -> Int64[Tensor, "B"]:
        """Different rows, those of the batch of this step (from 0), on the CPU."""


@runtime_checkable
class OrderConfig(Protocol):
    """Describes an order: a dataclass whose fields are its settings."""

    def build(self, source: ImageSource, batch_size: int, seed: int) -> RowOrder:
        """The order for a data set.

        Raises:
            ValueError: there are too few rows, or not of the right kind.
        """


class Shuffled:
    """Every row once per epoch, in another order every epoch.

    What is left at the end of an epoch and fills no batch is left out of it.

    Args:
        num_rows: of the data set.
        batch_size: B.
        seed: equal seeds give equal orders.

    Raises:
        ConfigError: there are fewer rows than fit into a batch.
    """

    def __init__(self, num_rows: int, batch_size: int, seed: int) -> None:
        if num_rows < batch_size:
            raise ConfigError(
                f"--batch-size {batch_size:,} is more than the {num_rows:,} images "
                "there are; make it smaller."
            )
        self.num_rows, self.batch_size, self.seed = num_rows, batch_size, seed

    def rows(self, step: int) -> Int64[Tensor, "B"]:
        """The batch of a step."""
        epoch, place = divmod(step, self.num_rows // self.batch_size)
        begin = place * self.batch_size
        places = np.arange(begin, begin + self.batch_size)
        return torch.from_numpy(permuted(places, self.num_rows, self.seed, epoch))


@dataclass(frozen=True)
class ShuffledConfig:
    """Every image once per epoch, in random order."""

    def build(self, source: ImageSource, batch_size: int, seed: int) -> Shuffled:
        """The order for a data set."""
        return Shuffled(source.num_rows, batch_size, seed)


def own_share(
    rows: Int64[Tensor, "B"], rank: int, num_processes: int
) -> Int64[Tensor, "b"]:
    """The part of a batch that one of several processes takes: equal, in order."""
    each = len(rows) // num_processes
    return rows[rank * each : (rank + 1) * each]


@dataclass(frozen=True)
class DistinctConfig:
    """At most one image of each cluster in a batch, as in G-SimCLR (2009.12007).

    Images of one cluster are too alike to be each other's negatives. Deviation: the
    paper clusters the latents of a denoising autoencoder; here pixels, or the latents
    of any encoder that was pretrained before.
    """

    clusters: int = 0
    """how many (0: twice as many as there are images in a batch)"""
    encoder: Path | None = None
    """a run whose encoder's latents are clustered (none: pixels)"""

    def build(self, source: ImageSource, batch_size: int, seed: int) -> DistinctLabels:
        """Cluster all images, and never mix those of a cluster.

        Raises:
            ConfigError: there are fewer images than clusters, or fewer clusters than
                images in a batch.
        """
        clusters = self.clusters or 2 * batch_size
        if not batch_size <= clusters <= source.num_rows:
            raise ConfigError(
                f"--order.clusters {clusters:,} must be at least the batch size "
                f"({batch_size:,}) and at most the number of images "
                f"({source.num_rows:,})."
            )
        look = _pixels if self.encoder is None else load_encoder(self.encoder)
        with torch.no_grad():
            rows = torch.cat(
                [
                    look(source.read(x)).flatten(1)
                    for x in torch.arange(source.num_rows).split(_READ)
                ]
            )
        generator = torch.Generator().manual_seed(seed)
        some = torch.randperm(len(rows), generator=generator)[: 20 * clusters]
        centroids, _ = kmeans(rows[some], clusters, generator)
        return DistinctLabels(nearest(rows, centroids)[0], batch_size, seed)


def _pixels(images: UInt8[Tensor, "n C H W"]) -> Float[Tensor, "n F"]:
    """Coarse pixels: what is alike at a glance."""
    side = min(_COARSE, *images.shape[-2:])
    return functional.adaptive_avg_pool2d(images.float(), side).flatten(1)
