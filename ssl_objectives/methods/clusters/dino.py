"""DINO: agree with a slow teacher's sharp, centred distribution over prototypes."""

from dataclasses import dataclass

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
from ssl_objectives.parts.critics import checked_temperature, unit
from ssl_objectives.parts.step_counter import StepCounter
from ssl_objectives.parts.targets import EmaTarget, checked_decay, rising


class Prototypes(nn.Module):
    """Cosines of rows with K learned directions: a linear layer, weight-normalised.

    Lengths of weights are 1 for good, as DINO's `norm_last_layer` has them.

    Args:
        size: D.
        number: K.
    """

    def __init__(self, size: int, number: int) -> None:
        super().__init__()
        _check_number(number)
        self.weight = nn.Parameter(torch.randn(number, size))

    def forward(
        self, rows: Float[Tensor, "*G N D"], learns: bool = True
    ) -> Float[Tensor, "*G N K"]:
        """Cosines; with `learns=False` no gradient reaches the directions."""
        weight = self.weight if learns else self.weight.detach()
        return unit(rows) @ unit(weight).mT


class Dino(Objective):
    """DINO (arXiv 2104.14294): `mean_pairs -Σ_k q_jk log softmax_k(ẑ_i·ŵ_k / τ)`.

    `q_j = softmax((t̂_j·v̂ - c) / τ_t)`, v a slow copy of the directions w, c an EMA of
    the teacher's mean cosines. Centring keeps one direction from winning everywhere,
    sharpening (τ_t < τ) keeps all from being alike: with uniform q the loss is log K.
    Views without target are the small crops. Scale of the official code. Prototypes
    get no gradient for the first `freeze` steps.

    Prototypes are this objective's own, not the projector's; their copy follows by the
    decay of the target network, which rises to 1 as the network's does. The centre is
    moved by what the copy said before it follows.

    Deviations: the teacher's temperature rises with every step, not every epoch. In the
    zoo the head is one with batch norm and ReLU (official: GELU, no batch norm).

    Args:
        size: D, numbers in a row.
        prototypes: K.
        temperature: τ of the student.
        target_temperature: τ_t at the start and from `warm_up` on, in a line.
        warm_up: steps in between.
        center_decay: of c, per step.
        freeze: steps before prototypes learn.
        decay: of the prototypes' copy, at the start.
        steps: of the run, over which that decay rises to 1; 0: it does not.

    Raises:
        ValueError: a temperature or decay that is none, or no prototypes.
    """

    needs = Needs(views=(2, None), target=TargetKind.EMA)

    def __init__(
        self,
        size: int,
        prototypes: int = 256,
        temperature: float = 0.1,
        target_temperature: tuple[float, float] = (0.04, 0.04),
        warm_up: int = 0,
        center_decay: float = 0.9,
        freeze: int = 0,
        decay: float = 0.99,
        steps: int = 0,
    ) -> None:
        super().__init__()
        self.temperature = checked_temperature(temperature)
        self.first, self.last = (checked_temperature(x) for x in target_temperature)
        self.warm_up, self.freeze = warm_up, freeze
        self.center_decay, self.steps = checked_decay(center_decay), steps
        self.prototypes = Prototypes(size, prototypes)
        self.copy = EmaTarget(self.prototypes, decay)
        self.register_buffer("center", torch.zeros(prototypes))
        self.center: Tensor
        self.counter = StepCounter()

    @property
    def target_temperature(self) -> float:
        """τ_t of this step."""
        done = self.counter.progress(self.warm_up)
        return self.first + (self.last - self.first) * done

    def forward(self, views: Views) -> Loss:
        """Mean over pairs; entropies say which way a collapse goes.

        `dino/entropy` is that of each q, log K where all are uniform; `dino/spread`
        that of their mean, 0 where one prototype has everything.
        """
        learns = self.counter.steps >= self.freeze
        q = {j: self._target(views, j) for j in views.aimed_at}
        log_p = {
            i: (
                self.prototypes(given(views.p[i]), learns) / self.temperature
            ).log_softmax(-1)
            for i, _ in views.pairs
        }
        each = [-(q[j] * log_p[i]).sum(-1) for i, j in views.pairs]
        loss = torch.stack(each).mean(0)
        if views.valid is not None:
            loss = loss.masked_fill(~views.valid, 0.0)
        return Loss(loss, loss.new_zeros(()), _entropies(q[views.aimed_at[0]], views))

    @torch.no_grad()
    def observe(self, views: Views) -> None:
        """Move the centre, then let the copy follow; another step is done."""
        said = torch.stack([self._said(views, j) for j in views.aimed_at])
        count = said.new_ones(said.shape[:-1])
        if views.valid is not None:
            count = views.valid.to(said.dtype).expand(said.shape[:-1])
        there = count.any().to(said.dtype)
        total = (said * count.unsqueeze(-1)).flatten(0, -2).sum(0)
        mean = total / count.sum().clamp(min=1)
        self.center.lerp_(mean.to(self.center), (1 - self.center_decay) * there)
        done = self.counter.progress(self.steps) if self.steps else 0.0
        self.copy.follow(self.prototypes, rising(self.copy.decay, done))
        self.counter.advance()

    @torch.no_grad()
    def _target(self, views: Views, j: int) -> Float[Tensor, "*G N K"]:
        """What a view is to predict: centred, then sharpened."""
        centred = self._said(views, j) - self.center
        return (centred / self.target_temperature).softmax(-1)

    @torch.no_grad()
    def _said(self, views: Views, j: int) -> Float[Tensor, "*G N K"]:
        """The teacher's cosines of a view; 0 of rows that do not count."""
        rows = given(views.t[j])
        if views.valid is not None:
            rows = rows.masked_fill(~views.valid.unsqueeze(-1), 0.0)
        said: Tensor = self.copy.network(rows)
        return said


