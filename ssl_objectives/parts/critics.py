"""Critics (similarity functions): cosine or dot product over temperature."""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Critic(nn.Module, ABC):
    """Scores every query against every candidate of its group."""

    @abstractmethod
    def forward(
        self, query: Float[Tensor, "*G N D"], key: Float[Tensor, "*G M D"]
    ) -> Float[Tensor, "*G N M"]:
        """Logits; computed in float32 or better, whatever comes in."""


class Cosine(Critic):
    """`cos(q, k) / τ`, the critic of most instance discrimination.

    Args:
        temperature: τ > 0.
    """

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.temperature = checked_temperature(temperature)

    def forward(
        self, query: Float[Tensor, "*G N D"], key: Float[Tensor, "*G M D"]
    ) -> Float[Tensor, "*G N M"]:
        """Normalise both, then compare."""
        return unit(query) @ unit(key).mT / self.temperature


class Dot(Critic):
    """`q·k / τ`, without normalisation: the norm of a latent carries meaning.

    Args:
        temperature: τ > 0.
    """

    def __init__(self, temperature: float = 1.0) -> None:
        super().__init__()
        self.temperature = checked_temperature(temperature)

    def forward(
        self, query: Float[Tensor, "*G N D"], key: Float[Tensor, "*G M D"]
    ) -> Float[Tensor, "*G N M"]:
        """Compare."""
        return at_least_float32(query) @ at_least_float32(key).mT / self.temperature


def unit(rows: Float[Tensor, "*G N D"]) -> Float[Tensor, "*G N D"]:
    """Rows of length 1, in float32 or better; a zero row stays zero."""
    return nn.functional.normalize(at_least_float32(rows), dim=-1)


def at_least_float32(rows: Float[Tensor, "*batch D"]) -> Float[Tensor, "*batch D"]:
    """At least float32: sums over a thousand terms do not survive bf16."""
    return rows if rows.dtype == torch.float64 else rows.float()


def checked_temperature(temperature: float) -> float:
    """The temperature, if it is one.

    Raises:
        ValueError: it is not positive.
    """
    if not temperature > 0:
        raise ValueError(f"a temperature must be above 0, not {temperature}")
    return temperature
