"""What came of a row: what was done in it, and whether that was rewarded.

How well the next action of somebody who plays well, and the next reward, can be read
off latents: light-weight probes of encoders for agents (arXiv 2208.12345). Deviations:
by the linear softmax that reads all other classes, not by focal loss; reward with F1 of
both classes, weighted by how often they are.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from jaxtyping import Bool, Shaped
from torch import Tensor

from ssl_objectives.refusal import DatasetError
from world_models.probing.footage import Footage


def acted(footage: Footage) -> Shaped[Tensor, "N ..."]:
    """What was done in each row: the class of an action, or its numbers in [-1, 1].

    Raises:
        DatasetError: nobody acted.
    """
    if footage.action is None:
        raise DatasetError(
            f"{footage.about} tells no actions, so that none can be read off. Record "
            "with `curious record`."
        )
    done = _next(footage.action)
    return done.float() if done.is_floating_point() else done.long()


def rewarded(footage: Footage) -> Bool[Tensor, "N"]:
    """Whether the step behind each row earned a reward, of either sign.

    Raises:
        DatasetError: no rewards are known.
    """
    if footage.reward is None:
        raise DatasetError(
            f"{footage.about} tells no rewards, so that none can be read off. Record "
            "with `curious record`."
        )
    return _next(footage.reward) != 0


OUTCOMES: Mapping[str, Callable[[Footage], Tensor]] = MappingProxyType(
    {"acted": acted, "rewarded": rewarded}
)
"""By the names that they are asked for: `--facts acted rewarded`."""


def known_outcome(footage: Footage) -> Bool[Tensor, "N"]:
    """Rows behind which another of the same episode lies."""
    known = torch.zeros(len(footage), dtype=torch.bool)
    known[:-1] = ~footage.first[1:]
    return known


def _next(column: Shaped[Tensor, "N ..."]) -> Shaped[Tensor, "N ..."]:
    """What led into the next row; of the last row its own, which is not known."""
    return torch.cat([column[1:], column[-1:]])
