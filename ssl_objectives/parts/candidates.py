"""Positives and negatives: from the other view, both views, a queue, a memory bank."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from ssl_objectives.objective import Views
from ssl_objectives.parts.critics import at_least_float32, unit
from ssl_objectives.parts.step_counter import StepCounter


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

    def refresh(
        self, rows: Iterable[tuple[Int64[Tensor, "_"], Float[Tensor, "_ D"]]]
    ) -> None:
        """Sweep over the data, see `Objective.refresh`."""


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


class Queue(CandidateSource):
    """The targets of the past as negatives: MoCo's queue (arXiv 1911.05722).

    Row n's positive is its own target in the other view; its negatives are the rows of
    the queue, first in, first out, and nothing else of the batch. The queue begins with
    random unit rows, as in the official code, and is shared by all groups.

    After each step the targets of the first view that has some enter, one per row, so
    that no row of the data is there twice for one step. Entries are kept as they came;
    normalising them is the critic's work. The place of a row that is not valid keeps
    what it had. Any number of rows fits: of more than `length`, the last enter.

    Args:
        length: entries.
        size: D, numbers in a target.
        seed: of the first entries.

    Raises:
        ValueError: the queue would have no entries.
    """

    rows: Float[Tensor, "L D"]

    def __init__(self, length: int, size: int, seed: int = 0) -> None:
        super().__init__()
        _require(length, "a queue's length")
        self.register_buffer("rows", _random_units(length, size, seed=seed))
        self.next = 0

    def forward(self, views: Views, query: int, target: int) -> Candidates:
        """N targets of the batch, of which each query sees its own; then the queue."""
        key = _target(views, target)
        own = _own(views, key)
        length, size = self.rows.shape
        past = self.rows.expand(*key.shape[:-2], length, size)
        seen = own.new_ones(1).expand(*key.shape[:-1], length)
        return Candidates(
            torch.cat(
                [at_least_float32(key), past.to(at_least_float32(key).dtype)], -2
            ),
            torch.cat([own, ~seen], -1),
            torch.cat([own, seen], -1),
        )

    @torch.no_grad()
    def observe(self, views: Views) -> None:
        """Let the targets of this step in, and as many of the oldest out."""
        length = len(self.rows)
        new = first_target(views).flatten(0, -2)[-length:].to(self.rows.dtype)
        place = torch.arange(self.next, self.next + len(new), device=new.device)
        place = place % length
        if views.valid is not None:
            valid = views.valid.flatten()[-length:]
            new = torch.where(valid.unsqueeze(-1), new, self.rows[place])
        self.rows[place] = new
        self.next = (self.next + len(new)) % length

    def get_extra_state(self) -> dict[str, int]:
        """Where the next entry goes."""
        return {"next": self.next}

    def set_extra_state(self, state: dict[str, int]) -> None:
        """Go on from there."""
        self.next = int(state["next"])


class Bank(CandidateSource):
    """A memory bank: one unit row per row of the data, for each view if views differ.

    Row n's positive is its own entry, found by its id; the others are negatives. After
    each step `M_i ← normalize(m M_i + (1 - m) t_i)` with the target t of that row
    (of view v where there is a memory per view, else of the first view with a target).
    Entries begin as random unit rows. Rows of images only: `views.row` is `[N]`.

    Deviation: with `sample`, the official codes of IR and CMC draw negatives for each
    query; here one draw serves all queries of a step. A row drawn for itself is left
    out by its id, where the official codes keep it as a false negative.

    Args:
        num_rows: of the data set.
        size: D, numbers in a row.
        momentum: m, what an entry keeps of itself in an update; 0 overwrites it.
        num_views: memories; 1 serves all views.
        sample: entries drawn as candidates per step, with replacement; None: all.
        seed: of the first entries and of the draws.

    Raises:
        ValueError: it would have no rows or draw none, or m is not in [0, 1).
    """

    rows: Float[Tensor, "V R D"]

    def __init__(
        self,
        num_rows: int,
        size: int,
        momentum: float = 0.5,
        num_views: int = 1,
        sample: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if num_rows < 1:
            raise ValueError(
                "a bank remembers every row of the data set, whose number is not known "
                "here; build it with Sizes(rows=...)"
            )
        if sample is not None:
            _require(sample, "the number of candidates drawn")
        if not 0 <= momentum < 1:
            raise ValueError(f"a bank's momentum must be in [0, 1), not {momentum}")
        self.momentum, self.sample = momentum, sample
        self.register_buffer(
            "rows", _random_units(num_views, num_rows, size, seed=seed)
        )
        self.counter = StepCounter(seed)

    def forward(self, views: Views, query: int, target: int) -> Candidates:
        """Entries of view `target`: all of them, or each row's own and those drawn."""
        row, prediction = row_ids(views), views.p[query]
        assert prediction is not None
        memory = self.rows[target if len(self.rows) > 1 else 0]
        memory = memory.to(at_least_float32(prediction[:0]).dtype)
        if self.sample is None:
            ids = torch.arange(len(memory), device=row.device)
            positive = ids == row.unsqueeze(-1)
            return Candidates(memory, positive, torch.ones_like(positive), ids)
        ids = self.drawn(row.device)
        other = ids != row.unsqueeze(-1)
        own = torch.eye(len(row), dtype=torch.bool, device=row.device)
        return Candidates(
            torch.cat([memory[row], memory[ids]]),
            torch.cat([own, torch.zeros_like(other)], -1),
            torch.cat([own, other], -1),
            torch.cat([row, ids]),
        )

    def drawn(self, device: torch.device) -> Int64[Tensor, "K"]:
        """The ids that this step draws: the same ones until `observe`."""
        assert self.sample is not None, "this bank does not draw: all rows take part"
        generator = self.counter.generator(device)
        num_rows, size = self.rows.shape[1], (self.sample,)
        return torch.randint(num_rows, size, generator=generator, device=device)

    @torch.no_grad()
    def observe(self, views: Views) -> None:
        """Move the entries of this step's valid rows."""
        assert views.row is not None, "a bank needs row ids"
        each = [views.t[v] for v in range(len(self.rows))]
        if len(self.rows) == 1:
            each = [first_target(views)]
        for v, target in enumerate(each):
            assert target is not None, f"view {v} has no target"
            row, new = views.row, unit(target).to(self.rows.dtype)
            if views.valid is not None:
                row, new = row[views.valid], new[views.valid]
            mixed = self.momentum * self.rows[v][row] + (1 - self.momentum) * new
            self.put(row, mixed, v)
        self.counter.advance()

    @torch.no_grad()
    def put(
        self, row: Int64[Tensor, "N"], rows: Float[Tensor, "N D"], view: int = 0
    ) -> None:
        """Overwrite entries; they are normalised here."""
        self.rows[view, row] = unit(rows).to(self.rows.dtype)


def _require(number: int, what: str) -> None:
    if number < 1:
        raise ValueError(f"{what} must be at least 1, not {number}")


def _random_units(*shape: int, seed: int) -> Float[Tensor, "*batch D"]:
    """Random rows of length 1, the same for equal seeds."""
    return unit(torch.randn(shape, generator=torch.Generator().manual_seed(seed)))


def first_target(views: Views) -> Float[Tensor, "*G N D"]:
    """The targets of the first view that has some."""
    found = next((x for x in views.t if x is not None), None)
    assert found is not None, "no view has a target"
    return found


def row_ids(views: Views) -> Int64[Tensor, "N"]:
    """Ids of the rows; 0 for rows that do not count, whatever stands there."""
    assert views.row is not None, "a bank needs row ids"
    return views.row if views.valid is None else views.row.where(views.valid, 0)


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
