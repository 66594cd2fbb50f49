"""Local Label Propagation (semi-supervised): a few labels spread over all rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from ssl_objectives.methods.contrast.info_nce import Contrast
from ssl_objectives.objective import Loss, Needs, Objective, Sizes, Views
from ssl_objectives.parts.assignment import PropagatedLabel
from ssl_objectives.parts.candidates import Bank
from ssl_objectives.parts.critics import Cosine, at_least_float32, checked_temperature


class LabelPropagation(Objective):
    """LLP (arXiv 1905.11581), semi-supervised: `conf_n (aggregation_n + CE_n)`.

    `aggregation = -log Σ_{same label} e^{q·M_k/τ} / Σ_all e^{q·M_k/τ}` over a memory M
    of all rows; CE is that of a linear category head on the encoder's output. Label and
    confidence are given, or propagated by the last sweep (`propagate_labels`). Until
    then a row without label is a class of its own with confidence 1 and no CE: instance
    discrimination. Summed over views if there are two.

    Deviations: the official code takes the category head's guesses for labels and never
    calls its propagation, so that densities have no effect; this is the paper's. It
    happens for all rows at once in a sweep, where the paper propagates to the batch in
    each step. Labels count from when their row was first seen in training.

    Args:
        contrast: the aggregation; its one filter knows and spreads labels.
        rep: R, numbers in the encoder's output.

    Raises:
        ValueError: the encoder's output has no size.
    """

    needs = Needs(
        views=(1, 2), rows=True, sweep=True, rep=True, extra=frozenset({"label"})
    )

    def __init__(self, contrast: Contrast, rep: int) -> None:
        super().__init__()
        if rep < 1:
            raise ValueError("the category head needs the size of the encoder's output")
        self.contrast = contrast
        self.head = nn.Linear(rep, self.labels.num_classes)

    @property
    def labels(self) -> PropagatedLabel:
        """Which labels are known, and what was propagated."""
        return cast(PropagatedLabel, self.contrast.filters[0])

    def forward(self, views: Views) -> Loss:
        """Metrics: `llp/labelled`, share of rows with a class; `llp/confidence`."""
        near = self.contrast(views)
        assert near.per_sample is not None
        label, confidence = self.labels.own(views)
        # rows without class yet have a number below 0 here
        label = (label - self.labels.num_rows).clamp(min=-1)
        each = [self._classify(views, i, label) for i, _ in views.pairs]
        total = confidence * (near.per_sample + torch.stack(each).sum(0))
        weight = torch.ones_like(confidence)
        if views.valid is not None:
            total = total.masked_fill(~views.valid, 0.0)
            weight = views.valid.to(confidence.dtype)
        count = weight.sum().clamp(min=1)
        metrics = {
            "llp/labelled": ((label >= 0) * weight).sum() / count,
            "llp/confidence": (confidence * weight).sum() / count,
        }
        return Loss(total, near.regularizer, {**near.metrics, **metrics})

    def observe(self, views: Views) -> None:
        """Update the memory, and learn which labels are known."""
        self.contrast.observe(views)

    def refresh(
        self, rows: Iterable[tuple[Int64[Tensor, "_"], Float[Tensor, "_ D"]]]
    ) -> None:
        """Propagate labels."""
        self.contrast.refresh(rows)

    def _classify(
        self, views: Views, view: int, label: Int64[Tensor, "N"]
    ) -> Float[Tensor, "N"]:
        rep = views.rep[view]
        assert rep is not None
        logits = self.head(at_least_float32(rep))
        loss: Tensor = nn.functional.cross_entropy(
            logits, label, ignore_index=-1, reduction="none"
        )
        return loss


@dataclass(frozen=True)
class LabelPropagationConfig:
    """LLP: a few labels spread over nearest neighbours while learning."""

    temperature: float = 0.07
    """τ of the cosine, also of votes and densities"""
    momentum: float = 0.5
    """what an entry of the memory keeps of itself in an update"""
    neighbors: int = 10
    """labelled rows that vote for a row's label"""
    density_neighbors: int = 50
    """rows that make up a labelled row's local density"""

    def __post_init__(self) -> None:
        checked_temperature(self.temperature)
        if self.neighbors < 1 or self.density_neighbors < 1:
            raise ValueError(
                "labels need at least 1 neighbour to spread, and a density"
            )

    def build(self, sizes: Sizes) -> LabelPropagation:
        """Build it for `sizes.rows` images of `sizes.classes` classes.

        Raises:
            ValueError: the number of images or classes is not known.
        """
        labels = PropagatedLabel(
            sizes.rows,
            sizes.classes,
            self.neighbors,
            self.density_neighbors,
            self.temperature,
        )
        contrast = Contrast(
            Cosine(self.temperature),
            Bank(sizes.rows, sizes.latent, self.momentum),
            filters=(labels,),
            needs=Needs(views=(1, 2), rows=True, extra=frozenset({"label"})),
        )
        return LabelPropagation(contrast, sizes.rep)
