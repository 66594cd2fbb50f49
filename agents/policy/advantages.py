"""Advantage estimation (GAE) for episodic and for non-episodic reward streams."""

import torch
from jaxtyping import Bool, Float32
from torch import Tensor


def episodic_advantage(
    reward: Float32[Tensor, "T B"],
    value: Float32[Tensor, "T+1 B"],
    terminated: Bool[Tensor, "T B"],
    truncated: Bool[Tensor, "T B"],
    first: Bool[Tensor, "T+1 B"],
    discount: float,
    trace: float,
) -> Float32[Tensor, "T B"]:
    """Generalised advantage estimate (arXiv 1506.02438) that ends with the episode.

    `δ_t = r_t + γ (1-terminated_t) V_{t+1} - V_t` and
    `A_t = δ_t + γ λ (1-ended_t) A_{t+1}`: a truncated episode bootstraps from the value
    of its own final observation, which is row t+1. Transitions into a first row get 0.
    """
    valid = ~first[1:]
    delta = reward + discount * value[1:] * ~terminated - value[:-1]
    decay = discount * trace * ~(terminated | truncated)
    return _accumulate(delta * valid, decay * valid)


def continuing_advantage(
    reward: Float32[Tensor, "T B"],
    value: Float32[Tensor, "T+1 B"],
    first: Bool[Tensor, "T+1 B"],
    discount: float,
    trace: float,
) -> Float32[Tensor, "T B"]:
    """Advantage of a stream that ignores episodes, as RND's intrinsic one does.

    The transition into a first row is no step of the agent: it has reward 0, discount 1
    and trace 1, and the row before it takes the value of the row after it. The result
    on all other transitions equals that of the same data with that row removed.
    """
    joins = first[1:]
    rows = value.clone()
    rows[:-1] = torch.where(joins, value[1:], value[:-1])
    delta = reward + discount * rows[1:] - rows[:-1]
    decay = torch.full_like(reward, discount * trace)
    return _accumulate(delta.masked_fill(joins, 0.0), decay.masked_fill(joins, 1.0))


def continuing_returns(
    advantage: Float32[Tensor, "T B"],
    value: Float32[Tensor, "T+1 B"],
    first: Bool[Tensor, "T+1 B"],
) -> Float32[Tensor, "T B"]:
    """Value targets of a stream that ignores episodes: `R_t = A_t + V_t`.

    At the transition into a first row it is `R_t = V_{t+1}`: no reward and no time lie
    between the two rows. Without this target the value of final rows is never trained,
    and a rollout that ends on one bootstraps from it.
    """
    return torch.where(first[1:], value[1:], advantage + value[:-1])


def _accumulate(
    delta: Float32[Tensor, "T B"], decay: Float32[Tensor, "T B"]
) -> Float32[Tensor, "T B"]:
    """`A_t = δ_t + decay_t A_{t+1}`, backwards from `A_T = 0`."""
    advantage = torch.empty_like(delta)
    following = torch.zeros_like(delta[0])
    for t in range(len(delta) - 1, -1, -1):
        following = delta[t] + decay[t] * following
        advantage[t] = following
    return advantage
