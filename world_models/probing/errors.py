"""How far numbers that were read lie from the truth: error, explained variance, r."""

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from world_models.probing.probe import Tally
from world_models.probing.tallies import by_episode


class Errors(Tally):
    """Scores of a fact of F numbers; all of them follow from sums over rows.

    - `rmse`: `√ E ‖ŷ - y‖²`, of several numbers their Euclidean error, in the fact's
      unit.
    - `r2`: the share of the variance that is explained, about the mean of the rows
      that are read; below 0: less than by their mean. Where nothing varies, 1 if
      nothing is missed, and 0 otherwise.
    - `r`: Pearson's correlation of what is read with what is true, the mean over the F
      numbers; NaN where one of them never varies.

    Args:
        told: ŷ, what was read.
        truth: y.
        middle: about where y lies, which keeps the sums accurate: its mean where the
            probe was fitted.
        episode: of each row.
    """

    def __init__(
        self,
        told: Float[Tensor, "N F"],
        truth: Float[Tensor, "N F"],
        middle: Float[Tensor, "F"],
        episode: Int64[Tensor, "N"],
    ) -> None:
        size = truth.double().square().sum(-1, keepdim=True)
        said, y = told.double() - middle.double(), truth.double() - middle.double()
        missed = (said - y).square().sum(-1, keepdim=True)
        one = torch.ones_like(missed)
        parts = [one, missed, size, y, y.square(), said, said.square(), said * y]
        super().__init__(by_episode(torch.cat(parts, 1), episode))
        self.num = truth.shape[1]

    def scores(
        self, sums: Float64[Tensor, "*draws S"]
    ) -> dict[str, Float64[Tensor, "*draws"]]:
        """`rmse`, `r2`, `r`."""
        widths = [1, 1, 1, *[self.num] * 5]
        one, missed, size, y, yy, said, ss, sy = sums.split(widths, -1)
        n, missed, size = one[..., 0], missed[..., 0], size[..., 0]
        own = yy - y.square() / one
        spread = own.sum(-1)
        rounding = torch.finfo(sums.dtype).eps * size
        r2 = torch.where(
            spread > rounding,
            1 - missed / spread,
            (missed <= rounding).to(sums.dtype),
        )
        other = ss - said.square() / one
        together = sy - said * y / one
        r = together / (own.clamp(min=0) * other.clamp(min=0)).sqrt()
        return {"rmse": (missed / n).sqrt(), "r2": r2, "r": r.mean(-1)}
