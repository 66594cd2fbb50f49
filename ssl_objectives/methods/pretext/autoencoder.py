"""Autoencoders: reconstruction of the image from its latent, and IRMAE."""

from dataclasses import dataclass, field

import torch
from torch import nn

from ssl_objectives.encoders.decoders import DecoderConfig, FlatDecoderConfig
from ssl_objectives.objective import Loss, Needs, Objective, Sizes, Views
from ssl_objectives.parts.critics import at_least_float32


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
    """

    needs = Needs(views=(1, None), extra=frozenset({"image"}))

    def __init__(self, decoder: nn.Module) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, views: Views) -> Loss:
        """Each prediction gives back its image, `extra["image"][..., v, :, :, :]`."""
        each = []
        made = [p for p in views.p if p is not None]
        for p, image in zip(made, views.extra["image"].unbind(-4), strict=True):
            code = at_least_float32(p)
            if views.valid is not None:
                code = code.masked_fill(~views.valid.unsqueeze(-1), 0.0)
            wanted = image.flatten(0, -4).to(code.dtype) / 255
            error = (self.decoder(code.flatten(0, -2)) - wanted).square()
            each.append(error.flatten(1).mean(1).view(code.shape[:-1]))
        loss = torch.stack(each).mean(0)
        if views.valid is not None:
            loss = loss.masked_fill(~views.valid, 0.0)
        return Loss(loss, loss.new_zeros(()))


@dataclass(frozen=True)
class ReconstructionConfig:
    """Autoencoder: a code from which the image can be given back."""

    decoder: DecoderConfig | FlatDecoderConfig = field(default_factory=DecoderConfig)
    """from codes to images"""

    def build(self, sizes: Sizes) -> Reconstruction:
        """Build the objective for `sizes.latent` and `sizes.image`.

        Raises:
            ValueError: the shape of the images is not known.
        """
        if sizes.image is None:
            raise ValueError("an autoencoder gives images back; give their shape")
        return Reconstruction(self.decoder.build(sizes.latent, sizes.image))
