"""Autoencoders: reconstruction of the image from its latent, and IRMAE."""

from dataclasses import dataclass, field

import torch
from torch import nn

from ssl_objectives.encoders.decoders import DecoderConfig
from ssl_objectives.objective import Loss, Needs, Objective, Sizes, Views
from ssl_objectives.parts.critics import at_least_float32


class Reconstruction(Objective):
    """`mean over pixels (x - g(z))²`, pixels in [0, 1]: a plain autoencoder.

    With `LinearStack` as projector it is IRMAE (arXiv 2010.00679), whose codes vary in
    few directions: nothing in the loss says so, the linear layers do. Scale of its
    official code, the mean over all numbers of an image; of several views the mean.
    Deviation: the official decoder ends in a tanh; ours is linear at the end.

    Args:
        decoder: from codes z to images; treats rows apart.
    """

    needs = Needs(views=(1, None), extra=frozenset({"image"}))

    def __init__(self, decoder: nn.Module) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, views: Views) -> Loss:
        """Each view's code gives back that view, `extra["image"][:, v]`."""
        each = []
        for v, z in enumerate(views.z):
            assert z is not None
            code = at_least_float32(z)
            if views.valid is not None:
                code = code.masked_fill(~views.valid.unsqueeze(-1), 0.0)
            wanted = views.extra["image"][:, v].to(code.dtype) / 255
            each.append((self.decoder(code) - wanted).square().flatten(1).mean(1))
        loss = torch.stack(each).mean(0)
        if views.valid is not None:
            loss = loss.masked_fill(~views.valid, 0.0)
        return Loss(loss, loss.new_zeros(()))


@dataclass(frozen=True)
class ReconstructionConfig:
    """Autoencoder: a code from which the image can be given back."""

    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    """from codes to images"""

    def build(self, sizes: Sizes) -> Reconstruction:
        """Build the objective for `sizes.latent` and `sizes.image`.

        Raises:
            ValueError: the shape of the images is not known.
        """
        if sizes.image is None:
            raise ValueError("an autoencoder gives images back; give their shape")
        return Reconstruction(self.decoder.build(sizes.latent, sizes.image))
