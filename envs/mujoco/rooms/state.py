"""What the rules of rooms remember."""

from typing import NamedTuple

from jaxtyping import Bool, Float32, Int64
from torch import Tensor


class RoomsState(NamedTuple):
    """What the rules remember of each world beside its bodies."""

    maze: Int64[Tensor, "B"]  # which layout
    taken: Bool[Tensor, "B K"]  # keys
    opened: Bool[Tensor, "B K"]  # doors
    visited: Bool[Tensor, "B R"]  # rooms
    tv: Float32[Tensor, "B cells 3"]  # what is on; no cells without a television
