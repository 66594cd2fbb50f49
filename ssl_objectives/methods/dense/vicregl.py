"""VICRegL: VICReg of images, and of places of theirs that show or mean the same."""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from ssl_objectives.encoders.patches import at_places
from ssl_objectives.methods.moments.vicreg_barlow import VicReg, VicRegConfig
from ssl_objectives.objective import Loss, Needs, Objective, Sizes, Views
from ssl_objectives.parts.critics import at_least_float32
from ssl_objectives.views.params import FLIP


class Matches(NamedTuple):
    """The M pairs of places that lie nearest, of each image; nearest first."""

    own: Int64[Tensor, "N M"]
    other: Int64[Tensor, "N M"]


class VicRegL(Objective):
    """VICRegL (arXiv 2210.01571): `α VICReg(z_i, z_j) + (1 - α) Σ VICReg(places)`.

    The sum is over two ways to match places of two views: each with the one that lies
    nearest in the image, or whose embedding is nearest; of both the M nearest pairs.
    VICReg then compares the first pairs of all images, the second ones, and so on, and
    takes the mean. The invariances are the per-sample term, the rest the regulariser.

    Scale of the official code: means over pairs of views and both directions, and
    covariances averaged over views, where VICReg's own code adds them up. Its numbers
    of matches go by direction: 20 from a large crop, 4 back to it. Identical views
    match place by place.

    Deviations: the network of places has layer norm, not batch norm, so that rows stay
    apart, and two layers; its embeddings are matched by all of the M nearest in
    features as well (the paper; the official default there is all pairs).

    Args:
        local: from feature maps' places `[…, F]` to their embeddings.
        alpha: α.
        weights: λ, μ and ν of both terms.
        matches: M from a target view, and back to it.
        image: (H, W) of images, for distances in pixels.
    """

    needs = Needs(views=(2, None), maps=True, extra=frozenset({"params"}))

    def __init__(
        self,
        local: nn.Module,
        alpha: float = 0.75,
        weights: VicRegConfig | None = None,
        matches: tuple[int, int] = (20, 4),
        image: tuple[int, int] = (1, 1),
    ) -> None:
        super().__init__()
        self.local, self.alpha = local, alpha
        self.weights = weights or VicRegConfig()
        self.matches, self.image = matches, image

    def forward(self, views: Views) -> Loss:
        """See above; `vicregl/shared` is the share of matches that both ways find."""
        whole = self._vicreg(views)
        assert whole.per_sample is not None
        made = [self._places(x) for x in views.maps]
        where = [
            locations(views.extra["params"][:, v].to(x.dtype), _grid(m), self.image)
            for v, (x, m) in enumerate(zip(made, views.maps, strict=True))
        ]
        terms, shared = [], []
        for i, j in views.pairs:
            for (a, b), number in zip(((j, i), (i, j)), self.matches, strict=True):
                near = nearest(where[a], where[b], number)
                alike = nearest(made[a].detach(), made[b].detach(), number)
                terms += [self._of(m, made[a], made[b], views) for m in (near, alike)]
                shared.append(_shared(near, alike))
        pairs = len(terms) / 2  # of which each has two ways
        per_row = torch.stack([x for x, _ in terms]).sum(0) / pairs
        regularizer = torch.stack([x for _, x in terms]).sum() / pairs
        metrics = {
            "vicregl/shared": torch.stack(shared).mean(),
            "vicregl/local": regularizer.detach(),
        }
        return Loss(
            self.alpha * whole.per_sample + (1 - self.alpha) * per_row,
            self.alpha * whole.regularizer + (1 - self.alpha) * regularizer,
            {**whole.metrics, **metrics},
        )

    def _of(
        self,
        matches: Matches,
        own: Float[Tensor, "N L D"],
        other: Float[Tensor, "N L D"],
        views: Views,
    ) -> tuple[Float[Tensor, "N"], Float[Tensor, ""]]:
        """VICReg of matched places, M problems of N rows: per row, and the rest."""
        one, two = (
            at_places(x, at).transpose(0, 1)
            for x, at in ((own, matches.own), (other, matches.other))
        )
        given = Views.of(one, two)
        if views.valid is not None:
            given = replace(given, valid=views.valid.expand(len(one), -1))
        loss = self._vicreg(given)
        assert loss.per_sample is not None
        return loss.per_sample.mean(0), loss.regularizer

    def _vicreg(self, views: Views) -> Loss:
        """VICReg's, its covariances averaged over however many views."""
        given = self.weights
        share = given.covariance / len(views.seen)
        loss: Loss = VicReg(given.invariance, given.variance, share)(views)
        return loss

    def _places(self, maps: Float[Tensor, "N F h w"] | None) -> Float[Tensor, "N L D"]:
        """Embeddings of places, row by row."""
        assert maps is not None
        made: Tensor = self.local(at_least_float32(maps).flatten(-2).mT)
        return made


