"""What happened in a rollout, by kind of event, and what was paid for it."""

from collections.abc import Mapping

import torch
from jaxtyping import Bool
from torch import Tensor

from agents.curiosity.signal import IntrinsicReward
from agents.metrics import Metrics
from agents.policy.ppo import masked_mean

PLAIN = "plain"
"""the steps at which nothing happened"""


def of_events(
    paid: Mapping[str, IntrinsicReward],
    valid: Bool[Tensor, "T B"],
    events: Mapping[str, Bool[Tensor, "T B"]],
) -> Metrics:
    """`event/<event>/…`: how often each happened, and what a signal gave for it.

    Shares, of all valid transitions, with a signal's raw reward r and what is paid, p:

        steps            of the transitions, that had the event
        bonus/<signal>   of Σ |p|, that fell on these
        raw/<signal>     of Σ |r|, likewise

    So `bonus / steps` is what such a transition is paid, in means of all; of several
    rollouts, the mean of the one over the mean of the other. Several events can fall on
    one transition, and shares add up to more than 1; `plain` are those without any.

    Args:
        paid: by signal.
        valid: transitions inside an episode.
        events: by name, where they happened.
    """
    if not events:
        return {}
    none = ~torch.stack(list(events.values())).any(0)
    metrics: Metrics = {}
    for name, where in {**events, PLAIN: none}.items():
        there = where & valid
        metrics[f"event/{name}/steps"] = masked_mean(there.float(), valid)
        for signal, intrinsic in paid.items():
            bonus, raw = intrinsic.reward, intrinsic.raw
            metrics[f"event/{name}/bonus/{signal}"] = _share(bonus, there, valid)
            metrics[f"event/{name}/raw/{signal}"] = _share(raw, there, valid)
    return metrics


def _share(x: Tensor, there: Tensor, valid: Tensor) -> Tensor:
    """Of the sum of sizes; 0 where all are 0."""
    size = x.abs().masked_fill(~valid, 0.0)
    part, whole = size.masked_fill(~there, 0.0).sum(), size.sum()
    return torch.where(whole > 0, part / whole, 0.0)
