"""Candidates: what a prediction is told apart from, and which of it is right."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from ssl_objectives.objective import Views


class Candidates(NamedTuple):
    """Keys for the queries of one pair of views.

    Attributes:
        key: M candidates of each group.
        positive: which of them are right; a positive is always kept.
        keep: which of them take part, positives included.
        row: ids of the rows that the keys belong to, -1 where they have none; for
            parts that choose candidates by what they are.
    """

    key: Float[Tensor, "*G M D"]
    positive: Bool[Tensor, "*G N M"]
    keep: Bool[Tensor, "*G N M"]
    row: Int64[Tensor, "*G M"] | None = None


class CandidateSource(nn.Module, ABC):
    """Where the candidates of a pair of views come from."""

    @abstractmethod
    def forward(self, views: Views, query: int, target: int) -> Candidates:
        """Candidates for the predictions of view `query`, to find in view `target`."""

    def observe(self, views: Views) -> None:
        """Take in what was seen; called after each gradient step."""


class OtherView(CandidateSource):
    """All targets of the other view: row n has one positive and N - 1 negatives."""

    def forward(self, views: Views, query: int, target: int) -> Candidates:
        """The targets of view `target`."""
        key = _target(views, target)
        return Candidates(key, _own(views, key), _valid(views, key))


class BothViews(CandidateSource):
    """The targets of both views: one positive and 2 N - 2 negatives.

    From a row's own view all other rows are negatives, never the row itself. Where the
    own view has no target, its predictions stand in (a world model's own imagination).
    """

    def forward(self, views: Views, query: int, target: int) -> Candidates:
        """Targets of the other view, then of the view itself."""
        other = _target(views, target)
        own = views.t[query]
        if own is None:
            own = views.p[query]
        assert own is not None
        same, usable = _own(views, other), _valid(views, other)
        positive = torch.cat([same, torch.zeros_like(same)], -1)
        keep = torch.cat([usable, usable & ~same], -1)
        return Candidates(torch.cat([other, own], -2), positive, keep)


def _target(views: Views, index: int) -> Float[Tensor, "*G N D"]:
    found = views.t[index]
    assert found is not None, f"view {index} has no target"
    return found


def _own(views: Views, rows: Float[Tensor, "*G N D"]) -> Bool[Tensor, "*G N N"]:
    """Each row's own column."""
    eye = torch.eye(rows.shape[-2], dtype=torch.bool, device=rows.device)
    return eye.expand(*rows.shape[:-1], rows.shape[-2])


def _valid(views: Views, rows: Float[Tensor, "*G N D"]) -> Bool[Tensor, "*G N N"]:
    """Rows that count, as columns; a row's own stays, lest its softmax be empty."""
    own = _own(views, rows)
    if views.valid is None:
        return torch.ones_like(own)
    return views.valid.unsqueeze(-2) | own
