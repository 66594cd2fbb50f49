"""k-means clustering, on the device where the rows are."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from ssl_objectives.parts.critics import at_least_float32

CHUNK = 8192  # rows compared with all centroids at once


@torch.no_grad()
def kmeans(
    rows: Float[Tensor, "N D"],
    num_clusters: int,
    generator: torch.Generator,
    iterations: int = 20,
) -> tuple[Float[Tensor, "K D"], Int64[Tensor, "N"]]:
    """Lloyd's iterations on Euclidean distances, from k-means++ seeds.

    A cluster that loses all its rows moves to one of the rows that lie farthest from
    their centroids, so that empty ones are rare unless there are fewer different rows
    than clusters. Cost: O(iterations N K D), N K numbers never in memory at once. Equal
    generators give equal clusters.

    Args:
        rows: what to cluster.
        num_clusters: K.
        generator: of the seeds, on the device of the rows.
        iterations: of Lloyd's algorithm.

    Returns:
        Centroids, in the precision of the rows (at least float32), and the number of
        the nearest one for each row.

    Raises:
        ValueError: there are fewer rows than clusters, or no clusters.
    """
    if not 1 <= num_clusters <= len(rows):
        raise ValueError(
            f"{len(rows)} rows cannot be put into {num_clusters} clusters; ask for at "
            "least one and at most as many as there are rows"
        )
    x = at_least_float32(rows)
    middle = x.mean(0)
    x = x - middle  # distances from products lose digits far from the origin
    centroids = _seeds(x, num_clusters, generator)
    for _ in range(iterations):
        labels, distance = nearest(x, centroids)
        centroids = _means(x, labels, distance, num_clusters)
    return centroids + middle, nearest(x, centroids)[0]


def nearest(
    rows: Float[Tensor, "N D"], centroids: Float[Tensor, "K D"]
) -> tuple[Int64[Tensor, "N"], Float[Tensor, "N"]]:
    """The nearest centroid of each row, and the squared Euclidean distance to it."""
    half_norm = centroids.square().sum(-1) / 2
    labels, distances = [], []
    for x in rows.split(CHUNK):
        # |x - c|² / 2 = |x|² / 2 + (|c|² / 2 - x·c)
        least, label = torch.addmm(half_norm, x, centroids.T, alpha=-1).min(-1)
        labels.append(label)
        distances.append((x.square().sum(-1) + 2 * least).clamp(min=0))
    return torch.cat(labels), torch.cat(distances)


def cluster_sizes(labels: Int64[Tensor, "N"], num: int) -> Int64[Tensor, "K"]:
    """Rows per cluster; `bincount` would ask the device for the greatest label."""
    return labels.new_zeros(num).index_add_(0, labels, torch.ones_like(labels))


def _seeds(
    x: Float[Tensor, "N D"], num: int, generator: torch.Generator
) -> Float[Tensor, "K D"]:
    """k-means++: each seed a row, drawn by its squared distance from those before."""
    draws = torch.rand(num, generator=generator, device=x.device, dtype=torch.float64)
    chosen = [(draws[0] * len(x)).long()]
    norm = x.square().sum(-1)
    rounding = 64 * torch.finfo(x.dtype).eps
    distance = torch.full_like(norm, torch.inf)
    for draw in draws[1:]:
        last = chosen[-1].view(1)  # without an axis, the host would want to know it
        both = norm + norm.index_select(0, last)
        away = torch.addmv(both, x, x.index_select(0, last)[0], alpha=-2)
        distance = distance.minimum(away.where(away > rounding * both, 0.0))
        mass = distance.cumsum(0, dtype=torch.float64)
        # right: a row at distance 0 is never drawn, unless all of them are
        place = torch.searchsorted(mass, draw * mass[-1], right=True)
        chosen.append(place.clamp(max=len(x) - 1))
    return x[torch.stack(chosen)]


def _means(
    x: Float[Tensor, "N D"],
    labels: Int64[Tensor, "N"],
    distance: Float[Tensor, "N"],
    num: int,
) -> Float[Tensor, "K D"]:
    """Mean of each cluster; where there is none, one of the farthest rows."""
    # float64: on a GPU the order of a sum is chance, and rounding hides it
    total = x.new_zeros(num, x.shape[1], dtype=torch.float64)
    total.index_add_(0, labels, x.double())
    count = cluster_sizes(labels, num)
    mean = (total / count.clamp(min=1).unsqueeze(-1)).to(x.dtype)
    far = distance.topk(num).indices
    empty = count == 0
    spare = x[far[(empty.cumsum(0) - 1).clamp(min=0)]]
    return torch.where(empty.unsqueeze(-1), spare, mean)
