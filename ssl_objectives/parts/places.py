"""Places in feature maps: who is to find what, and what becomes of the scores.

`P` stands for problems that know nothing of each other, such as places that are looked
at one by one.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ssl_objectives.parts.mutual_information import jensen_shannon


class Side(NamedTuple):
    """What is known of the images of one view.

    Attributes:
        whole: the projection of each image.
        places: of each of the L places of its feature maps.
    """

    whole: Float[Tensor, "N D"]
    places: Float[Tensor, "N L D"]


class Task(nn.Module, ABC):
    """Who is to find what."""

    @abstractmethod
    def forward(
        self, query: Side, key: Side, generator: torch.Generator
    ) -> tuple[Float[Tensor, "*P N D"], Float[Tensor, "*P N K D"]]:
        """One query and K keys of each image; its keys are what a query is to find."""


class WholeToPlaces(Task):
    """The whole finds the places of its image, among the places of all others."""

    def forward(
        self, query: Side, key: Side, generator: torch.Generator
    ) -> tuple[Float[Tensor, "*P N D"], Float[Tensor, "*P N K D"]]:
        """One problem, K = L."""
        return query.whole, key.places


class PlaceToPlaces(Task):
    """One place finds the places of its image, among the places of all others.

    Deviation: AMDIM draws a place for each image; here one draw serves all images of a
    step, so that their order makes no difference.
    """

    def forward(
        self, query: Side, key: Side, generator: torch.Generator
    ) -> tuple[Float[Tensor, "*P N D"], Float[Tensor, "*P N K D"]]:
        """One problem, K = L."""
        places, device = query.places, query.places.device
        drawn = torch.randint(places.shape[1], (1,), generator=generator, device=device)
        return places.index_select(1, drawn).squeeze(1), key.places


class WholeToSamePlace(Task):
    """At every place: the whole finds its image, among that place of all images."""

    def forward(
        self, query: Side, key: Side, generator: torch.Generator
    ) -> tuple[Float[Tensor, "*P N D"], Float[Tensor, "*P N K D"]]:
        """L problems, K = 1."""
        keys = key.places.transpose(0, 1).unsqueeze(-2)
        return query.whole.expand(len(keys), *query.whole.shape), keys


class PlaceToSamePlace(Task):
    """At every place: its latent, mapped linearly, finds that place of its image.

    Args:
        size: D.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.predictor = nn.Linear(size, size)

    def forward(
        self, query: Side, key: Side, generator: torch.Generator
    ) -> tuple[Float[Tensor, "*P N D"], Float[Tensor, "*P N K D"]]:
        """L problems, K = 1."""
        places = self.predictor(query.places).transpose(0, 1)
        return places, key.places.transpose(0, 1).unsqueeze(-2)


class LocalCore(ABC):
    """What becomes of the scores."""

    @abstractmethod
    def __call__(
        self, scores: Float[Tensor, "*P N N K"], valid: Bool[Tensor, "N"]
    ) -> Float[Tensor, "*P N"]:
        """One loss per query, from its scores with the K keys of every image."""


@dataclass(frozen=True)
class SoftmaxEach(LocalCore):
    """InfoNCE for each key of the own image, against all keys of other images.

    `-log e^u / (e^u + Σ_others e^u')`, the mean over the K own keys, which never enter
    each other's denominators. Zero scores give `log(1 + (N - 1) K)`.
    """

    def __call__(
        self, scores: Float[Tensor, "*P N N K"], valid: Bool[Tensor, "N"]
    ) -> Float[Tensor, "*P N"]:
        """See above."""
        own = scores.diagonal(dim1=-3, dim2=-2).mT
        others = _others(valid)
        alone = ~others.any(-1)
        # -∞ everywhere would have no gradient but NaN, even where it is not used
        kept = others | alone.unsqueeze(-1)
        # keys first: masks are then small
        one = scores.shape[-1] == 1
        images = scores.squeeze(-1) if one else scores.logsumexp(-1)
        rest = images.masked_fill(~kept, -torch.inf).logsumexp(-1)
        each = nn.functional.softplus(rest.unsqueeze(-1) - own).mean(-1)
        return each.masked_fill(alone, 0.0)


@dataclass(frozen=True)
class JensenShannon(LocalCore):
    """Deep InfoMax's bound, per query; see `parts.pairs.jensen_shannon`."""

    def __call__(
        self, scores: Float[Tensor, "*P N N K"], valid: Bool[Tensor, "N"]
    ) -> Float[Tensor, "*P N"]:
        """See above."""
        own = torch.eye(len(valid), dtype=torch.bool, device=valid.device)
        joint, product = (
            x.unsqueeze(-1).expand_as(scores).flatten(-2) for x in (own, _others(valid))
        )
        return jensen_shannon(scores.flatten(-2), joint, product)


def _others(valid: Bool[Tensor, "N"]) -> Bool[Tensor, "N N"]:
    """Whose keys are negatives for whom."""
    own = torch.eye(len(valid), dtype=torch.bool, device=valid.device)
    return valid & ~own
