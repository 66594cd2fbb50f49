"""Label subsets for semi-supervised probes: a few labels, balanced over classes."""

import torch
from jaxtyping import Int64
from torch import Tensor

from ssl_objectives.images.source import UNKNOWN
from ssl_objectives.refusal import ConfigError


def label_subset(
    labels: Int64[Tensor, "N"], amount: str | int | float, seed: int = 0
) -> Int64[Tensor, "N"]:
    """The labels of some rows, and -1 elsewhere.

    Classes get the same number of labels up to one, as far as they have as many, and at
    least one each. With one seed, fewer labels are a part of more.

    Args:
        labels: class numbers, -1 where unknown.
        amount: see `num_labels`.
        seed: of the choice.

    Raises:
        ConfigError: an amount that is none, or no label is known.
    """
    known = torch.nonzero(labels != UNKNOWN).flatten()
    if not len(known):
        raise ConfigError("There are no labels to choose from.")
    generator = torch.Generator().manual_seed(seed)
    shuffled = known[torch.randperm(len(known), generator=generator)]
    classes, number = labels[shuffled].unique(return_inverse=True)
    by_class = number.argsort(stable=True)
    counts = number.bincount()
    place = torch.arange(len(known)) - (counts.cumsum(0) - counts)[number[by_class]]
    # one of each class, then a second of each, …; classes in a random order
    turn = torch.randperm(len(classes), generator=generator)[number[by_class]]
    order = by_class[(place * len(classes) + turn).argsort()]
    count = max(len(classes), num_labels(amount, len(known)))
    chosen = shuffled[order[:count]]
    kept = torch.full_like(labels, UNKNOWN)
    kept[chosen] = labels[chosen]
    return kept


def num_labels(amount: str | int | float, known: int) -> int:
    """How many labels an amount is: `1%` and `0.01` are shares, `500` a number.

    Text without a point or a percent sign is a number of labels, and so is an int; a
    float is a share.

    Args:
        amount: as text, or a number.
        known: how many labels there are.

    Raises:
        ConfigError: it is neither, or not between 0 and what there is.
    """
    text = str(amount).strip()
    try:
        if text.endswith("%"):
            share = float(text[:-1]) / 100
        elif text.lstrip("+").isdecimal():
            return _counted(int(text), known)
        else:
            share = float(text)
    except ValueError:
        raise ConfigError(
            f"labels: {amount!r} is no amount. Give a share (1% or 0.01) or a number "
            "(500)."
        ) from None
    if not 0 < share <= 1:
        raise ConfigError(
            f"labels: {amount!r} is no share: it must be above 0 and at most 100% "
            "(a number of labels has no point)."
        )
    return max(1, round(share * known))


def _counted(count: int, known: int) -> int:
    if not 1 <= count <= known:
        raise ConfigError(
            f"labels: {count:,} were asked for, and there are {known:,}. Give a number "
            "from 1 up to that, or a share such as 1%."
        )
    return count
