"""Everywhere that images enter, with numbers that are no bytes.

A program of its own: under pytest the shapes in signatures would refuse them first.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.images.mixed import MixedSource
from ssl_objectives.images.source import ArrayImages, ImageSource
from ssl_objectives.measure.probes import RawPixels
from ssl_objectives.pixels import NotBytes
from ssl_objectives.views.maker import TwoViews

SHAPE = (3, 8, 8)


class Own(ImageSource):
    """A source of images that somebody else wrote."""

    def __init__(self, images: Tensor) -> None:
        self.images, self.image_shape = images, SHAPE
        self.num_rows = len(images)

    def read(self, rows: Tensor) -> Tensor:
        return self.images[rows]


def mixed(images: Any) -> Tensor:
    real = ArrayImages(torch.zeros(2, *SHAPE, dtype=torch.uint8))
    return MixedSource(real, Own(torch.as_tensor(images))).read(torch.arange(3))


def encoded(images: Any) -> Any:
    return PatchConfig(size=4).build(SHAPE)(images)


def views(images: Any) -> Any:
    return TwoViews().build(SHAPE)(images, torch.Generator())


TAKERS: dict[str, Callable[[Any], Any]] = {
    "encoder": encoded,
    "source": ArrayImages,
    "mixture": mixed,
    "views": views,
    "pixels": RawPixels(),
}


def main() -> None:
    """Says for each taker and each kind of numbers what came of it."""
    images = torch.randint(256, (4, *SHAPE)).to(torch.uint8)
    given: dict[str, Any] = {
        "bytes": images,
        "floats": images / 255,
        "half": (images / 255).half(),
        "16 bits": (images.int() * 257).to(torch.uint16),
        "64 bits": images.long(),
        "bool": images > 99,
        "numpy": images.numpy(),
        "numpy floats": images.numpy() / 255,
    }
    for kind, x in given.items():
        for name, take in TAKERS.items():
            if (kind, name) == ("numpy", "mixture"):
                continue  # made a tensor above
            try:
                take(x)
                print(kind, name, "taken")
            except NotBytes as error:
                how = str(error).rpartition("bytes by ")[2].rstrip(".")
                made = eval(how, {"images": torch.as_tensor(x), "torch": torch})
                same = made.dtype == torch.uint8
                if kind != "bool":
                    same = same and torch.equal(made, images)
                print(kind, name, "refused", "and converts" if same else how)


if __name__ == "__main__":
    main()
