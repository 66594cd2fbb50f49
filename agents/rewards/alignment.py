"""Steps in order, of frames of which it is known how much each looks like each step."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from ssl_objectives.refusal import ConfigError


def starts_in_order(likeness: Float[Tensor, "T n"]) -> Int64[Tensor, "n"]:
    """The first frame of each step; the first is 0.

    `argmax Σ_t likeness[t, step(t)]` over all ways to go through the n steps, in their
    order and at least one frame in each: the Viterbi path of a chain that stays or goes
    on. Of several, the earliest starts. `O(n T)`.

    Args:
        likeness: of frame t to step i, such as a log-likelihood; what is more is alike.

    Raises:
        ConfigError: fewer frames than steps.
    """
    frames, steps = likeness.shape
    if frames < steps:
        raise ConfigError(f"{frames} frames cannot go through {steps} steps.")
    scores = likeness.double().cpu()
    upto = torch.cat([torch.zeros_like(scores[:1]), scores.cumsum(0)])
    total, came = upto[:, 0].clone(), []  # total[t]: of the first t, the last in step i
    total[0] = -torch.inf  # no step is empty
    for step in range(1, steps):
        gain = total - upto[:, step]
        best, at = _first_best(gain[:-1])
        total = upto[:, step].clone()
        total[0] = -torch.inf
        total[1:] += best
        came.append(at)
    end, starts = frames, []
    for at in reversed(came):
        end = int(at[end - 1])
        starts.append(end)
    return torch.tensor([0, *reversed(starts)])


def _first_best(
    gain: Float[Tensor, "num"],
) -> tuple[Float[Tensor, "num"], Int64[Tensor, "num"]]:
    """The most up to each place, and the first place where it is reached."""
    best = gain.cummax(0).values
    new = torch.ones_like(best, dtype=torch.bool)
    new[1:] = best[1:] > best[:-1]
    return best, torch.where(new, torch.arange(len(best)), 0).cummax(0).values
