"""LeJEPA's SIGReg: prediction loss, and latents like an isotropic Gaussian."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ssl_objectives.objective import Loss, Needs, Objective, Sizes, Views
from ssl_objectives.parts.critics import at_least_float32
from ssl_objectives.parts.step_counter import StepCounter


def epps_pulley(
    samples: Float[Tensor, "*G N M"],
    valid: Bool[Tensor, "*G N"] | None = None,
    t_max: float = 3.0,
    knots: int = 17,
) -> Float[Tensor, "*G M"]:
    """How far each column is from N(0, 1): `N ∫ |φ̂(t) - e^{-t²/2}|² e^{-t²/2} dt`.

    φ̂ is the empirical characteristic function. The integral over [-t_max, t_max] is
    twice a trapezoid over [0, t_max] with `knots` points. Of all zeros it is 0.4020 N
    with these defaults, and `√(2π) (1 - √2 + 1/√3) N` = 0.4089 N over the whole line.
    Of N(0, 1) itself it has the mean `√(2π) (1 - 1/√3)` = 1.059 for any N.
    """
    x = at_least_float32(samples)
    step = t_max / (knots - 1)
    t = step * torch.arange(knots, dtype=x.dtype, device=x.device)
    window = (-t.square() / 2).exp()
    weight = 2 * step * window
    weight[0], weight[-1] = weight[0] / 2, weight[-1] / 2
    count = x.new_full(x.shape[:-2], float(x.shape[-2]))
    share = (1 / count)[..., None, None]
    if valid is not None:
        x = x.masked_fill(~valid.unsqueeze(-1), 0.0)
        count = valid.sum(-1).to(x.dtype)
        share = (valid / count.clamp(min=1).unsqueeze(-1)).unsqueeze(-1)
    # e^{i k s} = (e^{i s})^k: one sine for all knots
    turn = power = torch.polar(torch.ones_like(x), step * x)
    means = [torch.ones_like(power[..., 0, :])]
    for knot in range(1, knots):
        means.append((power * share).sum(-2))
        power = power * turn if knot < knots - 1 else power
    away = torch.stack(means, -1) - window
    error = away.real.square() + away.imag.square()
    return error @ weight * count.unsqueeze(-1)


class SigReg(Objective):
    """LeJEPA (arXiv 2511.08544): `(1 - λ) invariance + λ SIGReg`.

    Invariance per row: the mean over predictions of `‖p_i - c‖²/D`, c being the mean of
    all targets of the image. With two views that is the distance to their mean, and
    with the prediction and target of a world model their mean squared error, as in
    LeWorldModel (arXiv 2603.19312). Gradient flows through both sides.

    SIGReg, the regulariser: `epps_pulley` of the rows along random unit directions,
    drawn anew in each step and shared by views and groups; means over directions,
    views with a projection z, and groups. λ = 0.02 and 256 directions as in the
    official minimal example (the library: 1024), including the factor N, so that λ
    need not grow with the batch. Over all-zero rows SIGReg / N is 0.4020: where
    `sigreg/per_row` sticks there, latents have collapsed. In a world model λ is better
    larger with longer rollouts; where rewards are scored there is no regulariser.

    Args:
        weight: λ.
        directions: M.
        t_max, knots: of the integral, see `epps_pulley`.
    """

    needs = Needs(views=(2, None))

    def __init__(
        self,
        weight: float = 0.02,
        directions: int = 256,
        t_max: float = 3.0,
        knots: int = 17,
    ) -> None:
        super().__init__()
        self.weight, self.directions = weight, directions
        self.t_max, self.knots = t_max, knots
        self.counter = StepCounter()

    def forward(self, views: Views) -> Loss:
        """Directions are the same until `observe` is called."""
        made = [at_least_float32(x) for x in views.p if x is not None]
        center = torch.stack(
            [at_least_float32(x) for x in views.t if x is not None]
        ).mean(0)
        distances = [(x - center).square().mean(-1) for x in made]
        per_row = (1 - self.weight) * torch.stack(distances).mean(0)
        if views.valid is not None:
            per_row = per_row.masked_fill(~views.valid, 0.0)
        if not views.seen:
            return Loss(per_row, per_row.new_zeros(()))
        sides = torch.stack([at_least_float32(z) for z in views.seen])
        valid = views.seen_valid
        statistic = self.normality(sides, valid)
        rows = sides.shape[-2] if valid is None else valid.sum(-1)
        each = (statistic.detach() / torch.as_tensor(rows).clamp(min=1)).mean()
        return Loss(per_row, self.weight * statistic.mean(), {"sigreg/per_row": each})

    def normality(
        self, rows: Float[Tensor, "V *G N D"], valid: Bool[Tensor, "*G N"] | None
    ) -> Float[Tensor, "V *G"]:
        """The statistic, averaged over this step's directions."""
        generator = self.counter.generator(rows.device)
        size = (rows.shape[-1], self.directions)
        drawn = torch.randn(size, generator=generator, device=rows.device)
        axes = torch.nn.functional.normalize(drawn, dim=0).to(rows.dtype)
        if valid is not None:
            valid = valid.expand(rows.shape[:-1])
        return epps_pulley(rows @ axes, valid, self.t_max, self.knots).mean(-1)

    def observe(self, views: Views) -> None:
        """The next step has other directions."""
        self.counter.advance()


@dataclass(frozen=True)
class SigRegConfig:
    """LeJEPA: predictions near, latents like an isotropic Gaussian."""

    weight: float = 0.02
    """λ of SIGReg; 1 - λ weighs the squared error"""
    directions: int = 256
    """random directions per step"""
    t_max: float = 3.0
    """end of the integral over the characteristic function"""
    knots: int = 17
    """points of the integral"""

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1:
            raise ValueError(f"weight must be between 0 and 1, not {self.weight}")
        if self.knots < 2:
            raise ValueError(f"an integral needs 2 knots or more, not {self.knots}")

    def build(self, sizes: Sizes) -> SigReg:
        """Build the objective; it is the same for all sizes."""
        return SigReg(self.weight, self.directions, self.t_max, self.knots)
