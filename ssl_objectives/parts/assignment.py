"""Positives by cluster or pseudo-label, as found in sweeps over the data."""

from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from ssl_objectives.objective import Views
from ssl_objectives.parts.candidates import Candidates, row_ids
from ssl_objectives.parts.critics import unit
from ssl_objectives.parts.filters import CandidateFilter
from ssl_objectives.parts.kmeans import kmeans
from ssl_objectives.parts.label_spreading import propagate_labels


class SameCluster(CandidateFilter):
    """Positives are what shares a cluster with the row in any of R clusterings.

    Until the first sweep every row is a cluster of its own. A sweep clusters the rows
    it is given, on the unit sphere and with the same seeds each time; rows that it was
    not given are alone again, since the numbers of clusters change their meaning. Only
    candidates that still take part can become right, so that `TopK` before this filter
    gives Local Aggregation's `C ∩ B`.

    Args:
        num_rows: of the data set.
        clusters: how many of them, for each clustering; of fewer rows, one per row.
        iterations: of k-means.
        seed: of the first clustering; the others count on.

    Raises:
        ValueError: there are no rows or no clusters.
    """

    labels: Int64[Tensor, "C R"]

    def __init__(
        self,
        num_rows: int,
        clusters: Sequence[int],
        iterations: int = 20,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if num_rows < 1 or not clusters or min(clusters) < 1:
            raise ValueError(
                f"clusterings {tuple(clusters)} of {num_rows} rows: all of these "
                "numbers must be at least 1"
            )
        self.clusters, self.iterations, self.seed = tuple(clusters), iterations, seed
        alone = torch.arange(num_rows).repeat(len(self.clusters), 1)
        self.register_buffer("labels", alone)

    def forward(
        self,
        logits: Float[Tensor, "N M"],
        candidates: Candidates,
        views: Views,
    ) -> Candidates:
        """Candidates of the same cluster become right."""
        key = _key_ids(candidates)
        mine, theirs = self.labels[:, row_ids(views)], self.labels[:, key.clamp(min=0)]
        same = torch.zeros_like(candidates.keep)
        for r in range(len(self.labels)):
            same |= mine[r].unsqueeze(-1) == theirs[r]
        return _with(candidates, same & (key >= 0))

    @torch.no_grad()
    def refresh(
        self, rows: Iterable[tuple[Int64[Tensor, "_"], Float[Tensor, "_ D"]]]
    ) -> None:
        """Cluster the rows anew."""
        ids, data = collected(rows)
        data = unit(data)
        beyond = max(self.clusters)
        for r, clusters in enumerate(self.clusters):
            generator = torch.Generator(data.device).manual_seed(self.seed + r)
            number = min(clusters, len(data))
            found = kmeans(data, number, generator, self.iterations)[1]
            alone = torch.arange(self.labels.shape[1], device=data.device)
            self.labels[r] = beyond + alone
            self.labels[r, ids] = found


class PropagatedLabel(CandidateFilter):
    """Positives have the row's class, known or propagated (LLP, arXiv 1905.11581).

    Until the first sweep a row without label is a class of its own: its id. Classes are
    numbered from `num_rows`, so that ids and classes are never equal. Which labels are
    known is learned in `observe`, row by row, from `extra["label"]`; a sweep spreads
    those known by then (`propagate_labels`) over the rows it is given.

    Args:
        num_rows: of the data set.
        num_classes: of the labels.
        neighbors: labelled rows that vote.
        density_neighbors: rows that make up a local density.
        temperature: τ of votes and densities.

    Raises:
        ValueError: there are no rows or no classes.
    """

    known: Int64[Tensor, "R"]
    labels: Int64[Tensor, "R"]
    confidence: Float[Tensor, "R"]

    def __init__(
        self,
        num_rows: int,
        num_classes: int,
        neighbors: int = 10,
        density_neighbors: int = 50,
        temperature: float = 0.07,
    ) -> None:
        super().__init__()
        if num_rows < 1 or num_classes < 1:
            raise ValueError(
                "labels are propagated among the rows of a data set with classes, not "
                f"among {num_rows} rows of {num_classes} classes"
            )
        self.num_rows, self.num_classes = num_rows, num_classes
        self.neighbors, self.density_neighbors = neighbors, density_neighbors
        self.temperature = temperature
        self.register_buffer("known", torch.full((num_rows,), -1))
        self.register_buffer("labels", torch.arange(num_rows))
        self.register_buffer("confidence", torch.ones(num_rows))

    def own(self, views: Views) -> tuple[Int64[Tensor, "N"], Float[Tensor, "N"]]:
        """Label and confidence of each row of the batch; a given label is certain."""
        row, given = row_ids(views), _told(views)
        label = torch.where(given >= 0, self.num_rows + given, self.labels[row])
        return label, self.confidence[row].masked_fill(given >= 0, 1.0)

    def forward(
        self,
        logits: Float[Tensor, "N M"],
        candidates: Candidates,
        views: Views,
    ) -> Candidates:
        """Candidates of the same class become right."""
        key = _key_ids(candidates)
        mine, theirs = self.own(views)[0], self.labels[key.clamp(min=0)]
        return _with(candidates, (mine.unsqueeze(-1) == theirs) & (key >= 0))

    @torch.no_grad()
    def observe(self, views: Views) -> None:
        """Learn which labels are known."""
        given = _told(views)
        row, label = row_ids(views)[given >= 0], given[given >= 0]
        self.known[row] = label
        self.labels[row] = self.num_rows + label
        self.confidence[row] = 1.0

    @torch.no_grad()
    def refresh(
        self, rows: Iterable[tuple[Int64[Tensor, "_"], Float[Tensor, "_ D"]]]
    ) -> None:
        """Spread the known labels; nothing happens as long as there are none."""
        ids, data = collected(rows)
        known = self.known[ids]
        if not bool((known >= 0).any()):
            return
        label, share = propagate_labels(
            data,
            known,
            self.num_classes,
            self.neighbors,
            self.density_neighbors,
            self.temperature,
        )
        self.labels[ids] = self.num_rows + label
        self.confidence[ids] = share.to(self.confidence.dtype)


def collected(
    rows: Iterable[tuple[Int64[Tensor, "_"], Float[Tensor, "_ D"]]],
) -> tuple[Int64[Tensor, "N"], Float[Tensor, "N D"]]:
    """All batches of a sweep as one."""
    ids, data = zip(*rows, strict=True)
    return torch.cat(ids), torch.cat(data)


def _told(views: Views) -> Int64[Tensor, "N"]:
    """Labels that the batch tells; -1 where unknown, and for rows that do not count."""
    label = views.extra["label"]
    return label if views.valid is None else label.where(views.valid, -1)


def _key_ids(candidates: Candidates) -> Int64[Tensor, "M"]:
    assert candidates.row is not None, "the source does not say whose its keys are"
    return candidates.row


def _with(candidates: Candidates, same: Bool[Tensor, "N M"]) -> Candidates:
    """Candidates that take part are right as well where they are the same."""
    positive = candidates.positive | (same & candidates.keep)
    return candidates._replace(positive=positive)
