"""Vectors whose three components are the first axis."""

from jaxtyping import Float32
from torch import Tensor


def unit(vector: Float32[Tensor, "3 *pixels"]) -> Float32[Tensor, "3 *pixels"]:
    """The same direction, one long."""
    x, y, z = vector
    return vector * (x * x).addcmul_(y, y).addcmul_(z, z).rsqrt_()
