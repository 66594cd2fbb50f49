"""Feature maps of several depths of an encoder, frozen, as one row of numbers."""

from math import prod
from typing import NamedTuple, final

import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor, nn

from ssl_objectives.encoders.chunks import in_chunks
from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.pixels import check_bytes


class Spot(NamedTuple):
    """Where a number comes from: which depth, channel of its maps, row and column."""

    depth: int
    channel: int
    y: int
    x: int


@final
class Depths(nn.Module):
    """`φ(o)`: the last maps of each size inside an encoder, and its latent, flattened.

    Of a body that is a sequence of layers, those maps behind which the size changes,
    from where they are smaller than the image; of any other body, its result alone. The
    latent counts as maps of one pixel, unless the encoder has no layer of its own for
    it. All of it in float32, in evaluation mode for good, and without gradient.

    Args:
        encoder: is taken over and frozen.

    Attributes:
        shapes: (F, h, w) of each depth, shallow ones first.
        size: numbers per image, of all depths together.
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder.requires_grad_(False).eval()
        encoder.precision = Precision.FLOAT32
        device = next(encoder.parameters(), torch.zeros(0)).device
        black = torch.zeros(1, *encoder.image_shape, dtype=torch.uint8, device=device)
        with torch.no_grad():
            found = self._depths(black)
        self.shapes = tuple((x.shape[1], x.shape[2], x.shape[3]) for x in found)
        self.size = sum(prod(x) for x in self.shapes)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of images."""
        return self.encoder.image_shape

    def train(self, mode: bool = True) -> "Depths":
        """Stay in evaluation mode."""
        return super().train(False)

    @torch.no_grad()
    def forward(
        self, image: UInt8[Tensor, "*batch C H W"]
    ) -> Float32[Tensor, "*batch F"]:
        """All numbers of each image, whatever the batch axes.

        Raises:
            ValueError: images of another shape.
            NotBytes: images of other numbers; says how to convert them.
        """
        check_bytes(image, "This encoder")
        if tuple(image.shape[-3:]) != self.image_shape:
            raise ValueError(
                f"these features are of images of shape {self.image_shape} (channels, "
                f"height, width), not {tuple(image.shape[-3:])}: give images of that "
                "shape, or fit on images of yours"
            )
        rows = image.reshape(-1, *self.image_shape)
        flat = in_chunks(self._flat, rows, ())
        return flat.view(*image.shape[:-3], self.size)

    def spot(self, index: int) -> Spot:
        """Where number `index` of a row comes from.

        Raises:
            IndexError: there is no such number.
        """
        if not 0 <= index < self.size:
            raise IndexError(f"a row has {self.size} numbers, and none at {index}")
        depth, left = 0, index
        while left >= prod(self.shapes[depth]):
            left -= prod(self.shapes[depth])
            depth += 1
        _, height, width = self.shapes[depth]
        channel, cell = divmod(left, height * width)
        return Spot(depth, channel, *divmod(cell, width))

    def _flat(self, image: UInt8[Tensor, "N C H W"]) -> Float32[Tensor, "N F"]:
        return torch.cat([x.flatten(1) for x in self._depths(image)], 1)

    def _depths(
        self, image: UInt8[Tensor, "N C H W"]
    ) -> list[Float[Tensor, "N F h w"]]:
        """Maps of each depth, of some images."""
        encoder, body = self.encoder, self.encoder.body
        layers = list(body) if isinstance(body, nn.Sequential) else [body]
        maps = encoder.floats(image)
        found: list[Tensor] = []
        for layer in layers:
            after: Tensor = layer(maps)
            if found and found[-1].shape[2:] in (after.shape[2:], image.shape[2:]):
                found.pop()
            found.append(after)
            maps = after
        latent = encoder.read(maps)
        if latent.shape[1] != maps[0].numel():
            found.append(latent[:, :, None, None])
        return found
