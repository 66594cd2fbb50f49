"""A decoder in units of its data: frozen moments of latents, and the mean image."""

from typing import Protocol, final, runtime_checkable

import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor, nn

_LEAST = 1e-3  # of the widest column: what varies less is not blown up


@runtime_checkable
class DecoderBodyConfig(Protocol):
    """Builds the network from rows to images: `DecoderConfig`, `FlatDecoderConfig`."""

    def build(self, inputs: int, image_shape: tuple[int, int, int]) -> nn.Module:
        """Build it for rows of `inputs` numbers and images of shape (C, H, W)."""


@final
class CenteredDecoder(nn.Module):
    """`x̂ = x̄ + σ · f((z - m) / s)`: what f learns is how an image differs from x̄.

    m and s are mean and standard deviation of the latents it was made for, x̄ their mean
    image and σ one number, the spread of all pixels around it. None of them ever moves.
    So the loss is 1 for whoever always draws the mean image, however dark images are.

    Args:
        config: of f.
        latent: rows that the moments are taken of.
        frames: the images that belong to them.
    """

    def __init__(
        self,
        config: DecoderBodyConfig,
        latent: Float32[Tensor, "N D"],
        frames: UInt8[Tensor, "N C H W"],
    ) -> None:
        super().__init__()
        channels, height, width = frames.shape[1:]
        self.body = config.build(latent.shape[1], (channels, height, width))
        image = torch.zeros(channels, height, width, dtype=torch.float64)
        square = torch.zeros((), dtype=torch.float64)
        for part in frames.split(256):  # as floats all of them might not fit
            pixels = part.double() / 255
            image += pixels.sum(0).cpu()
            square += pixels.square().sum().cpu()
        image /= len(frames)
        variance = square / frames.numel() - image.square().mean()
        spread = latent.std(0, correction=0)
        least = (_LEAST * spread.max()).clamp(min=torch.finfo(spread.dtype).tiny)
        self.register_buffer("mean", latent.mean(0))
        self.register_buffer("std", spread.clamp(min=least))
        self.register_buffer("mean_image", image.float())
        self.register_buffer("scale", variance.clamp(min=255.0**-2).sqrt().float())
        self.mean: Tensor
        self.std: Tensor
        self.mean_image: Tensor
        self.scale: Tensor

    def loss(
        self, latent: Float32[Tensor, "n D"], frames: UInt8[Tensor, "n C H W"]
    ) -> Float[Tensor, ""]:
        """Mean square over pixels, in units of the mean image's: below 1 is learned."""
        wanted = (frames.float() / 255 - self.mean_image) / self.scale
        return (self._deviation(latent) - wanted).square().mean()

    @torch.no_grad()
    def forward(
        self, latent: Float32[Tensor, "*batch D"]
    ) -> UInt8[Tensor, "*batch C H W"]:
        """Images as bytes."""
        made = []
        for rows in latent.flatten(0, -2).split(256):
            pixels = self.mean_image + self.scale * self._deviation(rows)
            made.append((255 * pixels.clamp(0.0, 1.0)).round().to(torch.uint8))
        return torch.cat(made).view(*latent.shape[:-1], *self.mean_image.shape)

    def _deviation(self, rows: Float32[Tensor, "n D"]) -> Float[Tensor, "n C H W"]:
        made: Tensor = self.body((rows - self.mean) / self.std)
        return made
