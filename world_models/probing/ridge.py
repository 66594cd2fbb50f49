"""Ridge regression in closed form: the probe that has nothing to tune."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


class Reading(NamedTuple):
    """How well a linear reading hits, on rows that it was not fitted on.

    Attributes:
        rmse: `√ E ‖ŷ - y‖²`, of a fact of several numbers its Euclidean error, in the
            fact's unit.
        r2: the share of the variance that is explained; below 0: less than by the
            mean. Where nothing varies, 1 if nothing is missed, and 0 otherwise.
    """

    rmse: float
    r2: float


class Ridge:
    """`min_W E ‖X W - Y‖² + λ ‖W‖²` on standardised columns, with an intercept.

    Args:
        rows, wanted: what is read, and what is to be told.
        penalty: λ.
    """

    def __init__(
        self,
        rows: Float[Tensor, "N D"],
        wanted: Float[Tensor, "N F"],
        penalty: float = 1e-3,
    ) -> None:
        x, y = rows.double(), wanted.double()
        self.mean, self.middle = x.mean(0), y.mean(0)
        self.std = x.std(0, correction=0) + 1e-6
        x = (x - self.mean) / self.std
        gram = x.mT @ x / len(x)
        eye = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
        moment = x.mT @ (y - self.middle) / len(x)
        self.weight = torch.linalg.solve(gram + penalty * eye, moment)

    def __call__(self, rows: Float[Tensor, "N D"]) -> Float[Tensor, "N F"]:
        """What the rows tell."""
        told: Tensor = (rows.double() - self.mean) / self.std @ self.weight
        return told + self.middle

    def read(self, rows: Float[Tensor, "N D"], wanted: Float[Tensor, "N F"]) -> Reading:
        """How well it hits."""
        y = wanted.double()
        missed = float((self(rows) - y).square().sum())
        spread = float((y - y.mean(0)).square().sum())
        rounding = torch.finfo(y.dtype).eps * float(y.square().sum())
        varies = spread > rounding
        r2 = 1 - missed / spread if varies else float(missed <= rounding)
        return Reading((missed / len(y)) ** 0.5, r2)
