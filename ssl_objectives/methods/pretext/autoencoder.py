"""Autoencoders: reconstruction of the image from its latent, and IRMAE."""

from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ssl_objectives.encoders.decoders import DecoderConfig, FlatDecoderConfig
from ssl_objectives.objective import Loss, Needs, Objective, Sizes, Views
from ssl_objectives.parts.critics import at_least_float32
from ssl_objectives.pixels import check_bytes


class Reconstruction(Objective):
    """`mean over pixels (x - g(p))²`, pixels in [0, 1]: a plain autoencoder.

    Without a predictor the prediction p is the code of the image itself. Of a world
    model it is what was predicted, and the image is the one that came.

    With `LinearStack` as projector it is IRMAE (arXiv 2010.00679), whose codes vary in
    few directions: nothing in the loss says so, the linear layers do. Scale of its
    official code, the mean over all numbers of an image; of several views the mean.
    Deviation: the official decoder ends in a tanh; ours is linear at the end.

    Args:
        decoder: from codes to images; treats rows apart.
        standardize: pixels less their mean, over their standard deviation, both over
            all that count: images of few bright pixels then cost as much as others,
            and the decoder need not first find out how bright images are.
    """

    needs = Needs(views=(1, None), extra=frozenset({"image"}))

    def __init__(self, decoder: nn.Module, standardize: bool = False) -> None:
        super().__init__()
        self.decoder, self.standardize = decoder, standardize

    def forward(self, views: Views) -> Loss:
        """Each prediction gives back its image, `extra["image"][..., v, :, :, :]`."""
        each = []
        made = [p for p in views.p if p is not None]
        for p, image in zip(made, views.extra["image"].unbind(-4), strict=True):
            code = at_least_float32(p)
            if views.valid is not None:
                code = code.masked_fill(~views.valid.unsqueeze(-1), 0.0)
            check_bytes(image, "Reconstruction")
            wanted = image.flatten(0, -4).to(code.dtype) / 255
            if self.standardize:
                wanted = _standardized(wanted, views.valid)
            error = (self.decoder(code.flatten(0, -2)) - wanted).square()
            each.append(error.flatten(1).mean(1).view(code.shape[:-1]))
        loss = torch.stack(each).mean(0)
        if views.valid is not None:
            loss = loss.masked_fill(~views.valid, 0.0)
        return Loss(loss, loss.new_zeros(()))


def _standardized(
    images: Float[Tensor, "M C H W"], valid: Bool[Tensor, "*G N"] | None
) -> Float[Tensor, "M C H W"]:
    """Mean 0 and variance 1 over all pixels of the rows that count."""
    share = images.new_ones(len(images), 1, 1, 1)
    if valid is not None:
        share = valid.reshape(-1, 1, 1, 1).to(images.dtype)
    number = (share.sum() * images[0].numel()).clamp(min=1)
    centered = images - (images * share).sum() / number
    variance = (centered.square() * share).sum() / number
    return centered * (variance + 1e-8).rsqrt()


@dataclass(frozen=True)
class ReconstructionConfig:
    """Autoencoder: a code from which the image can be given back."""

    decoder: DecoderConfig | FlatDecoderConfig = field(default_factory=DecoderConfig)
    """from codes to images"""
    standardize: bool = False
    """bring pixels to mean 0 and variance 1 over the batch"""

    def build(self, sizes: Sizes) -> Reconstruction:
        """Build the objective for `sizes.latent` and `sizes.image`.

        Raises:
            ValueError: the shape of the images is not known.
        """
        if sizes.image is None:
            raise ValueError("an autoencoder gives images back; give their shape")
        decoder = self.decoder.build(sizes.latent, sizes.image)
        return Reconstruction(decoder, self.standardize)
