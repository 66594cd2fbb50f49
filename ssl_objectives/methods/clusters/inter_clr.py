"""InterCLR: other images of the same cluster as positives."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from ssl_objectives.methods.contrast.info_nce import Contrast, Coupled, SoftmaxLoss
from ssl_objectives.methods.memory.moco import MoCoConfig
from ssl_objectives.methods.weighted import Weighted
from ssl_objectives.objective import Needs, Sizes, TargetKind, Views
from ssl_objectives.parts.assignment import SameCluster, collected
from ssl_objectives.parts.candidates import (
    Bank,
    Candidates,
    CandidateSource,
    first_target,
    row_ids,
)
from ssl_objectives.parts.critics import Cosine, checked_temperature, unit
from ssl_objectives.parts.filters import CandidateFilter, Ring, Sample
from ssl_objectives.parts.kmeans import cluster_sizes, nearest
from ssl_objectives.parts.step_counter import StepCounter

FAR = 100.0  # in each coordinate; rows have length 1


class Margin(SoftmaxLoss):
    """Another loss, with a margin taken off the scores of positives.

    Args:
        loss: what is done with the scores then.
        margin: of the logits; below 0 makes it easier to be right.
    """

    def __init__(self, loss: SoftmaxLoss, margin: float) -> None:
        self.loss, self.margin = loss, margin

    def __call__(
        self,
        logits: Float[Tensor, "*G N M"],
        candidates: Candidates,
        valid: Bool[Tensor, "*G N"] | None = None,
    ) -> Float[Tensor, "*G N"]:
        """The other loss's loss."""
        moved = torch.where(candidates.positive, logits - self.margin, logits)
        return self.loss(moved, candidates, valid)


class SweptBank(CandidateSource):
    """A bank of all rows that every sweep over the data overwrites.

    Args:
        bank: with one memory.
    """

    def __init__(self, bank: Bank) -> None:
        super().__init__()
        self.bank = bank

    def forward(self, views: Views, query: int, target: int) -> Candidates:
        """Those of the bank."""
        found: Candidates = self.bank(views, query, target)
        return found

    def observe(self, views: Views) -> None:
        """Let the bank observe."""
        self.bank.observe(views)

    def refresh(
        self, rows: Iterable[tuple[Int64[Tensor, "_"], Float[Tensor, "_ D"]]]
    ) -> None:
        """Remember what the sweep saw."""
        for ids, latents in rows:
            self.bank.put(ids.to(self.bank.rows.device), latents)


class ClusterMate(CandidateFilter):
    """One random row of the query's cluster is right, the others of it do not count.

    Clusters are those of `SameCluster`; in between two sweeps, rows that are seen move
    to the nearest centroid. The mate is drawn per query and step, and may be the row
    itself. Where all candidates are of the query's cluster there are no negatives, and
    nothing is learned.

    Args:
        num_rows: of the data set.
        size: D, numbers in a row.
        num_clusters: K.
        seed: of the draws.
    """

    centroids: Float[Tensor, "K D"]

    def __init__(
        self, num_rows: int, size: int, num_clusters: int, seed: int = 0
    ) -> None:
        super().__init__()
        self.clusters = SameCluster(num_rows, (num_clusters,))
        self.register_buffer("centroids", torch.zeros(num_clusters, size))
        self.counter = StepCounter(seed)
        self.clustered = False

    def forward(
        self, logits: Float[Tensor, "N M"], candidates: Candidates, views: Views
    ) -> Candidates:
        """A positive of the same label, negatives of others."""
        same = self.clusters(logits, candidates, views).positive
        row, ids, device = row_ids(views), candidates.row, logits.device
        assert ids is not None, "candidates need row ids"
        generator = self.counter.generator(device)
        shape = (2, self.clusters.labels.shape[-1])
        draw = torch.rand(shape, generator=generator, device=device)
        # evenly over the mates, for each query another, wherever in the batch it is
        priority = (draw[0][row].unsqueeze(-1) + draw[1][ids]) % 1
        mate = priority.masked_fill(~same, -1.0).argmax(-1, keepdim=True)
        positive = torch.zeros_like(same).scatter(-1, mate, True)
        keep = positive | (candidates.keep & ~same)
        return candidates._replace(positive=positive, keep=keep)

    @torch.no_grad()
    def observe(self, views: Views) -> None:
        """Move the rows of this step to their nearest clusters."""
        self.counter.advance()
        if not self.clustered:
            return
        row, latents = views.row, unit(first_target(views))
        assert row is not None, "clusters need row ids"
        if views.valid is not None:
            row, latents = row[views.valid], latents[views.valid]
        label, _ = nearest(latents.to(self.centroids.dtype), self.centroids)
        self.clusters.labels[0, row] = label

    @torch.no_grad()
    def refresh(
        self, rows: Iterable[tuple[Int64[Tensor, "_"], Float[Tensor, "_ D"]]]
    ) -> None:
        """Cluster all rows anew."""
        kept = list(rows)
        self.clusters.refresh(kept)
        ids, latents = collected(kept)
        label = self.clusters.labels[0, ids]
        number = cluster_sizes(label, len(self.centroids))
        total = torch.zeros_like(self.centroids)
        total.index_add_(0, label, unit(latents).to(total.dtype))
        mean = total / number.clamp(min=1).unsqueeze(-1)
        # nobody shall be near the centroid of a cluster without rows
        self.centroids.copy_(mean.masked_fill((number == 0).unsqueeze(-1), FAR))
        self.clustered = True

    def get_extra_state(self) -> dict[str, Any]:
        """Whether there are clusters yet."""
        return {"clustered": self.clustered}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.clustered = bool(state["clustered"])