def locations(
    params: Float[Tensor, "N P"], grid: tuple[int, int], image: tuple[int, int] = (1, 1)
) -> Float[Tensor, "N L 2"]:
    """Where the middles of places lie in the image that a view was made of.

    Crops, shifts and mirroring count; views that were turned are not told apart.

    Args:
        params: how the views were made (`views/params.py`).
        grid: (h, w), places of the view.
        image: (H, W), for a result in pixels; else in shares of the image.
    """
    top, left, tall, wide = (x.unsqueeze(-1) for x in params[:, :4].unbind(1))
    down, right = (
        (torch.arange(x, device=params.device, dtype=params.dtype) + 0.5) / x
        for x in grid
    )
    across = torch.where(params[:, FLIP, None] > 0, 1 - right, right)
    y = (top + tall * down).unsqueeze(2).expand(-1, -1, grid[1])
    x = (left + wide * across).unsqueeze(1).expand(-1, grid[0], -1)
    return torch.stack([y * image[0], x * image[1]], -1).flatten(1, 2)


@torch.no_grad()
def nearest(
    own: Float[Tensor, "N L D"], other: Float[Tensor, "N K D"], number: int
) -> Matches:
    """Each place's nearest of the other view; the `number` nearest such pairs."""
    # exact: the usual product of matrices loses what is nearly 0
    distances = torch.cdist(own, other, compute_mode="donot_use_mm_for_euclid_dist")
    least, which = distances.min(-1)
    kept = least.topk(min(number, own.shape[1]), largest=False).indices
    return Matches(kept, which.gather(1, kept))


def _shared(one: Matches, two: Matches) -> Float[Tensor, ""]:
    """Share of the pairs of one that are the other's, too."""
    own = one.own.unsqueeze(-1) == two.own.unsqueeze(1)
    other = one.other.unsqueeze(-1) == two.other.unsqueeze(1)
    return (own & other).any(-1).float().mean()


@dataclass(frozen=True)
class VicRegLConfig:
    """VICRegL: VICReg of images, and of their places where those match."""

    alpha: float = 0.75
    """α, weight of the images; 1 - α of their places (0.9 for ResNet-50)"""
    weights: VicRegConfig = field(default_factory=VicRegConfig)
    """of invariance, variance and covariance, in both"""
    matches: int = 20
    """pairs of places from a target view to another"""
    matches_back: int = 4
    """pairs the other way"""
    size: int = 128
    """numbers in the embedding of a place (512)"""

    def __post_init__(self) -> None:
        if not 0 <= self.alpha <= 1:
            raise ValueError(f"alpha must be between 0 and 1, not {self.alpha}")
        if min(self.matches, self.matches_back, self.size) < 1:
            raise ValueError(
                "matches, matches_back and size must be at least 1, not "
                f"{self.matches}, {self.matches_back} and {self.size}"
            )

    def build(self, sizes: Sizes) -> VicRegL:
        """Build it for the encoder's feature maps.

        Raises:
            ValueError: there are none.
        """
        if sizes.maps is None:
            raise ValueError(
                "VICRegL compares feature maps; use an encoder that has them"
            )
        local = nn.Sequential(
            nn.Linear(sizes.maps[0], self.size, bias=False),
            nn.LayerNorm(self.size),
            nn.ReLU(),
            nn.Linear(self.size, self.size, bias=False),
        )
        image = (1, 1) if sizes.image is None else sizes.image[1:]
        matches = self.matches, self.matches_back
        return VicRegL(local, self.alpha, self.weights, matches, image)


def _grid(maps: Float[Tensor, "N F h w"] | None) -> tuple[int, int]:
    assert maps is not None
    return maps.shape[-2], maps.shape[-1]
