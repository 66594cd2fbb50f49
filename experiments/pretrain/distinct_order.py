"""Batches of images that are unlike each other: the order, built from a data set."""

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional

from experiments.encoders.saved import load_encoder
from ssl_objectives.images.orders import DistinctLabels
from ssl_objectives.images.source import ImageSource
from ssl_objectives.parts.kmeans import kmeans, nearest
from ssl_objectives.pixels import check_bytes
from ssl_objectives.refusal import ConfigError

_READ = 1024  # images at once, while clusters are made
_COARSE = 14  # pixels per side that clusters are made of


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
    check_bytes(images, "The order of batches")
    side = min(_COARSE, *images.shape[-2:])
    return functional.adaptive_avg_pool2d(images.float(), side).flatten(1)
