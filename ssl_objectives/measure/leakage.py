"""Leakage between splits: test images that are training images, or nearly so.

Accuracies of k-NN and of everything that remembers are too high by as much. Splits of
ours are made by a hash of the pixels, so that equal images lie on one side; data sets
that come with a test, and images that were saved twice with other noise, are another
matter.
"""

import hashlib
from dataclasses import dataclass

import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor, nn

from ssl_objectives.images.source import ImageSource, ImageSplit

SIDE = 16  # pixels per side of what is compared of an image
NEAR = 0.998  # correlation of such pixels from which two images are nearly one
BATCH = 512  # images that are read at once


@dataclass(frozen=True)
class Leakage:
    """What was found of test images among training images.

    Attributes:
        looked_at: test images that were compared.
        same: of them, those that are in the training images bit for bit.
        near: those that are nearly there, the same ones included.
        pairs: [near, 2] test and training image of each, the most alike.
    """

    looked_at: int
    same: int
    near: int
    pairs: Int64[Tensor, "near 2"]

    def told(self) -> str | None:
        """A sentence for people; None where nothing was found."""
        if not self.near:
            return None
        share = self.near / self.looked_at
        return (
            f"{self.near:,} of {self.looked_at:,} test images ({share:.1%}) are also "
            f"among the training images: {self.same:,} bit for bit, the others nearly. "
            "Accuracies are too high by up to that; take them out of one side."
        )


def leakage(split: ImageSplit, near: float = NEAR, most: int = 10_000) -> Leakage:
    """Look for test images in what is trained on and in what probes are fitted on.

    Nearly alike are images whose pixels, averaged to 16 x 16, correlate by `near` or
    more; images of one colour throughout only count bit for bit.

    Args:
        split: of a data set.
        near: the least correlation, above 0.
        most: test images that are compared, from the first.
    """
    sources = [split.train, *([] if split.fit is None else [split.fit])]
    rows = torch.arange(min(most, split.test.num_rows))
    keys, coarse = _read(split.test, rows)
    best = torch.full((len(rows),), -1.0)
    partner = torch.full((len(rows),), -1)
    known: dict[bytes, int] = {}
    for source in sources:
        every = torch.arange(source.num_rows)
        parts = zip(every.split(BATCH), source.portions(every, BATCH), strict=True)
        for part, images in parts:
            theirs, seen = _coarse(images)
            for row, key in zip(part.tolist(), theirs, strict=True):
                known.setdefault(key, row)
            alike, which = (coarse @ seen.mT).max(1)
            closer = alike > best
            best = torch.where(closer, alike, best)
            partner = torch.where(closer, part[which], partner)
    same = torch.tensor([x in known for x in keys], dtype=torch.bool)
    copies = torch.tensor([known.get(x, -1) for x in keys])
    partner = torch.where(same, copies, partner)
    found = same | (best >= near)
    pairs = torch.stack([rows, partner], 1)[found]
    return Leakage(len(rows), int(same.sum()), int(found.sum()), pairs)


def _read(
    source: ImageSource, rows: Int64[Tensor, "n"]
) -> tuple[list[bytes], Float32[Tensor, "n F"]]:
    """A hash of each image, and its coarse pixels with mean 0 and length 1."""
    keys: list[bytes] = []
    coarse: list[Tensor] = []
    for images in source.portions(rows, BATCH):
        more, small = _coarse(images)
        keys += more
        coarse.append(small)
    return keys, torch.cat(coarse)


def _coarse(
    images: UInt8[Tensor, "n C H W"],
) -> tuple[list[bytes], Float32[Tensor, "n F"]]:
    """The same of images at once."""
    keys = [hashlib.sha256(x.numpy().tobytes()).digest() for x in images]
    small = nn.functional.adaptive_avg_pool2d(images.float(), SIDE).flatten(1)
    small = small - small.mean(1, keepdim=True)
    length = small.norm(dim=1, keepdim=True)
    return keys, torch.where(length > 1e-3, small / length.clamp(min=1e-3), 0.0)
