"""Contrast tasks and losses of local features (places of feature maps) and global ones.

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


class ViewFeatures(NamedTuple):
    """Global and local features of the images of one view.

    Attributes:
        global_feature: the projection of each image.
        local_features: of each of the L places of its feature maps.
    """

    global_feature: Float[Tensor, "N D"]
    local_features: Float[Tensor, "N L D"]


class Task(nn.Module, ABC):
    """A contrast task: queries, and the keys that each is to find."""

    @abstractmethod
    def forward(
        self, query: ViewFeatures, key: ViewFeatures, generator: torch.Generator
    ) -> tuple[Float[Tensor, "*P N D"], Float[Tensor, "*P N K D"]]:
        """One query and K keys of each image; its keys are what a query is to find."""


class GlobalToLocal(Task):
    """The global feature finds the local ones of its image among those of others."""

    def forward(
        self, query: ViewFeatures, key: ViewFeatures, generator: torch.Generator
    ) -> tuple[Float[Tensor, "*P N D"], Float[Tensor, "*P N K D"]]:
        """One problem, K = L."""
        return query.global_feature, key.local_features


class LocalToLocal(Task):
    """One local feature finds those of its image, among those of all others.

    Deviation: AMDIM draws a place for each image; here one draw serves all images of a
    step, so that their order makes no difference.
    """

    def forward(
        self, query: ViewFeatures, key: ViewFeatures, generator: torch.Generator
    ) -> tuple[Float[Tensor, "*P N D"], Float[Tensor, "*P N K D"]]:
        """One problem, K = L."""
        places, device = query.local_features, query.local_features.device
        drawn = torch.randint(places.shape[1], (1,), generator=generator, device=device)
        return places.index_select(1, drawn).squeeze(1), key.local_features


class GlobalToSameLocation(Task):
    """At every place: the global feature finds its image, among that place of all."""

    def forward(
        self, query: ViewFeatures, key: ViewFeatures, generator: torch.Generator
    ) -> tuple[Float[Tensor, "*P N D"], Float[Tensor, "*P N K D"]]:
        """L problems, K = 1."""
        keys = key.local_features.transpose(0, 1).unsqueeze(-2)
        return query.global_feature.expand(len(keys), *query.global_feature.shape), keys


class LocalToSameLocation(Task):
    """At every place: its latent, mapped linearly, finds that place of its image.

    Args:
        size: D.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.predictor = nn.Linear(size, size)

    def forward(
        self, query: ViewFeatures, key: ViewFeatures, generator: torch.Generator
    ) -> tuple[Float[Tensor, "*P N D"], Float[Tensor, "*P N K D"]]:
        """L problems, K = 1."""
        places = self.predictor(query.local_features).transpose(0, 1)
        return places, key.local_features.transpose(0, 1).unsqueeze(-2)


class LocalLoss(ABC):
    """A loss over the scores of queries and keys."""

    @abstractmethod
    def __call__(
        self, scores: Float[Tensor, "*P N N K"], valid: Bool[Tensor, "N"]
    ) -> Float[Tensor, "*P N"]:
        """One loss per query, from its scores with the K keys of every image."""


@dataclass(frozen=True)
class SoftmaxEach(LocalLoss):
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
class JensenShannon(LocalLoss):
    """Deep InfoMax's bound per query: `mutual_information.jensen_shannon`."""

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
