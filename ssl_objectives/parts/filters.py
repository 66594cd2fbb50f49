"""Filters of negatives: nearest k, a ring (hard negatives), a random sample."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from ssl_objectives.objective import Views
from ssl_objectives.parts.annealing import Annealing
from ssl_objectives.parts.candidates import Candidates
from ssl_objectives.parts.step_counter import StepCounter


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


class TopK(CandidateFilter):
    """The k negatives that score best for each query: its nearest neighbours.

    Args:
        k: negatives; a query with fewer keeps what it has.

    Raises:
        ValueError: k is below 1.
    """

    def __init__(self, k: int) -> None:
        super().__init__()
        self.k = _at_least_one(k, "neighbours")

    def forward(
        self, logits: Float[Tensor, "*G N M"], candidates: Candidates, views: Views
    ) -> Candidates:
        """Positives, and the k best negatives."""
        return _best(logits, candidates, self.k)


class Ring(CandidateFilter):
    """Negatives within a band of similarity (arXiv 2010.02037, 2005.13149).

    Of n negatives, sorted by their score for the query, those of rank
    `⌊lower n⌋ … ⌈upper n⌉ - 1` take part, the best having rank 0: at least one. With
    `lower = 0` the ring is a ball, with `upper = 1` besides it is no filter at all. The
    positive stays in the denominator, without which there is no bound on information.

    With `annealing` the outer edge shrinks from 1 to `upper`. With `dynamic_inner` the
    inner edge is a share of the outer one, `lower · upper`, and moves with it.

    Official code differs: its switches for `dynamic_inner` and the positive cannot be
    turned off, its ball is a share of the batch instead of the bank, and it anneals by
    a key that its configuration does not have. Here it is as the papers have it. Left
    out is the variant whose numerator sums over the inner ball.

    Args:
        lower: inner edge, in [0, 1).
        upper: outer edge at last, in (lower, 1]; (0, 1] with `dynamic_inner`.
        dynamic_inner: whether `lower` is a share of the outer edge.
        annealing: of the outer edge; None: it is `upper` from the start.
        num_steps: gradient steps of the whole run, for annealing.

    Raises:
        ValueError: the edges are no band, or there is annealing without a run's length.
    """

    def __init__(
        self,
        lower: float,
        upper: float,
        dynamic_inner: bool = False,
        annealing: Annealing | None = None,
        num_steps: int = 0,
    ) -> None:
        super().__init__()
        if not 0 <= lower < 1 or not 0 < upper <= 1:
            raise ValueError(f"edges of a ring are in [0, 1], not {lower} and {upper}")
        if not dynamic_inner and lower >= upper:
            raise ValueError(f"the ring from {lower} to {upper} is empty")
        if annealing is not None and num_steps < 1:
            raise ValueError("an annealed ring needs the number of steps of the run")
        self.lower, self.upper, self.dynamic_inner = lower, upper, dynamic_inner
        self.annealing, self.num_steps = annealing, num_steps
        self.counter = StepCounter()

    @property
    def edges(self) -> tuple[float, float]:
        """Inner and outer edge at this step, as shares of the negatives."""
        outer = self.upper
        if self.annealing is not None:
            done = self.counter.progress(self.num_steps)
            outer = self.annealing.at(done, self.upper)
        return (self.lower * outer if self.dynamic_inner else self.lower), outer

    def forward(
        self, logits: Float[Tensor, "*G N M"], candidates: Candidates, views: Views
    ) -> Candidates:
        """Positives, and the negatives of the ring."""
        lower, upper = self.edges
        if (lower, upper) == (0.0, 1.0):
            return candidates
        number = (candidates.keep & ~candidates.positive).sum(-1, keepdim=True)
        # 0.07 * 100 is a little more than 7, and shall be 7
        first = (lower * number.double() + 1e-6).floor()
        last = (upper * number.double() - 1e-6).ceil()
        widest = math.ceil(upper * logits.shape[-1])
        return _best(logits, candidates, widest, first, last)

    def observe(self, views: Views) -> None:
        """Another step is done."""
        self.counter.advance()


class Sample(CandidateFilter):
    """k of the negatives at random, without replacement; drawn anew every step.

    Every candidate gets a random priority, the same for all queries; a query keeps the
    k of its negatives with the highest. Candidates are told apart by their place, so
    this is for sources whose places mean something: a bank or a queue. (Among rows of a
    batch the choice would depend on their order.)

    Args:
        k: negatives; a query with fewer keeps what it has.
        seed: of the priorities.

    Raises:
        ValueError: k is below 1.
    """

    def __init__(self, k: int, seed: int = 0) -> None:
        super().__init__()
        self.k = _at_least_one(k, "negatives")
        self.counter = StepCounter(seed)

    def forward(
        self, logits: Float[Tensor, "*G N M"], candidates: Candidates, views: Views
    ) -> Candidates:
        """Positives, and k other candidates."""
        device = logits.device
        generator = self.counter.generator(device, stream=1)
        priority = torch.rand(logits.shape[-1], generator=generator, device=device)
        return _best(priority.expand(logits.shape), candidates, self.k)

    def observe(self, views: Views) -> None:
        """Draw others from now on."""
        self.counter.advance()


def _best(
    scores: Float[Tensor, "*G N M"],
    candidates: Candidates,
    most: int,
    first: Float[Tensor, "*G N 1"] | int = 0,
    last: Float[Tensor, "*G N 1"] | None = None,
) -> Candidates:
    """Only negatives of rank `first … last - 1` by score, and below `most`."""
    negative = candidates.keep & ~candidates.positive
    masked = scores.detach().masked_fill(~negative, -torch.inf)
    order = masked.topk(min(most, scores.shape[-1]), dim=-1).indices
    rank = torch.arange(order.shape[-1], device=order.device).expand(order.shape)
    inside = rank >= first
    if last is not None:
        inside = inside & (rank < last)
    chosen = torch.zeros_like(negative).scatter(-1, order, inside)
    return candidates._replace(keep=candidates.positive | (chosen & negative))


def _at_least_one(number: int, what: str) -> int:
    if number < 1:
        raise ValueError(f"at least 1 of the {what} must be kept, not {number}")
    return number
