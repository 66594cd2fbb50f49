"""Filters: which candidates take part, and which of them are right."""

from abc import ABC, abstractmethod
from collections.abc import Iterable

from jaxtyping import Float, Int64
from torch import Tensor, nn

from ssl_objectives.objective import Views
from ssl_objectives.parts.candidates import Candidates


class CandidateFilter(nn.Module, ABC):
    """Narrows candidates down, or says anew which are right. Positives are kept."""

    @abstractmethod
    def forward(
        self, logits: Float[Tensor, "*G N M"], candidates: Candidates, views: Views
    ) -> Candidates:
        """The candidates with other masks; no gradient flows through a choice."""

    def observe(self, views: Views) -> None:
        """Take in what was seen; called after each gradient step."""

    def refresh(
        self, rows: Iterable[tuple[Int64[Tensor, "_"], Float[Tensor, "_ D"]]]
    ) -> None:
        """Sweep over the data, see `Objective.refresh`."""
