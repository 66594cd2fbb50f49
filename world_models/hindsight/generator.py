"""The generator of codes: what happened, less what could be known before."""

from typing import final

import torch
from jaxtyping import Float32
from torch import Tensor, nn

from ssl_objectives.encoders.precision import Precision
from ssl_objectives.parts.step_counter import StepCounter
from world_models.hindsight.layers import layers

_TINY = 1e-6


@final
class CodeGenerator(nn.Module):
    """`z = p(b, a, ω, ε)`: a code, drawn by who has seen what came (arXiv 2211.10515).

    ε ~ N(0, I) is drawn anew in each pass and follows from the number of gradient
    steps; in evaluation mode it is its mean, 0. Of ω the generator reads direction, as
    a vector of one length, and log length, since latents may be of any scale. How loud
    the direction is beside the noise decides how codes begin: where it drowns the
    noise they tell everything before the critic has learned to find it, and where the
    noise drowns it they explain little for long.

    Args:
        known_size: numbers in a row of beliefs and actions.
        latent_size: P, of what came.
        code_size: Z.
        noise_size: of ε; 0: codes are a function of what happened.
        hidden, depth: of the network.
        loudness: the length at which the direction of ω is read.
        precision: of its products; see `MixedLinear`.
    """

    def __init__(
        self,
        known_size: int,
        latent_size: int,
        code_size: int,
        noise_size: int,
        hidden: int,
        depth: int,
        loudness: float = 1.0,
        precision: Precision = Precision.FLOAT32,
    ) -> None:
        super().__init__()
        self.loudness = loudness
        inputs = known_size + latent_size + 1 + noise_size
        self.network = layers(inputs, hidden, code_size, depth, precision)
        self.noise_size = noise_size
        self.counter = StepCounter()

    def forward(
        self, known: Float32[Tensor, "*batch Q"], aim: Float32[Tensor, "*batch P"]
    ) -> Float32[Tensor, "*batch Z"]:
        """One code a row."""
        length = aim.norm(dim=-1, keepdim=True).clamp(min=_TINY)
        direction = self.loudness * aim / length
        code: Tensor = self.network(
            torch.cat([known, direction, length.log(), self._noise(aim)], -1)
        )
        return code

    def _noise(self, like: Float32[Tensor, "*batch P"]) -> Float32[Tensor, "*batch N"]:
        shape = (*like.shape[:-1], self.noise_size)
        if not self.training:
            return like.new_zeros(shape)
        generator = self.counter.generator(like.device)
        return torch.randn(shape, generator=generator, device=like.device)
