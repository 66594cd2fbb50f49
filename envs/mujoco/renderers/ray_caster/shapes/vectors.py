"""Vectors whose three components are the first axis."""

from jaxtyping import Float32
from torch import Tensor


def unit(vector: Float32[Tensor, "3 *batch"]) -> Float32[Tensor, "3 *batch"]:
    """The same direction, one long."""
    x, y, z = vector
    result: Tensor = vector * (x * x).addcmul_(y, y).addcmul_(z, z).rsqrt_()
    return result
