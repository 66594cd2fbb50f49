"""SeLa: label rows by optimal transport, learn the labels, label again."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from ssl_objectives.counts import check_count
from ssl_objectives.objective import Loss, Needs, Objective, Sizes, Views
from ssl_objectives.parts.assignment import collected
from ssl_objectives.parts.candidates import row_ids
from ssl_objectives.parts.critics import at_least_float32
from ssl_objectives.parts.sinkhorn import transport_plan


class SelfLabel(Objective):
    """SeLa (arXiv 1911.05371): `mean_heads CE(head_h(z_n), L_hn)`.

    H linear heads on the projection, each with labels of its own. They begin as random
    permutations with equally many rows per class; a sweep makes them the classes of the
    optimal `transport_plan` between all rows and equally filled classes. Hard labels
    need not be balanced exactly. With several views the mean over them, the scale of
    the official code for one.

    Official: heads on the encoder's output: `Straight()` as projector. Deviations:
    labels come from a sweep in evaluation mode without augmentation, where the official
    code labels augmented images in training mode; and at equal distances, not dense at
    first (`Method.sweep_every`).

    Args:
        num_rows: of the data set.
        size: D, numbers in a row.
        classes: K, classes of each head.
        heads: H.
        strength: λ of the transport, the larger the harder.
        seed: of the first labels.

    Raises:
        ValueError: there are no rows, classes or heads.
    """

    needs = Needs(views=(1, None), rows=True, sweep=True)
    labels: Int64[Tensor, "H R"]

    def __init__(
        self,
        num_rows: int,
        size: int,
        classes: int = 128,
        heads: int = 10,
        strength: float = 25.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if min(num_rows, classes, heads) < 1:
            raise ValueError(
                f"labels of {num_rows} rows, {classes} classes and {heads} heads: all "
                "of these numbers must be at least 1"
            )
        self.classes, self.strength = classes, strength
        self.heads = nn.Linear(size, heads * classes)
        generator = torch.Generator().manual_seed(seed)
        drawn = [torch.randperm(num_rows, generator=generator) for _ in range(heads)]
        self.register_buffer("labels", torch.stack(drawn) % classes)

    def forward(self, views: Views) -> Loss:
        """Mean over heads and views; `sela/accuracy` says how often labels are hit."""
        label = self.labels[:, row_ids(views)].T
        queries = sorted({i for i, _ in views.pairs})
        logits = torch.stack([self._logits(views.p[i]) for i in queries])
        log_p = logits.log_softmax(-1)
        chosen = log_p.gather(-1, label.expand(len(queries), *label.shape)[..., None])
        loss = -chosen[..., 0].mean((0, -1))
        hit = (logits.argmax(-1) == label).to(loss.dtype).mean((0, -1))
        weight = torch.ones_like(hit)
        if views.valid is not None:
            loss = loss.masked_fill(~views.valid, 0.0)
            weight = views.valid.to(hit.dtype)
        accuracy = (hit * weight).sum() / weight.sum().clamp(min=1)
        return Loss(loss, loss.new_zeros(()), {"sela/accuracy": accuracy})

    @torch.no_grad()
    def refresh(
        self, rows: Iterable[tuple[Int64[Tensor, "_"], Float[Tensor, "_ D"]]]
    ) -> None:
        """Label the rows anew, one head after another."""
        ids, data = collected(rows)
        data = at_least_float32(data)
        weights = self.heads.weight.split(self.classes)
        biases = self.heads.bias.split(self.classes)
        for h, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            scores = torch.addmm(bias, data.to(weight.dtype), weight.T)
            plan = transport_plan(scores, self.strength)
            self.labels[h, ids] = plan.argmax(-1)

    def _logits(self, rows: Float[Tensor, "N D"] | None) -> Float[Tensor, "N H K"]:
        assert rows is not None, "a view without projection"
        logits: Tensor = self.heads(at_least_float32(rows)).unflatten(
            -1, (-1, self.classes)
        )
        return logits


@dataclass(frozen=True)
class SelfLabelConfig:
    """SeLa: classes that all rows share evenly, found by optimal transport."""

    classes: int = 128
    """K of each head; 3000 for ImageNet"""
    heads: int = 10
    """H, labellings learned at once"""
    strength: float = 25.0
    """λ, how near to hard the transport is; 10 for CIFAR in the official code"""

    def __post_init__(self) -> None:
        check_count("heads", self.heads)

    def build(self, sizes: Sizes) -> SelfLabel:
        """Build it for `sizes.rows` images.

        Raises:
            ValueError: the number of images is not known.
        """
        return SelfLabel(
            sizes.rows, sizes.latent, self.classes, self.heads, self.strength
        )
