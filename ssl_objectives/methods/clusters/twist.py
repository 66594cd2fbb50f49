"""TWIST: class probabilities that agree, are sharp, and use all classes."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ssl_objectives.objective import Loss, Needs, Objective, Sizes, Views
from ssl_objectives.parts.critics import at_least_float32
from ssl_objectives.parts.step_counter import StepCounter


class Twist(Objective):
    """TWIST (arXiv 2110.07402): `KL + (1 + λ₁) mean entropy - λ₂ entropy of the mean`.

    Rows are logits of classes. Put the objective behind a projector that ends with a
    batch norm without weights (`Mlp(last_norm=True)`): without it, classes collapse.
    KL is symmetric, half of both directions, between the two views of a pair; KL and
    entropy of a row are the per-sample term, the entropy of the mean over the valid
    rows is the regulariser. A mean over unordered pairs, entropies averaged over the
    two sides: the scale of the official code on one process. Balanced one-hot rows
    give -λ₂ log C; equal one-hot rows and uniform rows give 0 (λ₁ = 0, λ₂ = 1).

    Second phase, once `self_label_from` of the run's steps are done: of the first
    pair's two views, the more confident gives the label, its largest class, and the
    other as well as all further views learn it by cross-entropy. Only the most
    confident rows take part: a share of the valid rows, 0.5 at first, 0.6 in the end.
    Their weights make the mean over all valid rows the mean over those chosen.

    Deviations: logarithms are exact where the official code adds 1e-5; several
    processes see the whole batch, where the official KL and entropies grow with their
    number.

    Args:
        sharp: λ₁.
        diverse: λ₂.
        self_label_from: share of the steps after which the second phase begins; 1:
            never.
        steps: of the whole run.
        shares: of the rows, at the beginning and the end of the second phase.

    Raises:
        ValueError: there is to be a second phase, and the run has no length.
    """

    needs = Needs(views=(2, None))

    def __init__(
        self,
        sharp: float = 0.0,
        diverse: float = 1.0,
        self_label_from: float = 1.0,
        steps: int = 0,
        shares: tuple[float, float] = (0.5, 0.6),
    ) -> None:
        super().__init__()
        if self_label_from < 1 and steps < 1:
            raise ValueError(
                "TWIST labels itself near the end of a run: give its length as "
                "`steps`, or set `self_label_from` to 1"
            )
        self.sharp, self.diverse = sharp, diverse
        self.self_label_from, self.steps, self.shares = self_label_from, steps, shares
        self.counter = StepCounter()

    def forward(self, views: Views) -> Loss:
        """Agree, or learn the own labels: whichever phase the run is in."""
        done = self.counter.progress(self.steps) if self.steps else 0.0
        if self.self_label_from < 1 and done >= self.self_label_from:
            late = (done - self.self_label_from) / (1 - self.self_label_from)
            first, last = self.shares
            return self._learn_own_labels(views, first + (last - first) * late)
        return self._agree(views)

    def observe(self, views: Views) -> None:
        """Another step is done."""
        self.counter.advance()

    def _agree(self, views: Views) -> Loss:
        rows, spread = [], []
        for i, j in _once(views):
            one, two = _log_probs(views.p[i]), _log_probs(views.t[j])
            divergence = (one.exp() - two.exp()) * (one - two)
            entropy = _entropy(one) + _entropy(two)
            rows.append((divergence.sum(-1) + (1 + self.sharp) * entropy) / 2)
            used = (
                _marginal_entropy(one, views.valid),
                _marginal_entropy(two, views.valid),
            )
            spread.append((used[0] + used[1]) / 2)
        each = torch.stack(rows).mean(0)
        if views.valid is not None:
            each = each.masked_fill(~views.valid, 0.0)
        entropy_of_mean = torch.stack(spread).mean()
        metrics = {"twist/entropy_of_mean": entropy_of_mean.detach()}
        return Loss(each, -self.diverse * entropy_of_mean, metrics)

    def _learn_own_labels(self, views: Views, share: float) -> Loss:
        i, j = _once(views)[0]
        one, two = _log_probs(views.p[i]), _log_probs(views.t[j])
        with torch.no_grad():
            sure = torch.stack([one.amax(-1), two.amax(-1)])
            first = (sure[0] > sure[1]).unsqueeze(-1)
            label = torch.where(first, one, two).argmax(-1, keepdim=True)
            weight = _most_confident(sure.amax(0), views.valid, share)
        taught = [torch.where(first, two, one)]
        for v, given in enumerate(views.p):
            if v not in (i, j) and given is not None:
                taught.append(_log_probs(given))
        wrong = torch.stack([-x.gather(-1, label).squeeze(-1) for x in taught]).mean(0)
        return Loss(weight * wrong, wrong.new_zeros(()))


@dataclass(frozen=True)
class TwistConfig:
    """TWIST: class probabilities that agree, are sharp, and use all classes."""

    sharp: float = 0.0
    """λ₁, more weight for the entropy of each row"""
    diverse: float = 1.0
    """λ₂, weight of the entropy of the mean"""
    self_label_from: float = 0.94
    """share of the steps after which rows learn their own labels; 1: never"""
    first_share: float = 0.5
    """of the rows that learn them at first"""
    last_share: float = 0.6
    """of the rows that learn them in the end"""

    def __post_init__(self) -> None:
        shares = (self.self_label_from, self.first_share, self.last_share)
        if not all(0 <= x <= 1 for x in shares):
            raise ValueError(f"shares are between 0 and 1, not {shares}")

    def build(self, sizes: Sizes) -> Twist:
        """Build the objective for a run of `sizes.steps` gradient steps."""
        shares = (self.first_share, self.last_share)
        return Twist(
            self.sharp, self.diverse, self.self_label_from, sizes.steps, shares
        )


def _once(views: Views) -> list[tuple[int, int]]:
    """Each pair of views in one direction, in their order."""
    seen: dict[frozenset[int], tuple[int, int]] = {}
    for pair in views.pairs:
        seen.setdefault(frozenset(pair), pair)
    return list(seen.values())


def _log_probs(logits: Float[Tensor, "*G N C"] | None) -> Float[Tensor, "*G N C"]:
    assert logits is not None, "a pair without prediction or target"
    return at_least_float32(logits).log_softmax(-1)


def _entropy(log_p: Float[Tensor, "*batch C"]) -> Float[Tensor, "*batch"]:
    return -(log_p.exp() * log_p).sum(-1)


def _marginal_entropy(
    log_p: Float[Tensor, "*G N C"], valid: Bool[Tensor, "*G N"] | None
) -> Float[Tensor, "*G"]:
    """Entropy of the mean over valid rows; 0 where there are none."""
    if valid is None:
        valid = log_p.new_ones(log_p.shape[:-1], dtype=torch.bool)
    nobody = ~valid.any(-1, keepdim=True)
    outside = ~(valid | nobody).unsqueeze(-1)
    log_mean = log_p.masked_fill(outside, -torch.inf).logsumexp(-2)
    entropy = _entropy(log_mean.log_softmax(-1))  # which divides by how many they are
    return entropy.masked_fill(nobody.squeeze(-1), 0.0)


def _most_confident(
    confidence: Float[Tensor, "*G N"],
    valid: Bool[Tensor, "*G N"] | None,
    share: float,
) -> Float[Tensor, "*G N"]:
    """Valid rows per chosen row for the chosen ones, 0 for the others.

    Chosen are the rows above the `⌊share · valid rows⌋`-th largest confidence, counted
    from 0.
    """
    if valid is None:
        valid = torch.ones_like(confidence, dtype=torch.bool)
    number = valid.sum(-1, keepdim=True)
    ranked = confidence.masked_fill(~valid, -torch.inf).sort(-1, descending=True).values
    place = (share * number).floor().long().minimum(number - 1).clamp(min=0)
    chosen = valid & (confidence > ranked.gather(-1, place))
    return chosen * (number / chosen.sum(-1, keepdim=True).clamp(min=1))
