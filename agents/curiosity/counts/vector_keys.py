"""Vectors as integers, and which keys belong to what a signal reads."""

from typing import final

from jaxtyping import Float32, Int64
from torch import Tensor

from agents.curiosity.counts.keys import (
    FrameKeys,
    Keys,
    SignHash,
    SimHash,
    random_weights,
)
from agents.curiosity.sight import FrameSight, Sight, VectorSight


@final
class VectorKeys(Keys):
    """`Σ_i w_i round(v_i L / 2)` modulo 2^64, w random.

    Numbers of a vector are told apart in steps of 2 / L, in units of the world: L of
    them from -1 to 1. So -1, 0 and 1 lie in the middle of a step, not at a border that
    rounding might cross.

    Args:
        sight: of the vector.
        levels: L, at most 256.
    """

    def __init__(self, sight: VectorSight, levels: int = 256) -> None:
        super().__init__(sight)
        self.levels = levels
        self.register_buffer("weight", random_weights(sight.shape[0]))
        self.weight: Tensor

    def _key(self, rows: Float32[Tensor, "N V"]) -> Int64[Tensor, "N"]:
        steps = (rows * (self.levels / 2)).round().long()
        return (steps * self.weight).sum(-1)


@final
class VectorHash(SignHash):
    """`sign(A (v - μ))`, as a number of k bits: g is the vector itself.

    Args:
        sight: of the vector.
        bits: k.

    Raises:
        ValueError: more bits than a table of counts has room for.
    """

    def __init__(self, sight: VectorSight, bits: int = 16) -> None:
        super().__init__(sight, sight.shape[0], bits)

    def _look(self, rows: Float32[Tensor, "N V"]) -> Float32[Tensor, "N V"]:
        return rows


def exact_keys(sight: Sight, cell: int, levels: int) -> Keys:
    """Keys of rows themselves.

    Args:
        sight: what is read.
        cell: side of the squares of pixels that are averaged first; 1 for none.
        levels: of brightness, or of numbers, that are told apart.

    Raises:
        ValueError: cells are larger than the frame, or of a vector.
    """
    if isinstance(sight, FrameSight):
        return FrameKeys(sight.shape, cell, levels)
    assert isinstance(sight, VectorSight)
    if cell > 1:
        raise ValueError(
            f"a vector has no pixels to be averaged: leave cell at 1, not {cell}"
        )
    return VectorKeys(sight, levels)


def hashed_keys(sight: Sight, bits: int, grid: int) -> Keys:
    """Hashes of rows.

    Args:
        sight: what is read.
        bits: of a hash.
        grid: squares along each side of a frame.

    Raises:
        ValueError: more bits than a table of counts has room for.
    """
    if isinstance(sight, FrameSight):
        return SimHash(sight.shape, bits, grid)
    assert isinstance(sight, VectorSight)
    return VectorHash(sight, bits)