@dataclass(frozen=True)
class DinoConfig:
    """DINO: a slow teacher's sharp, centred distribution over prototypes."""

    prototypes: int = 256
    """K, directions; 65,536 for ImageNet"""
    temperature: float = 0.1
    """τ of the prediction"""
    first_target_temperature: float = 0.04
    """τ_t of the target at the start"""
    target_temperature: float = 0.04
    """τ_t in the end (0.07 in the paper's longest runs)"""
    warm_up: int = 0
    """steps in which τ_t goes from one to the other (the paper: 30 epochs)"""
    center_decay: float = 0.9
    """of the running centre, per step"""
    freeze: int = 313
    """steps before prototypes learn (the paper: one epoch)"""

    def __post_init__(self) -> None:
        for x in (
            self.temperature,
            self.first_target_temperature,
            self.target_temperature,
        ):
            checked_temperature(x)
        checked_decay(self.center_decay)
        _check_number(self.prototypes)

    def build(self, sizes: Sizes) -> Dino:
        """Build it for rows of `sizes.latent` numbers and a target of `sizes.decay`."""
        return Dino(
            sizes.latent,
            self.prototypes,
            self.temperature,
            (self.first_target_temperature, self.target_temperature),
            self.warm_up,
            self.center_decay,
            self.freeze,
            sizes.decay,
            sizes.steps,
        )


def _check_number(prototypes: int) -> None:
    if prototypes < 1:
        raise ValueError(f"DINO needs at least one prototype, not {prototypes}")


@torch.no_grad()
def _entropies(q: Float[Tensor, "*G N K"], views: Views) -> dict[str, Tensor]:
    """Mean entropy of each row, and entropy of the mean row."""
    count = q.new_ones(q.shape[:-1])
    if views.valid is not None:
        count = views.valid.to(q.dtype)
    share = count / count.sum().clamp(min=1)
    mean = (q * share.unsqueeze(-1)).flatten(0, -2).sum(0)
    return {
        "dino/entropy": (torch.special.entr(q).sum(-1) * share).sum(),
        "dino/spread": torch.special.entr(mean).sum(),
    }
