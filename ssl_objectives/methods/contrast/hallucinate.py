"""Hallucinator: additional positives, made of latents, for any objective."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import cast

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from ssl_objectives.methods.contrast.info_nce import SimClrConfig
from ssl_objectives.objective import (
    Loss,
    Objective,
    ObjectiveConfig,
    Sizes,
    TargetKind,
    Views,
)
from ssl_objectives.parts.critics import at_least_float32
from ssl_objectives.parts.step_counter import StepCounter


class Hallucinate(Objective):
    """Hallucinator (arXiv 2307.12168) around a host objective.

    Each prediction q moves away from its target k, `e = (1 + ρ) q - ρ k` with one
    `ρ ~ U(0, 0.1)` per step, and is smoothed, `h = MLP([q; e])`. The host judges q and
    h against the same targets; the loss is their mean, as the official mean over
    `[q; h]` is. The MLP learns by nothing else. Gradient flows through k where the host
    trains its targets, as in SimCLR, and not where it does not, as in MoCo.

    Deviations: the host sees q and h one after the other, so that what it remembers
    gets every target once (the official MoCo enqueues each twice) and no target is its
    own duplicate's negative; q and k are both as they come (the official MoCo has k
    normalised but not q); a host with a predictor has q move away from the target,
    where the official SimSiam takes the other view's prediction; ρ is the same in both
    directions, which the official SimSiam draws apart.

    Args:
        host: judges; two views.
        size: D.
        reach: largest ρ.
        seed: of ρ.

    Raises:
        ValueError: the host does not take two views.
    """

    def __init__(
        self, host: Objective, size: int, reach: float = 0.1, seed: int = 0
    ) -> None:
        super().__init__()
        least, most = host.needs.views
        if least > 2 or (most is not None and most < 2):
            raise ValueError(
                "hallucination needs a host that takes two views, which "
                f"{type(host).__name__} does not"
            )
        self.needs = host.needs._replace(views=(2, 2))
        self.host, self.reach = host, reach
        self.mlp = nn.Sequential(
            nn.Linear(2 * size, 2 * size),
            nn.ReLU(),
            nn.Linear(2 * size, 2 * size),
            nn.ReLU(),
            nn.Linear(2 * size, size),
        )
        self.counter = StepCounter(seed)

    def forward(self, views: Views) -> Loss:
        """Mean of two losses; metrics are those of what was not hallucinated."""
        made = list(views.p)
        for i, j in views.pairs:
            query, key = views.p[i], views.t[j]
            assert query is not None
            assert key is not None
            made[i] = self.hallucinated(query, key)
        real = self.host(views)
        dreamt = self.host(replace(views, p=tuple(made)))
        each = None
        if real.per_sample is not None:
            each = (real.per_sample + cast(Tensor, dreamt.per_sample)) / 2
        shared = (real.regularizer + dreamt.regularizer) / 2
        return Loss(each, shared, real.metrics)

    def hallucinated(
        self, query: Float[Tensor, "*G N D"], key: Float[Tensor, "*G N D"]
    ) -> Float[Tensor, "*G N D"]:
        """h, for predictions q and their targets k."""
        q, k = at_least_float32(query), at_least_float32(key)
        if self.needs.target is not TargetKind.SHARED:
            k = k.detach()
        generator = self.counter.generator(q.device)
        rho = self.reach * torch.rand((), generator=generator, device=q.device)
        return cast(Tensor, self.mlp(torch.cat([q, (1 + rho) * q - rho * k], -1)))

    def observe(self, views: Views) -> None:
        """Draw another ρ; the host observes what was not hallucinated."""
        self.counter.advance()
        self.host.observe(views)

    def refresh(
        self, rows: Iterable[tuple[Int64[Tensor, "_"], Float[Tensor, "_ D"]]]
    ) -> None:
        """Let the host sweep."""
        self.host.refresh(rows)


@dataclass(frozen=True)
class HallucinateConfig:
    """Hallucinator: another objective, with additional positives made of latents."""

    host: ObjectiveConfig = field(default_factory=SimClrConfig)
    """what is minimised"""
    reach: float = 0.1
    """largest ρ, how far positives move apart"""

    def build(self, sizes: Sizes) -> Hallucinate:
        """Build it and its host.

        Raises:
            ValueError: the host needs a size that is not known, or not two views.
        """
        return Hallucinate(self.host.build(sizes), sizes.latent, self.reach)
