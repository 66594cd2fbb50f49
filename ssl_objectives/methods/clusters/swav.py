"""SwAV: predict the balanced cluster assignment of one view from another."""

from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ssl_objectives.objective import (
    Loss,
    Needs,
    Objective,
    Sizes,
    TargetKind,
    Views,
    given,
)
from ssl_objectives.parts.candidates import Queue
from ssl_objectives.parts.critics import checked_temperature, unit
from ssl_objectives.parts.sinkhorn import balanced_codes
from ssl_objectives.parts.step_counter import StepCounter


class Swav(Objective):
    """SwAV (arXiv 2006.09882): `mean_pairs -Σ_k q_jk log softmax_k(ẑ_i·ĉ_k / τ)`.

    Codes q of each target view are Sinkhorn's on its scores with all prototypes,
    without gradient (`balanced_codes`); every other view predicts them. Views without
    target are the small crops. The mean over pairs is the official scale: over code
    crops, then over the other crops. Embeddings that are all equal give uniform codes,
    and the loss stays at log K: collapse.

    A queue of past embeddings per target view takes part in Sinkhorn once it is full,
    for batches that are small beside K; their scores are computed with today's
    prototypes. Prototypes get no gradient for the first `freeze` steps.

    Deviations: prototypes are normalised where they are used, with gradient through
    the length, instead of in place before each step. Queues fill after the step,
    which is the same; rows that are not valid leave a queue's entry as it was. Each
    view passes batch norm on its own, where the official code lets crops of one size,
    and all of them in the head, be one batch.

    Args:
        size: D, numbers in a row.
        prototypes: K.
        temperature: τ.
        eps: ε of Sinkhorn.
        iterations: of Sinkhorn.
        freeze: steps before prototypes learn.
        queue_length: rows in the queue of each target view; 0: no queue.
        queue_from: steps before queues begin to fill.
        targets: views with a queue.

    Raises:
        ValueError: a temperature is not positive, or there are no prototypes.
    """

    needs = Needs(views=(2, None), target=TargetKind.STOP)

    def __init__(
        self,
        size: int,
        prototypes: int = 128,
        temperature: float = 0.1,
        eps: float = 0.05,
        iterations: int = 3,
        freeze: int = 313,
        queue_length: int = 0,
        queue_from: int = 0,
        targets: int = 2,
    ) -> None:
        super().__init__()
        if prototypes < 1:
            raise ValueError(f"SwAV needs at least one prototype, not {prototypes}")
        self.temperature = checked_temperature(temperature)
        self.eps, self.iterations = checked_temperature(eps), iterations
        self.freeze = freeze
        self.queue_length, self.queue_from = queue_length, queue_from
        self.prototypes = nn.Parameter(torch.randn(prototypes, size))
        with_queue = range(targets if queue_length else 0)
        self.queues = nn.ModuleList(Queue(queue_length, size, x) for x in with_queue)
        self.counter = StepCounter()
        self.queued = 0

    def forward(self, views: Views) -> Loss:
        """Mean over pairs; `swav/used` is the share of prototypes in use."""
        centre = unit(self.prototypes)
        if self.counter.steps < self.freeze:
            centre = centre.detach()
        codes = self._codes(views, centre.detach())
        scores = {i: unit(given(views.p[i])) @ centre.mT for i, _ in views.pairs}
        log_p = {i: (x / self.temperature).log_softmax(-1) for i, x in scores.items()}
        each = [-(codes[j] * log_p[i]).sum(-1) for i, j in views.pairs]
        loss = torch.stack(each).mean(0)
        if views.valid is not None:
            loss = loss.masked_fill(~views.valid, 0.0)
        used = _share_used(scores[views.pairs[0][0]], views)
        return Loss(loss, loss.new_zeros(()), {"swav/used": used})

    @torch.no_grad()
    def observe(self, views: Views) -> None:
        """Let the targets into their queues."""
        if self.queues and self.counter.steps >= self.queue_from:
            aims = views.aimed_at
            for queue, j in zip(self.queues, aims, strict=False):
                cast(Queue, queue).observe(replace(views, t=(views.t[j],)))
            self.queued += given(views.t[aims[0]]).shape[:-1].numel()
        self.counter.advance()

    def get_extra_state(self) -> dict[str, Any]:
        """How many rows went into each queue."""
        return {"queued": self.queued}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.queued = int(state["queued"])

    def _codes(
        self, views: Views, centre: Float[Tensor, "K D"]
    ) -> dict[int, Float[Tensor, "*G N K"]]:
        """Of each target view, over its batch and, once it is full, its queue."""
        aims, codes = views.aimed_at, {}
        if self.queues and len(aims) > len(self.queues):
            raise ValueError(
                f"{len(aims)} views are targets, but SwAV has {len(self.queues)} "
                "queues; set `targets`"
            )
        for place, j in enumerate(aims):
            rows, valid = unit(given(views.t[j])), views.valid
            num = rows.shape[-2]
            if self.queues and self.queued >= self.queue_length:
                past = cast(Queue, self.queues[place]).rows
                past = unit(past).expand(*rows.shape[:-2], *past.shape)
                rows = torch.cat([rows, past], -2)
                if valid is not None:
                    valid = torch.cat([valid, valid.new_ones(past.shape[:-1])], -1)
            code = balanced_codes(rows @ centre.mT, self.eps, self.iterations, valid)
            codes[j] = code[..., :num, :]
        return codes


@dataclass(frozen=True)
class SwavConfig:
    """SwAV: predict the balanced cluster assignment of one view from another."""

    prototypes: int = 128
    """K, clusters; 3000 for ImageNet"""
    temperature: float = 0.1
    """τ of the prediction"""
    eps: float = 0.05
    """ε of Sinkhorn; smaller where the loss stays at log K"""
    iterations: int = 3
    """of Sinkhorn"""
    freeze: int = 313
    """steps before prototypes learn"""
    queue_length: int = 0
    """past embeddings per target view, for batches that are small beside K; 0: none
    (the official recipe for batches of 256: 3840, from epoch 15 on)"""
    queue_from: int = 0
    """steps before queues begin to fill"""
    targets: int = 2
    """target views, each with a queue of its own if there are queues"""

    def __post_init__(self) -> None:
        checked_temperature(self.temperature)
        checked_temperature(self.eps)

    def build(self, sizes: Sizes) -> Swav:
        """Build the objective for rows of `sizes.latent` numbers."""
        return Swav(
            sizes.latent,
            self.prototypes,
            self.temperature,
            self.eps,
            self.iterations,
            self.freeze,
            self.queue_length,
            self.queue_from,
            self.targets,
        )


@torch.no_grad()
def _share_used(scores: Float[Tensor, "*G N K"], views: Views) -> Float[Tensor, ""]:
    """Share of prototypes that are the best of some valid row."""
    best = scores.argmax(-1).flatten()
    counts = (
        scores.new_ones(best.shape) if views.valid is None else views.valid.flatten()
    )
    hits = scores.new_zeros(scores.shape[-1]).scatter_add(
        0, best, counts.to(scores.dtype)
    )
    return (hits > 0).float().mean()
