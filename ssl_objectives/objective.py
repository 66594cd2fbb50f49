"""The contract of every self-supervised objective.

An objective reads `Views` and returns a `Loss` whose per-sample term is not reduced:
that term over transitions is the raw material of curiosity. Rows are `[*G, N, D]`:
statistics and negatives run over N; the leading axes G are independent problems.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import wraps
from itertools import permutations
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from ssl_objectives.exact import exact


class TargetKind(Enum):
    """Where the targets `Views.t` come from."""

    SHARED = "shared"
    """the same network, with gradient"""
    STOP = "stop"
    """the same network, without gradient"""
    EMA = "ema"
    """a slowly following copy, without gradient"""


class Needs(NamedTuple):
    """What an objective requires; checked once, when the parts are put together."""

    views: tuple[int, int | None] = (2, 2)  # least and most; None: any number
    target: TargetKind = TargetKind.SHARED
    per_sample: bool = True  # whether it has a per-sample term at all
    rows: bool = False  # stable row ids, for memory banks and labels
    sweep: bool = False  # passes over the data set, see `Objective.refresh`
    rep: bool = False  # the encoder's own output, `Views.rep`
    maps: bool = False  # feature maps, `Views.maps`
    aims: bool = False  # the target network's feature maps, `Views.aims`
    masked: bool = False  # the encoder sees the patches of `Objective.visible` alone
    one_batch: bool = False  # all views, of one size, are one batch for batch norm
    extra: frozenset[str] = frozenset()  # names required in `Views.extra`


@dataclass(frozen=True)
class Sizes:
    """What an objective is built for; 0 or None where there is no such thing.

    Attributes:
        latent: D, numbers in a row of z, p and t.
        rep: R, numbers in the encoder's output.
        maps: (F, h, w) of the encoder's feature maps.
        image: (C, H, W) of images.
        rows: of the data set, for memories with an entry per row.
        classes: of the labels, where some are known.
        steps: gradient steps of the whole run, for what follows a schedule.
        ahead: K, problems along the first group axis `G`, for what has weights of its
            own for each: a world model's predictions one, two, … K steps ahead.
        reach: how far two views' params can lie apart, see `ViewMaker.reach`.
        decay: of the target network at the start, for what has a slow copy of its own.
    """

    latent: int
    rep: int = 0
    maps: tuple[int, int, int] | None = None
    image: tuple[int, int, int] | None = None
    rows: int = 0
    classes: int = 0
    steps: int = 0
    ahead: int = 0
    reach: tuple[float, ...] | None = None
    decay: float = 0.99


def given(rows: Float[Tensor, "*G N D"] | None) -> Float[Tensor, "*G N D"]:
    """Rows of a pair, which has its prediction and its target."""
    assert rows is not None, "a pair without prediction or target"
    return rows


@dataclass(frozen=True)
class Views:
    """Projections, predictions and targets: one entry per view, None where it has none.

    Attributes:
        z: projections.
        p: predictions (the projection itself for methods without a predictor).
        t: targets.
        pairs: which prediction is compared with which target, set by the binder: all
            ordered pairs for static images, (prediction, target) for a world model.
        valid: rows that count; the others have no influence and get no gradient.
        valid_z: of z, where z has rows of its own `[*H, M, D]`: a world model sees each
            row once, and predicts it several times. None: as `valid`.
        row: stable row ids.
        rep: the encoder's outputs, before the projector; empty unless asked for.
        maps: feature maps; empty unless asked for.
        aims: the target network's feature maps, of whole images; likewise.
        extra: whatever `Needs.extra` names, rows first. Of images there can be
            `label` `[N]` int64, -1 where unknown; `params` `[N, V, P]`, how views were
            made (`ssl_objectives/views/params.py`); `image` `[*G, N, V, C, H, W]`
            uint8, one for each view with a prediction.
    """

    z: tuple[Float[Tensor, "*H M D"] | None, ...]
    p: tuple[Float[Tensor, "*G N D"] | None, ...]
    t: tuple[Float[Tensor, "*G N D"] | None, ...]
    pairs: tuple[tuple[int, int], ...]
    valid: Bool[Tensor, "*G N"] | None = None
    row: Int64[Tensor, "*G N"] | None = None
    rep: tuple[Float[Tensor, "*G N R"] | None, ...] = ()
    maps: tuple[Float[Tensor, "*G N F h w"] | None, ...] = ()
    extra: Mapping[str, Tensor] = field(default_factory=dict)
    valid_z: Bool[Tensor, "*H M"] | None = None
    aims: tuple[Float[Tensor, "*G N F h w"] | None, ...] = ()

    @property
    def aimed_at(self) -> list[int]:
        """The views that are targets of some pair, in order."""
        return sorted({j for _, j in self.pairs})

    @property
    def seen(self) -> tuple[Float[Tensor, "*H M D"], ...]:
        """The projections that there are; none where rewards are scored."""
        return tuple(z for z in self.z if z is not None)

    @property
    def seen_valid(self) -> Bool[Tensor, "*H M"] | None:
        """Which rows of them count."""
        return self.valid if self.valid_z is None else self.valid_z

    @classmethod
    def of(cls, *projections: Float[Tensor, "*G N D"]) -> "Views":
        """Views whose predictions and targets are the projections themselves.

        Every view is compared with every other, a single one with itself. Predictors
        and targets that follow are the business of `Branches`.
        """
        pairs = tuple(permutations(range(len(projections)), 2)) or ((0, 0),)
        return cls(projections, projections, projections, pairs)

    def detach(self) -> "Views":
        """The same numbers, without their history."""
        return self._each(Tensor.detach)

    def at_least_float32(self) -> "Views":
        """With low rows as float32; what was one tensor stays one."""
        done: dict[int, Tensor] = {}

        def raised(x: Tensor) -> Tensor:
            if x.dtype not in (torch.float16, torch.bfloat16):
                return x
            if id(x) not in done:
                done[id(x)] = x.float()
            return done[id(x)]

        return self._each(raised)

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Views":
        """All that a network made, changed."""

        def each(views: tuple[Tensor | None, ...]) -> tuple[Tensor | None, ...]:
            return tuple(None if x is None else change(x) for x in views)

        return replace(
            self,
            z=each(self.z),
            p=each(self.p),
            t=each(self.t),
            rep=each(self.rep),
            maps=each(self.maps),
            aims=each(self.aims),
        )


@dataclass(frozen=True)
class Loss:
    """The loss of an objective: per sample, and of the batch.

    Attributes:
        per_sample: unreduced term, or None where the method has none.
        regularizer: batch-level term; never a reward.
        metrics: scalars worth plotting, still on the device.
    """

    per_sample: Float[Tensor, "*G N"] | None
    regularizer: Float[Tensor, ""]
    metrics: Mapping[str, Float[Tensor, ""]] = field(default_factory=dict)

    def mean(self, valid: Bool[Tensor, "*G N"] | None = None) -> Float[Tensor, ""]:
        """Mean over valid rows plus the regulariser: what is differentiated.

        Args:
            valid: `Views.valid` of what the loss was taken of.
        """
        if self.per_sample is None:
            return self.regularizer
        if valid is None:
            return self.regularizer + self.per_sample.mean()
        return self.regularizer + self.per_sample.sum() / valid.sum().clamp(min=1)


def _of_float32(method: Callable[..., Any]) -> Callable[..., Any]:
    """Views come in float32 or better, and no autocast is on."""
    computed = exact(method)

    @wraps(method)
    def of_float32(self: Any, views: Views) -> Any:
        return computed(self, views.at_least_float32())

    return of_float32


_EXACT: Mapping[str, Callable[[Callable[..., Any]], Callable[..., Any]]] = {
    "forward": _of_float32,
    "observe": _of_float32,
    "refresh": exact,
}


class Objective(nn.Module, ABC):
    """Composable loss; all its state is in persistent buffers.

    Whoever wrote it, it is computed without the caller's autocast, and rows in a low
    format come to it as float32. Take gradients outside of autocast, as PyTorch says;
    inside, products are in the low format whatever the forward pass did.
    """

    needs: Needs = Needs()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Make all that a subclass computes exact."""
        super().__init_subclass__(**kwargs)
        for name, made in _EXACT.items():
            if name in cls.__dict__:
                setattr(cls, name, made(cls.__dict__[name]))

    @abstractmethod
    def forward(self, views: Views) -> Loss:
        """Compute the loss; writes no state, so that repeating it gives the same."""

    def observe(self, views: Views) -> None:
        """Update queues, banks and statistics; called after `optimizer.step()`."""

    def visible(self, row: Int64[Tensor, "N"]) -> Int64[Tensor, "N K"]:
        """Places of patches that the encoder is shown, of rows with these ids.

        Asked where `Needs.masked` says so, once for the rows of each process; `forward`
        finds the same ones for the rows of all.
        """
        raise NotImplementedError(f"{type(self).__name__} hides no patches")

    def refresh(
        self, rows: Iterable[tuple[Int64[Tensor, "_"], Float[Tensor, "_ D"]]]
    ) -> None:
        """Sweep over (row ids, projections) of the data, to cluster or label them.

        Batch after batch, each row once; batches may differ in size.
        """


@runtime_checkable
class ObjectiveConfig(Protocol):
    """Describes an objective: a dataclass whose fields are its settings."""

    def build(self, sizes: Sizes) -> Objective:
        """Build it for rows of `sizes.latent` numbers (D), and whatever else it needs.

        Raises:
            ValueError: it needs a size that is not known.
        """
