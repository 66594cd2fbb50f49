"""Decoders: from latents back to pixels."""

import math
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn


class Decoder(nn.Module):
    """A linear layer to a small grid, then doubling and 3x3 convolutions.

    The grid is at most 8 pixels a side; each stage doubles it and halves the channels,
    and what the last one has too many is cut off at the ends. Each pixel is repeated
    before it is convolved, which leaves no chequered pattern, unlike transposed
    convolutions. Treats rows alike and apart.

    Args:
        inputs: D.
        image_shape: (C, H, W) of the result.
        width: channels of the last stage.
    """

    def __init__(
        self, inputs: int, image_shape: tuple[int, int, int], width: int
    ) -> None:
        super().__init__()
        self.image_shape = image_shape
        channels, *sides = image_shape
        stages = max(0, math.ceil(math.log2(max(sides) / 8)))
        self.grid = tuple(math.ceil(x / 2**stages) for x in sides)
        features = width * 2**stages
        self.start = nn.Linear(inputs, features * math.prod(self.grid))
        layers: list[nn.Module] = [nn.ReLU(inplace=True)]
        for _ in range(stages):
            layers += [
                nn.Upsample(scale_factor=2),
                nn.Conv2d(features, features // 2, 3, padding=1),
                nn.ReLU(inplace=True),
            ]
            features //= 2
        layers += [nn.Conv2d(features, channels, 3, padding=1)]
        self.body = nn.Sequential(*layers)
        self.apply(_start)

    def forward(self, rows: Float[Tensor, "N D"]) -> Float[Tensor, "N C H W"]:
        """Decode; without activation at the end: pixels are floats about [0, 1]."""
        _, height, width = self.image_shape
        maps = self.start(rows).unflatten(1, (-1, *self.grid))
        made: Tensor = self.body(maps)[..., :height, :width]
        return made


@dataclass(frozen=True)
class DecoderConfig:
    """A small convolutional decoder."""

    width: int = 16
    """channels next to the pixels; doubled with each halving of the image"""

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"width must be at least 1, not {self.width}")

    def build(self, inputs: int, image_shape: tuple[int, int, int]) -> Decoder:
        """Build it for rows of `inputs` numbers and images of shape (C, H, W)."""
        return Decoder(inputs, image_shape, self.width)


class FlatDecoder(nn.Module):
    """One hidden layer for all pixels at once: for small images, and for many of them.

    On CPUs several times cheaper than convolutions; of a world model, each frame is
    decoded as often as it is predicted.

    Args:
        inputs: D.
        image_shape: (C, H, W) of the result.
        hidden: units of the hidden layer.
    """

    def __init__(
        self, inputs: int, image_shape: tuple[int, int, int], hidden: int
    ) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.layers = nn.Sequential(
            nn.Linear(inputs, hidden),
            nn.ReLU(),
            nn.Linear(hidden, math.prod(image_shape)),
        )

    def forward(self, rows: Float[Tensor, "N D"]) -> Float[Tensor, "N C H W"]:
        """Decode; without activation at the end: pixels are floats about [0, 1]."""
        made: Tensor = self.layers(rows).unflatten(1, self.image_shape)
        return made


@dataclass(frozen=True)
class FlatDecoderConfig:
    """One hidden layer for all pixels: cheap, for small images."""

    hidden: int = 256
    """units of the hidden layer"""

    def __post_init__(self) -> None:
        if self.hidden < 1:
            raise ValueError(f"hidden must be at least 1, not {self.hidden}")

    def build(self, inputs: int, image_shape: tuple[int, int, int]) -> FlatDecoder:
        """Build it for rows of `inputs` numbers and images of shape (C, H, W)."""
        return FlatDecoder(inputs, image_shape, self.hidden)


def _start(layer: nn.Module) -> None:
    """Variances as ReLU needs them, and no biases."""
    if isinstance(layer, nn.Linear | nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        assert layer.bias is not None
        nn.init.zeros_(layer.bias)