@dataclass(frozen=True)
class InterClrConfig:
    """InterCLR: MoCo, and besides it images of the same cluster as positives.

    arXiv 2008.11702: `(1 - w) l_MoCo + w l_inter`. In l_inter the positive is a random
    row, with the query's label, of a memory of all target projections; negatives are
    semi-hard, that is drawn from the most similar tenth of what has other labels; and
    the positive's cosine counts `margin` less, below 0: a looser boundary. Both
    directions of a pair count, the official loss is one of them.

    Deviations: centroids are those of k-means at each sweep (the official code moves
    them every ten steps, dissolves small clusters and splits the largest); labels do
    follow the rows seen, as there. One random order of the memory serves all queries of
    a step (there, each draws for itself). A row whose cluster fills the memory has no
    negatives and learns nothing from l_inter (there, the search for one never ends).
    """

    temperature: float = 0.2
    """τ of the cosine, in both terms"""
    queue: int = 4096
    """keys of the past, for MoCo's term (the paper: 65536)"""
    weight: float = 0.25
    """w, share of the term between images"""
    clusters: int = 1000
    """K of k-means, at most as many as there are images (the paper: 10,000)"""
    margin: float = -0.5
    """taken off the positive's cosine"""
    hard: float = 0.1
    """share of the memory, the most similar, from which negatives are drawn"""
    negatives: int = 16384
    """how many are drawn"""

    def __post_init__(self) -> None:
        checked_temperature(self.temperature)
        if not 0 <= self.weight <= 1:
            raise ValueError(f"weight must be in [0, 1], not {self.weight}")
        if self.clusters < 1:
            raise ValueError(f"clusters must be at least 1, not {self.clusters}")

    def build(self, sizes: Sizes) -> Weighted:
        """Build it for `sizes.rows` images.

        Raises:
            ValueError: the number of images is not known.
        """
        bank = Bank(sizes.rows, sizes.latent, momentum=0.0)
        clusters = min(self.clusters, sizes.rows)
        inter = Contrast(
            Cosine(self.temperature),
            SweptBank(bank),
            Margin(Coupled(), self.margin / self.temperature),
            [
                ClusterMate(sizes.rows, sizes.latent, clusters),
                Ring(0.0, self.hard),
                Sample(self.negatives),
            ],
            Needs(target=TargetKind.EMA, rows=True, sweep=True),
        )
        intra = MoCoConfig(self.temperature, self.queue).build(sizes)
        return Weighted([(self.weight, inter), (1 - self.weight, intra)])
