"""Which episodes a probe is fitted on, chosen by, and measured on."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from ssl_objectives.refusal import DatasetError

LEAST = 5  # episodes, for one at least on each side and two in the test


@dataclass(frozen=True)
class Split:
    """Rows of the three sides; no episode has rows on two of them."""

    train: Bool[Tensor, "N"]
    val: Bool[Tensor, "N"]
    test: Bool[Tensor, "N"]


def split_episodes(
    episode: Int64[Tensor, "N"],
    seed: int = 0,
    val: float = 0.1,
    test: float = 0.2,
) -> Split:
    """Whole episodes by lot; the shares are those of AtariARI (arXiv 1906.08226).

    Args:
        episode: of each row, by any numbers.
        seed: of the lot.
        val: share of the episodes that probes are chosen by; one at least.
        test: share that they are measured on; two at least.

    Raises:
        DatasetError: there are fewer than 5 episodes.
    """
    numbers, own = episode.unique(return_inverse=True)
    count = len(numbers)
    if count < LEAST:
        raise DatasetError(
            f"There {'is' if count == 1 else 'are'} {count} "
            f"episode{'' if count == 1 else 's'}, and probes are fitted and measured "
            f"on different ones: {LEAST} at least, better 50. Record more of them "
            "(curious record --append), or in a world raise --frames."
        )
    kept_val, kept_test = max(1, round(val * count)), max(2, round(test * count))
    if kept_val + kept_test >= count:
        raise ValueError(f"shares of {val} and {test} leave nothing to be fitted on")
    generator = torch.Generator().manual_seed(seed)
    place = torch.empty(count, dtype=torch.int64)
    place[torch.randperm(count, generator=generator)] = torch.arange(count)
    side = place[own.cpu()]
    is_test, is_val = side < kept_test, (side - kept_test < kept_val)
    return Split(~is_test & ~is_val, is_val & ~is_test, is_test)
