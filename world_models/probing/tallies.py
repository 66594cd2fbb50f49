"""Sums of rows by episode, and what a tally comes to, with an interval of episodes."""

from typing import NamedTuple

import torch
from jaxtyping import Float64, Int64, Shaped
from torch import Tensor

from world_models.probing.probe import Tally

DRAWS = 1_000
LEVEL = 0.95
LEAST_EPISODES = 5  # below which there is no interval
_SEED = 0  # of all draws, so that a report repeats


class Score(NamedTuple):
    """A score, and its 95 % interval over episodes; None where there are too few."""

    value: float
    low: float | None
    high: float | None


def by_episode(
    values: Shaped[Tensor, "N S"], episode: Int64[Tensor, "N"]
) -> Float64[Tensor, "E S"]:
    """Sums over the rows of each episode, in the order of their numbers."""
    numbers, own = episode.unique(return_inverse=True)
    sums = torch.zeros(
        len(numbers), values.shape[1], dtype=torch.float64, device=values.device
    )
    return sums.index_add_(0, own, values.double())


@torch.no_grad()
def estimates(tally: Tally) -> dict[str, Score]:
    """Every score of a tally, with the percentile bootstrap interval over episodes.

    Whole episodes are drawn, with replacement: rows of one episode are so much alike
    that an interval of rows would be far too narrow.
    """
    values = tally.scores(tally.sums.sum(0))
    episodes = len(tally.sums)
    if episodes < LEAST_EPISODES:
        return {k: Score(float(x), None, None) for k, x in values.items()}
    generator = torch.Generator().manual_seed(_SEED)
    drawn = torch.randint(episodes, (DRAWS, episodes), generator=generator)
    times = torch.zeros(DRAWS, episodes, dtype=torch.float64)
    times.scatter_add_(1, drawn, torch.ones_like(times))
    each = tally.scores(times.to(tally.sums.device) @ tally.sums)
    ends = torch.tensor([(1 - LEVEL) / 2, (1 + LEVEL) / 2], dtype=torch.float64)
    made = {}
    for name, x in values.items():
        low, high = each[name].double().cpu().nanquantile(ends).tolist()
        made[name] = Score(float(x), low, high)
    return made
