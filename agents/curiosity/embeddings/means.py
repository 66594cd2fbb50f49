"""Means over the valid transitions of all processes."""

from jaxtyping import Bool, Float32
from torch import Tensor

from agents.policy.ppo import masked_mean
from ssl_objectives.distributed import gathered_rows
from ssl_objectives.objective import Loss


def mean_of_all(
    each: Float32[Tensor, "T b"], valid: Bool[Tensor, "T b"]
) -> Float32[Tensor, ""]:
    """Over valid transitions, whichever process has them."""
    return masked_mean(gathered_rows(each, 1), gathered_rows(valid, 1))


def mean_loss(each: Float32[Tensor, "T b"], valid: Bool[Tensor, "T b"]) -> Loss:
    """The same, as a signal's own loss on a minibatch."""
    return Loss(None, mean_of_all(each, valid))
