"""The loss of double Q learning, as a function of Q values and what happened."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float32, Int64
from torch import Tensor

from agents.policy.off_policy import PolicyLoss


@dataclass(frozen=True)
class Transitions:
    """What happened between the rows that Q values belong to.

    Attributes:
        action: taken.
        reward: paid for it.
        terminated: nothing comes behind it. (A truncated episode is worth as much as
            the row that it was cut off at.)
        valid: False where the transition joins two episodes.
    """

    action: Int64[Tensor, "T b"]
    reward: Float32[Tensor, "T b"]
    terminated: Bool[Tensor, "T b"]
    valid: Bool[Tensor, "T b"]


def double_q_target(
    happened: Transitions,
    online: Float32[Tensor, "T b A"],
    target: Float32[Tensor, "T b A"],
    discount: float,
    scaled: bool,
) -> Float32[Tensor, "T b"]:
    """`y = c r + γ (1 - terminated) Q'(s', argmax_a Q(s', a))`, without gradient.

    c is 1 - γ where `scaled`: Q is then a weighted mean of rewards and has their scale,
    whatever γ is. Otherwise c is 1.

    Args:
        happened: the transitions.
        online, target: Q and Q' of the rows that they lead to.
        discount: γ.
        scaled: see above.
    """
    with torch.no_grad():
        best = online.argmax(-1, keepdim=True)
        value = target.gather(-1, best).squeeze(-1)
        value = value.masked_fill(happened.terminated, 0.0)
        share = 1.0 - discount if scaled else 1.0
        return share * happened.reward + discount * value


def dqn_loss(
    happened: Transitions,
    q: Float32[Tensor, "T b A"],
    wanted: Float32[Tensor, "T b"],
) -> PolicyLoss:
    """Huber loss of `Q(s, a) - y`, threshold 1, mean over valid transitions.

    Args:
        happened: the transitions.
        q: Q values of the rows that they begin in.
        wanted: y, from `double_q_target`.
    """
    taken = q.gather(-1, happened.action.unsqueeze(-1)).squeeze(-1)
    weight = happened.valid.to(taken.dtype)
    each = F.smooth_l1_loss(taken, wanted, reduction="none")
    count = weight.sum().clamp(min=1.0)
    total = (each * weight).sum() / count
    with torch.no_grad():
        value = (taken * weight).sum() / count
    return PolicyLoss(total, {"loss/q": total.detach(), "policy/q": value})
