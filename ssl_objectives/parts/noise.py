"""Noise on unit latents, for information bottlenecks; numbers that follow from ids."""

import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from ssl_objectives.parts.critics import unit
from ssl_objectives.parts.step_counter import StepCounter


class SphereNoise(nn.Module):
    """Draws around unit rows like a von Mises-Fisher distribution of concentration κ.

    `z = w μ + √(1 - w²) v`, v a random direction orthogonal to μ: the distribution of
    `normalize(μ + N(0, I/κ))`, which for κ ≫ D is von Mises-Fisher's, and has
    `E cos = 1 - (D - 1) / 2κ` up to second order. w = μ·z is drawn apart from μ and has
    no gradient. (Official code, TensorFlow Probability's, draws w exactly.)

    Every step draws `draws` times, and a row's draw is chosen by its id: the order of
    rows in a batch, and the process that holds them, make no difference. Rows without
    ids share one draw; each still has the right distribution, but a batch averages over
    no noise, and gradients vary more.

    Args:
        concentration: κ > 0; infinity is no noise at all.
        draws: of each step and stream.
        seed: of the random numbers.

    Raises:
        ValueError: κ is not positive.
    """

    def __init__(self, concentration: float, draws: int = 1024, seed: int = 0) -> None:
        super().__init__()
        self.concentration = checked_concentration(concentration)
        self.draws = draws
        self.counter = StepCounter(seed)

    def forward(
        self,
        mean: Float[Tensor, "*G N D"],
        row: Int64[Tensor, "*G N"] | None,
        stream: int = 0,
    ) -> Float[Tensor, "*G N D"]:
        """Unit rows around `mean`, which is normalised here.

        Args:
            mean: μ, of any length.
            row: ids.
            stream: tells several draws of a step apart, such as those of two views.
        """
        mu = unit(mean)
        number, size = 1 if row is None else self.draws, mu.shape[-1]
        generator = self.counter.generator(mu.device, stream)
        noise = torch.randn(
            2, number, size, generator=generator, device=mu.device, dtype=mu.dtype
        )
        # the length of the first draw's orthogonal part; the direction of the second's
        along = 1 + noise[0, :, :1] / math.sqrt(self.concentration)
        across = noise[0, :, 1:].norm(dim=-1, keepdim=True)
        across = across / math.sqrt(self.concentration)
        length = (along.square() + across.square()).sqrt()
        chosen = mu.new_zeros((), dtype=torch.int64) if row is None else row % number
        direction = noise[1][chosen]
        direction = direction - (direction * mu).sum(-1, keepdim=True) * mu
        w, v = (along / length)[chosen], (across / length)[chosen]
        drawn: Tensor = w * mu + v * unit(direction)
        return drawn

    def advance(self) -> None:
        """Draw anew from now on; after each gradient step."""
        self.counter.advance()


def uniform_of_rows(
    row: Int64[Tensor, "*G N"] | None, size: int, generator: torch.Generator
) -> Float[Tensor, "*G N D"]:
    """Float64 numbers in [0, 1) that follow from ids; one draw where there are none.

    `(a id + b) mod 1` of uniform a and b is uniform for each id, and independent for
    any two ids; the numbers of a row are independent of each other.
    """
    device = generator.device if row is None else row.device
    a, b = torch.rand(2, size, generator=generator, device=device, dtype=torch.float64)
    turns = b.unsqueeze(0) if row is None else a * row.unsqueeze(-1) + b
    found: Tensor = turns % 1
    return found


def checked_concentration(concentration: float) -> float:
    """The concentration, if it is one.

    Raises:
        ValueError: it is not positive.
    """
    if not concentration > 0:
        raise ValueError(f"a concentration must be above 0, not {concentration}")
    return concentration
