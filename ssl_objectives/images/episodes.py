"""Rows that follow each other in time: which frame comes some steps after which."""

import torch
from jaxtyping import Int64
from torch import Tensor

from ssl_objectives.refusal import ConfigError

_NO_ORDER = (
    "These views are frames that follow each other, and these images have no order in "
    "time. Choose recorded frames (--images recorded, of episodes with two steps or "
    "more), or views of single images (--views two)."
)


class Episodes:
    """Episodes of a data set: one behind the other, together all of its rows.

    Args:
        starts: the first row of each, in order; the first of all is 0.
        num_rows: N, rows of all of them.

    Raises:
        ValueError: these are no first rows of so many.
    """

    def __init__(self, starts: Int64[Tensor, "E"], num_rows: int) -> None:
        lengths = torch.diff(starts, append=torch.tensor([num_rows]))
        if not len(starts) or starts[0] != 0 or (lengths < 1).any():
            raise ValueError(
                f"episodes must begin with row 0, each behind the one before it, and "
                f"all of them below {num_rows}"
            )
        self._starts, self._lengths = starts, lengths
        self._longest = int(lengths.max())

    def first(self, rows: Int64[Tensor, "n"]) -> Int64[Tensor, "n"]:
        """The first row of the episode of each row."""
        return self._starts[self._of(rows)]

    def pairs(
        self, rows: Int64[Tensor, "n"], apart: int
    ) -> tuple[Int64[Tensor, "n"], Int64[Tensor, "n"]]:
        """Two rows of the episode of each row: itself, and the one `apart` steps later.

        Where the episode ends before, both lie further back, so that they stay `apart`
        steps apart; of an episode that is too short for that, they are the first and
        the last.

        Raises:
            ConfigError: no episode has two rows: nothing follows anything.
        """
        if self._longest < 2:
            raise no_order()
        which = self._of(rows)
        first = self._starts[which]
        last = first + self._lengths[which] - 1
        earlier = torch.minimum(rows, (last - apart).clamp(min=first))
        return earlier, torch.minimum(earlier + apart, last)

    def _of(self, rows: Int64[Tensor, "n"]) -> Int64[Tensor, "n"]:
        """The number of the episode of each row."""
        return torch.searchsorted(self._starts, rows, right=True) - 1


def no_order() -> ConfigError:
    """What images are refused with where frames were wanted that follow each other."""
    return ConfigError(_NO_ORDER)
