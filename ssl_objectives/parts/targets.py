"""Target networks (momentum encoder, teacher): an EMA of the online network."""

import copy
import math

import torch
from torch import nn


class EmaTarget(nn.Module):
    """An EMA copy of the online network: `φ ← decay φ + (1 - decay) θ`.

    Parameters and float buffers are averaged in float32 or better, integer buffers are
    copied. The copy never requires gradients. Deviation: BYOL's official code averages
    parameters alone; in training, batch norms of the copy also see their own batches.

    Args:
        online: the network to follow; copied now.
        decay: per call of `follow`, that is, per gradient step.

    Raises:
        ValueError: the network is in half precision, where small steps are lost.
    """

    def __init__(self, online: nn.Module, decay: float) -> None:
        super().__init__()
        for x in (*online.parameters(), *online.buffers()):
            if x.dtype in (torch.bfloat16, torch.float16):
                raise ValueError(
                    f"a target cannot follow a network in {x.dtype}, where small steps "
                    "round to nothing; keep it in float32, and compute under autocast"
                )
        self.decay = decay
        self.network = copy.deepcopy(online).requires_grad_(False)

    @torch.no_grad()
    def follow(self, online: nn.Module, decay: float | None = None) -> None:
        """Move a step towards `online`; with another decay, if one is given."""
        share = 1 - (self.decay if decay is None else decay)
        mine: list[torch.Tensor] = list(self.network.parameters())
        theirs = [p.detach() for p in online.parameters()]
        torch._foreach_lerp_(mine, theirs, share)
        buffers = zip(self.network.buffers(), online.buffers(), strict=True)
        for own, new in buffers:
            if own.is_floating_point():
                own.lerp_(new, share)
            else:
                own.copy_(new)


def rising(decay: float, done: float) -> float:
    """BYOL's decay when a share `done` of the run is done: `decay` at first, then 1.

    `1 - (1 - decay) (cos(π done) + 1) / 2`.
    """
    return 1 - (1 - decay) * (math.cos(math.pi * done) + 1) / 2


def checked_decay(decay: float) -> float:
    """The decay of a running mean, if it is one.

    Raises:
        ValueError: it is not at least 0 and below 1.
    """
    if not 0 <= decay < 1:
        raise ValueError(f"a decay must be at least 0 and below 1, not {decay}")
    return decay
