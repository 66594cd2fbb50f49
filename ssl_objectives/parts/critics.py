"""Critics (similarity functions): cosine, dot product, bilinear form."""

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


class Bilinear(Critic):
    """`qᵀ W_k k`, CPC's critic (arXiv 1807.03748): weights of its own for each group.

    Args:
        size: D.
        groups: K, problems along the first group axis; 1: one W for all.

    Raises:
        ValueError: there is not at least one group.
    """

    def __init__(self, size: int, groups: int = 1) -> None:
        super().__init__()
        if groups < 1:
            raise ValueError(f"a bilinear critic has 1 group or more, not {groups}")
        eye = torch.eye(size) / size**0.5
        self.weight = nn.Parameter(eye.repeat(groups, 1, 1))

    def forward(
        self, query: Float[Tensor, "*G N D"], key: Float[Tensor, "*G M D"]
    ) -> Float[Tensor, "*G N M"]:
        """Turn the queries, then compare; `[0, …]` belongs to the first W.

        Raises:
            ValueError: there are not as many groups as weights.
        """
        asked, groups = at_least_float32(query), len(self.weight)
        weight = self.weight.to(asked.dtype)
        if groups > 1:
            if query.dim() < 3 or query.shape[0] != groups:
                given = query.shape[0] if query.dim() > 2 else "rows without groups"
                raise ValueError(f"a bilinear critic for {groups} groups got {given}")
            weight = weight.view(groups, *[1] * (query.dim() - 3), *weight.shape[1:])
        else:
            weight = weight[0]
        return asked @ weight @ at_least_float32(key).mT


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
