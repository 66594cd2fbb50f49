"""Kernels, exact and by random Fourier features, and HSIC."""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ssl_objectives.parts.critics import at_least_float32
from ssl_objectives.parts.moments import centered


def squared_distances(
    first: Float[Tensor, "*G N D"], second: Float[Tensor, "*G M D"]
) -> Float[Tensor, "*G N M"]:
    """`‖x_i - y_j‖²`, in float32 or better; never below 0."""
    x, y = at_least_float32(first), at_least_float32(second)
    size = x.square().sum(-1).unsqueeze(-1) + y.square().sum(-1).unsqueeze(-2)
    return (size - 2 * x @ y.mT).clamp_min(0.0)


def inverse_multiquadric(
    first: Float[Tensor, "*G N D"],
    second: Float[Tensor, "*G M D"],
    scale: Float[Tensor, ""] | float = 1.0,
) -> Float[Tensor, "*G N M"]:
    """`k(x, y) = c / √(c² + ‖x - y‖²)`, c being `scale`."""
    return (1 + squared_distances(first, second) / scale**2).rsqrt()


class RandomFeatures:
    """Features whose inner product is near the inverse multiquadric kernel.

    `φ(x) = √(2/F) cos(ω x / c + b)`. The kernel is a scale mixture of Gaussians:
    `(1 + r²)^{-1/2} = E_s exp(-s r²)` with `s ~ Gamma(1/2, 1)`, and `exp(-s r²)` is the
    characteristic function of `N(0, 2 s I)`. Since 2 s is the square of a standard
    normal number g, `ω = g n` with normal n: no table of Bessel functions, which the
    official code of SSL-HSIC (arXiv 2106.08320) samples the same distribution from.

    Args:
        num: F.
        size: D, numbers in a row.
        generator: of frequencies and phases; its device is theirs.
    """

    def __init__(self, num: int, size: int, generator: torch.Generator) -> None:
        device = generator.device
        radius = torch.randn(num, 1, generator=generator, device=device)
        normal = torch.randn(num, size, generator=generator, device=device)
        self.frequencies = radius * normal
        turns = torch.rand(num, generator=generator, device=device)
        self.phases = 2 * math.pi * turns

    def __call__(
        self, rows: Float[Tensor, "*G N D"], scale: Float[Tensor, ""] | float = 1.0
    ) -> Float[Tensor, "*G N F"]:
        """Features of rows, for the kernel of this scale."""
        x = at_least_float32(rows)
        angle = x @ (self.frequencies.to(x.dtype) / scale).T + self.phases.to(x.dtype)
        return math.sqrt(2 / len(self.phases)) * angle.cos()


def hsic(
    first: Float[Tensor, "*G N N"], second: Float[Tensor, "*G N N"]
) -> Float[Tensor, "*G"]:
    """Dependence of two kernel matrices: `tr(K H L H) / N²`, `H = I - 1 1ᵀ / N`."""
    k, num = _doubly_centered(first), first.shape[-1]
    return (k * _doubly_centered(second)).sum((-2, -1)) / num**2


def feature_hsic(
    first: Float[Tensor, "*G N F"],
    second: Float[Tensor, "*G N E"],
    valid: Bool[Tensor, "*G N"] | None = None,
) -> Float[Tensor, "*G"]:
    """`hsic` of the kernels whose features these are: `‖Cov(φ, ψ)‖_F²`, biased Cov.

    With the rows themselves as features (linear kernel) it is `‖Cov‖_F²`. 0 where no
    row is valid.
    """
    x, count = centered(first, valid)
    y, _ = centered(second, valid)
    y = y / count.clamp(min=1)[..., None, None]  # before sums are squared
    return (x.mT @ y).square().sum((-2, -1))


class KernelScale(nn.Module):
    """The c of the inverse multiquadric kernel, learned apart from the network.

    Maximises the mean over pairs of `log |∂k/∂(d²)| = log(c/2) - 3/2 log(d² + c²)`, by
    one step of Adam per call of `observe` (arXiv 2106.08320). If all distances were d,
    c would end at `d / √2`. The gradient is `1/c - 3 c E 1/(d² + c²)`.

    Args:
        start: c at the beginning.
        rate: learning rate.
        least: c never falls below.
    """

    betas = (0.9, 0.999)
    value: Tensor
    first: Tensor
    second: Tensor
    steps: Tensor

    def __init__(
        self, start: float = 1.0, rate: float = 3e-4, least: float = 1e-2
    ) -> None:
        super().__init__()
        self.rate, self.least = rate, least
        self.register_buffer("value", torch.tensor(start))
        for name in ("first", "second", "steps"):
            self.register_buffer(name, torch.zeros(()))

    @torch.no_grad()
    def observe(
        self, rows: Float[Tensor, "N D"], valid: Bool[Tensor, "N"] | None = None
    ) -> None:
        """Take a step towards the best scale for all pairs of different valid rows.

        Without such a pair nothing changes.
        """
        pairs = ~torch.eye(len(rows), dtype=torch.bool, device=rows.device)
        if valid is not None:
            pairs &= valid & valid.unsqueeze(-1)
        c = self.value
        near = (1 / (squared_distances(rows, rows) + c**2)).masked_fill(~pairs, 0.0)
        number = pairs.sum()
        gradient = 1 / c - 3 * c * near.sum() / number.clamp(min=1)
        told = number > 0

        def keep(old: Tensor, new: Tensor) -> None:
            old.copy_(torch.where(told, new.to(old.dtype), old))

        keep(self.steps, self.steps + 1)
        keep(self.first, torch.lerp(gradient, self.first, self.betas[0]))
        keep(self.second, torch.lerp(gradient**2, self.second, self.betas[1]))
        steps = self.steps.clamp(min=1)
        mean = self.first / (1 - self.betas[0] ** steps)
        size = (self.second / (1 - self.betas[1] ** steps)).sqrt()
        keep(c, (c + self.rate * mean / (size + 1e-8)).clamp_min(self.least))


def _doubly_centered(kernel: Float[Tensor, "*G N N"]) -> Float[Tensor, "*G N N"]:
    rows = at_least_float32(kernel) - at_least_float32(kernel).mean(-1, keepdim=True)
    return rows - rows.mean(-2, keepdim=True)
