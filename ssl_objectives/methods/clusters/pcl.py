"""PCL: MoCo, and the same with cluster centres as candidates."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from ssl_objectives.methods.memory.moco import MoCoConfig
from ssl_objectives.methods.weighted import Weighted
from ssl_objectives.objective import Loss, Needs, Objective, Sizes, Views
from ssl_objectives.parts.assignment import collected
from ssl_objectives.parts.candidates import row_ids
from ssl_objectives.parts.constants import constant
from ssl_objectives.parts.critics import checked_temperature, unit
from ssl_objectives.parts.kmeans import cluster_sizes, kmeans


class ProtoNce(Objective):
    """The prototype term of PCL (arXiv 2005.04966): find a row's own cluster centre.

    `mean_granularities -log e^{q·c_s/φ_s} / Σ_j e^{q·c_j/φ_j}`, c the centres of the
    last sweep on the unit sphere, s the row's own, φ their `concentrations`. Summed
    over pairs of views, by their queries. Rows that no sweep has seen yet have loss 0.

    Deviations: all other centres are negatives, where the official code draws 16384;
    it also puts the batch's own centres into a list, so that a centre which two rows
    share is right and wrong at once, and here every centre is there once. k-means
    begins once instead of five times.

    Args:
        num_rows: of the data set.
        size: D, numbers in a row.
        clusters: K of each granularity; at most one per row.
        temperature: τ, the mean of φ.
        iterations: of k-means.

    Raises:
        ValueError: there are no rows or no clusters, or τ is not positive.
    """

    needs = Needs(views=(1, None), rows=True, sweep=True)
    labels: Int64[Tensor, "C R"]
    centre: Float[Tensor, "K D"]
    concentration: Float[Tensor, "K"]

    def __init__(
        self,
        num_rows: int,
        size: int,
        clusters: Sequence[int],
        temperature: float = 0.2,
        iterations: int = 20,
    ) -> None:
        super().__init__()
        if num_rows < 1 or not clusters or min(clusters) < 1:
            raise ValueError(
                f"prototypes {tuple(clusters)} of {num_rows} rows: all of these "
                "numbers must be at least 1"
            )
        self.temperature = checked_temperature(temperature)
        self.clusters = [min(x, num_rows) for x in clusters]
        self.iterations = iterations
        num = sum(self.clusters)
        unseen = torch.full((len(self.clusters), num_rows), -1)
        self.register_buffer("labels", unseen)
        self.register_buffer("centre", torch.zeros(num, size))
        self.register_buffer("concentration", torch.full((num,), self.temperature))

    def forward(self, views: Views) -> Loss:
        """Sum over pairs, mean over granularities."""
        label = self.labels[:, row_ids(views)]
        each = [self._find(views, i, label) for i, _ in views.pairs]
        total = torch.stack(each).sum(0)
        if views.valid is not None:
            total = total.masked_fill(~views.valid, 0.0)
        return Loss(total, total.new_zeros(()))

    @torch.no_grad()
    def refresh(
        self, rows: Iterable[tuple[Int64[Tensor, "_"], Float[Tensor, "_ D"]]]
    ) -> None:
        """Cluster at all granularities, with the same seeds each time.

        Raises:
            ValueError: there are fewer rows than clusters.
        """
        ids, data = collected(rows)
        data = unit(data)
        centres = self.centre.split(self.clusters)
        spreads = self.concentration.split(self.clusters)
        self.labels.fill_(-1)
        for g, number in enumerate(self.clusters):
            generator = torch.Generator(data.device).manual_seed(g)
            mean, label = kmeans(data, number, generator, self.iterations)
            distance = (data - mean[label]).norm(dim=-1)
            phi = concentrations(distance, label, number, self.temperature)
            spreads[g].copy_(phi)
            centres[g].copy_(unit(mean))
            self.labels[g, ids] = label

    def _find(
        self, views: Views, view: int, label: Int64[Tensor, "C N"]
    ) -> Float[Tensor, "N"]:
        query = views.p[view]
        assert query is not None
        logits = unit(query) @ self.centre.T / self.concentration
        each = [
            torch.nn.functional.cross_entropy(
                part, label[g], ignore_index=-1, reduction="none"
            )
            for g, part in enumerate(logits.split(self.clusters, -1))
        ]
        return torch.stack(each).mean(0)


def concentrations(
    distance: Float[Tensor, "N"],
    labels: Int64[Tensor, "N"],
    num_clusters: int,
    temperature: float,
) -> Float[Tensor, "K"]:
    """PCL's φ: how wide each cluster is, with the temperature for mean.

    `d_c = mean distance to the centre / log(n_c + 10)`; clusters of fewer than two rows
    get the largest; clipped to the 10th to 90th percentile; `φ = τ d / mean d`. Where
    all distances are 0, φ = τ. Deviation: no φ is below τ/10, since clusters of equal
    rows (repeated images) would have a φ of 0, by which scores are divided.
    """
    total = torch.zeros(num_clusters, dtype=torch.float64, device=distance.device)
    total.index_add_(0, labels, distance.double())
    count = cluster_sizes(labels, num_clusters)
    width = total / count.clamp(min=1) / (count + 10.0).log()
    width = torch.where(count > 1, width, width.where(count > 1, 0.0).max())
    ends = constant((0.1, 0.9), width.device, width.dtype)
    low, high = torch.quantile(width, ends)
    width = width.clamp(low, high)
    phi = temperature * (width / width.mean()).clamp(min=0.1)
    return phi.where(width.mean() > 0, temperature).to(distance.dtype)


@dataclass(frozen=True)
class PclConfig:
    """PCL: MoCo, and the centre of the own cluster found among all centres.

    arXiv 2005.04966: MoCo's InfoNCE plus `ProtoNce`, both summed over pairs of views;
    the official loss has one direction: half of it, or all of it with views of which
    only one is a target. Until the first sweep MoCo alone, for some 20 epochs in the
    official recipe.
    """

    temperature: float = 0.2
    """τ of MoCo, and mean of the prototypes' φ"""
    queue: int = 16384
    """keys of the past; choose fewer than there are images"""
    clusters: tuple[int, ...] = (128, 256, 512)
    """prototypes of each granularity, at most one per image; ImageNet: up to 100000"""

    def __post_init__(self) -> None:
        checked_temperature(self.temperature)

    def build(self, sizes: Sizes) -> Weighted:
        """Build it for `sizes.rows` images.

        Raises:
            ValueError: the number of images is not known.
        """
        moco = MoCoConfig(self.temperature, self.queue).build(sizes)
        prototypes = ProtoNce(sizes.rows, sizes.latent, self.clusters, self.temperature)
        return Weighted([(1.0, moco), (1.0, prototypes)])
