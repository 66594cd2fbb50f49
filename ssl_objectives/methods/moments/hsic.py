"""SSL-HSIC: maximises kernel dependence (HSIC) of representation and image."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ssl_objectives.objective import Loss, Needs, Objective, Sizes, TargetKind, Views
from ssl_objectives.parts.critics import unit
from ssl_objectives.parts.kernels import KernelScale, RandomFeatures, feature_hsic
from ssl_objectives.parts.step_counter import StepCounter

# Rows of which all pairs tell the kernel's scale; the official code draws as many.
MAX_ROWS = 1024


class SslHsic(Objective):
    """SSL-HSIC (arXiv 2106.08320): `γ √HSIC(Z, Z) - HSIC(Z, Y)`, Y being the image.

    `HSIC(Z, Y)` is the mean kernel of two views of one image less the mean kernel of
    all pairs, `HSIC(Z, Z) = ‖Cov(φ, ψ)‖_F²` with two draws of random features. Views
    are the unit predictions and the unit targets (k = 4 of two views), the kernel the
    inverse multiquadric one, its scale learned apart (`KernelScale`). Scale of the
    official code but for a constant. A statement about a batch: no per-sample term. Its
    cost is linear in the batch; at 256 rows it is three times that of SimCLR's loss,
    which grows with the square. Collapsed rows give 0.

    Deviations: the official sum over pairs of views holds each view with itself under
    the normaliser of different ones, which adds `1/(k-1)` and the noise of the random
    features; here these are left out, as the paper subtracts them. The official
    frequencies and phases share a random key; here they are independent. The kernel's
    scale is learned from all pairs of at most 1024 rows, not from drawn ones.

    Args:
        gamma: γ.
        num_features: of the kernel, drawn anew in each step.
        rate: learning rate of the kernel's scale.
    """

    needs = Needs(target=TargetKind.EMA, per_sample=False)

    def __init__(
        self, gamma: float = 3.0, num_features: int = 512, rate: float = 3e-4
    ) -> None:
        super().__init__()
        self.gamma, self.num_features = gamma, num_features
        self.scale = KernelScale(rate=rate)
        self.counter = StepCounter()

    def forward(self, views: Views) -> Loss:
        """Mean over groups; features are the same until `observe` is called."""
        rows = _rows(views)
        size, device = rows[0].shape[-1], rows[0].device
        first, second = (
            [features(x, self.scale.value) for x in rows]
            for features in (
                RandomFeatures(
                    self.num_features, size, self.counter.generator(device, stream)
                )
                for stream in range(2)
            )
        )
        everyone = (
            None if views.valid is None else torch.cat([views.valid] * len(rows), -1)
        )
        spread = feature_hsic(torch.cat(first, -2), torch.cat(second, -2), everyone)
        root = spread.clamp_min(1e-12).sqrt()  # at 0 it has no slope
        told = image_dependence(torch.stack(first), views.valid)
        return Loss(
            None,
            (self.gamma * root - told).mean(),
            {
                "hsic/image": told.detach().mean(),
                "hsic/itself": spread.detach().mean(),
                "hsic/scale": self.scale.value.clone(),
            },
        )

    @torch.no_grad()
    def observe(self, views: Views) -> None:
        """Adapt the kernel's scale; the next step has other features."""
        rows = torch.cat([x.flatten(0, -2) for x in _rows(views)])
        valid = None
        if views.valid is not None:
            valid = views.valid.flatten().repeat(len(rows) // views.valid.numel())
        every = -(-len(rows) // MAX_ROWS)
        self.scale.observe(rows[::every], None if valid is None else valid[::every])
        self.counter.advance()


def image_dependence(
    features: Float[Tensor, "k *G N F"], valid: Bool[Tensor, "*G N"] | None = None
) -> Float[Tensor, "*G"]:
    """HSIC(Z, Y): mean kernel of an image's views less the mean kernel of all rows.

    Args:
        features: of k views of N images.
        valid: images that count; 0 where none does.
    """
    num = len(features)
    x = features
    count = x.new_full(x.shape[1:-2], float(x.shape[-2]))
    if valid is not None:
        x = x.masked_fill(~valid.unsqueeze(-1), 0.0)
        count = valid.sum(-1).to(x.dtype)
    some = count.clamp(min=1)
    together = x.sum(0)
    pairs = together.square().sum((-2, -1)) - x.square().sum((0, -2, -1))
    everything = together.sum(-2).square().sum(-1)
    return pairs / (some * num * (num - 1)) - everything / (some * num).square()


def _rows(views: Views) -> list[Float[Tensor, "*G N D"]]:
    """Unit predictions and unit targets; the latter without gradient."""
    made = [unit(x) for x in views.p if x is not None]
    return made + [unit(x.detach()) for x in views.t if x is not None]


@dataclass(frozen=True)
class SslHsicConfig:
    """SSL-HSIC: views of an image near in a kernel, all images spread out."""

    gamma: float = 3.0
    """γ, weight of the spread"""
    num_features: int = 512
    """random features of the kernel"""
    rate: float = 3e-4
    """learning rate of the kernel's scale"""

    def build(self, sizes: Sizes) -> SslHsic:
        """Build the objective; it is the same for all sizes."""
        return SslHsic(self.gamma, self.num_features, self.rate)
