"""F1 and accuracy of classes that were read, from counts that add up over rows."""

from typing import final

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from world_models.probing.probe import Tally
from world_models.probing.tallies import by_episode


def weighted_f1(
    told: Int64[Tensor, "N L"], truth: Int64[Tensor, "N L"]
) -> Float64[Tensor, "L"]:
    """The weighted F1 of each of L facts at once; see `Counts`.

    Args:
        told: classes from 0 on.
        truth: likewise; -1 for a class that cannot be told, and is missed.
    """
    number = 2 + max(int(told.max()), int(truth.max()))

    def count(classes: Int64[Tensor, "N L"], of: Tensor) -> Float64[Tensor, "L K"]:
        zero = of.new_zeros(of.shape[1], number, dtype=torch.float64)
        return zero.scatter_add_(1, (classes + 1).mT, of.mT.double())

    one = torch.ones_like(truth)
    true, right = count(truth, one), count(truth, told == truth)
    f1 = 2 * right / (true + count(told, one)).clamp(min=1)
    total: Tensor = (true * f1).sum(1) / len(truth)
    return total


@final
class Counts(Tally):
    """Scores of a fact that is one of several classes.

    - `f1`: weighted F1, `Σ_c (n_c / N) F1_c` with `F1_c = 2 TP_c / (n_c + p_c)`: of
      class c there are n_c rows, and p_c are told to be of it, TP_c of them rightly. A
      class that is never told has 0, one that is only told weighs nothing. Equal to
      scikit-learn's `f1_score(truth, told, average="weighted")`.
    - `accuracy`: the share of rows whose class is told.

    Args:
        told: the class that was read, from 0 on.
        truth: the class that is.
        episode: of each row.
    """

    def __init__(
        self,
        told: Int64[Tensor, "N"],
        truth: Int64[Tensor, "N"],
        episode: Int64[Tensor, "N"],
    ) -> None:
        # classes that occur, numbered: a byte has 256, and most facts few of them
        found, number = torch.cat([told, truth]).unique(return_inverse=True)
        said, true = torch.eye(len(found), dtype=torch.float64, device=told.device)[
            number
        ].chunk(2)
        super().__init__(by_episode(torch.cat([true, said, true * said], 1), episode))

    def scores(
        self, sums: Float64[Tensor, "*draws S"]
    ) -> dict[str, Float64[Tensor, "*draws"]]:
        """`f1`, `accuracy`."""
        true, said, right = sums.chunk(3, -1)
        f1 = 2 * right / (true + said).clamp(min=1)
        total = true.sum(-1)
        return {
            "f1": (true * f1).sum(-1) / total,
            "accuracy": right.sum(-1) / total,
        }
