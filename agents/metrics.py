"""What an agent tells of a training step, under the names of a log."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from agents.curiosity.signal import IntrinsicReward
from agents.policy.ppo import masked_mean
from world_models.model_loss import PREDICTION, ModelLoss

Metrics = dict[str, Float[Tensor, ""]]


def of_rewards(
    paid: Mapping[str, IntrinsicReward], valid: Bool[Tensor, "T B"]
) -> Metrics:
    """`intrinsic/<signal>/…`: mean and spread of what is measured and what is paid.

    And what the signal tells beside.
    """
    metrics: Metrics = {}
    for name, intrinsic in paid.items():
        for what, x in (("reward", intrinsic.reward), ("raw", intrinsic.raw)):
            mean = masked_mean(x, valid)
            spread = masked_mean((x - mean) ** 2, valid).sqrt()
            metrics[f"intrinsic/{name}/{what}_mean"] = mean
            metrics[f"intrinsic/{name}/{what}_std"] = spread
        for what, x in intrinsic.told.items():
            metrics[f"intrinsic/{name}/{what}"] = x
    return metrics


def of_model(loss: ModelLoss) -> Metrics:
    """`world_model/…`: its objective's metrics, and the means of its further terms."""
    return {f"world_model/{name}": x for name, x in loss.told().items()}


def of_surprise(loss: ModelLoss) -> Metrics:
    """`world_model/fresh_…`: means of its further terms where nothing was learned yet.

    On a rollout, before any gradient step on it.
    """
    further = [name for name in loss.terms if name != PREDICTION]
    told = loss.told()
    return {f"world_model/fresh_{name}": told[name] for name in further}


def mean_of(steps: Sequence[Metrics]) -> Metrics:
    """Each metric's mean over several gradient steps, which tell the same ones."""
    if not steps:
        return {}
    return {name: torch.stack([x[name] for x in steps]).mean() for name in steps[0]}
