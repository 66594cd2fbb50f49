"""How good steps and rewards are: agreement with true steps, and with time."""

import torch
from jaxtyping import Float, Int64
from torch import Generator, Tensor

from agents.rewards.segmentation import labels_of


def jaccard(
    found: Int64[Tensor, "num"], truth: Int64[Tensor, "num"], steps: int
) -> float:
    """Frames that both call step i, of those that either does; the mean over steps.

    Args:
        found, truth: the step of each frame, from 0.
        steps: n; a step that neither knows is left out.
    """
    shares = []
    for step in range(steps):
        here, there = found == step, truth == step
        if (here | there).any():
            shares.append(float((here & there).sum() / (here | there).sum()))
    return sum(shares) / len(shares)


def ordered_random_jaccard(
    truth: Int64[Tensor, "num"], steps: int, draws: int, generator: Generator
) -> float:
    """The mean of steps in order whose cuts are uniformly random."""
    num = len(truth)
    total = 0.0
    for _ in range(draws):
        cuts = torch.randperm(num - 1, generator=generator)[: steps - 1].sort().values
        starts = torch.cat([cuts.new_zeros(1), cuts + 1])
        total += jaccard(labels_of(starts, num), truth, steps)
    return total / draws


def spearman(x: Float[Tensor, "num"], y: Float[Tensor, "num"]) -> float:
    """Spearman's rank correlation; ties share their mean rank.

    0 where one of the two never changes.
    """
    one, other = (_ranks(v) - (len(v) - 1) / 2 for v in (x, y))
    scale = (one.square().sum() * other.square().sum()).sqrt()
    return float((one * other).sum() / scale) if scale > 0 else 0.0


def order_in_time(reward: Float[Tensor, "num"]) -> float:
    """Spearman's rank correlation with time; 0 where nothing changes."""
    return spearman(reward, torch.arange(len(reward), dtype=torch.float64))


def _ranks(x: Float[Tensor, "num"]) -> Float[Tensor, "num"]:
    _, place, count = x.unique(return_inverse=True, return_counts=True)
    end = count.cumsum(0).double()
    rank: Tensor = (end - (count + 1) / 2)[place]
    return rank
