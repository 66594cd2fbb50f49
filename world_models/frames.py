"""Stacks of frames: the last n of each row as channels, made on the device."""

import torch
from jaxtyping import Bool, UInt8
from torch import Tensor


def stack_frames(
    obs: UInt8[Tensor, "R B C H W"],
    first: Bool[Tensor, "R B"],
    before: UInt8[Tensor, "P B C H W"],
) -> tuple[UInt8[Tensor, "R B nC H W"], UInt8[Tensor, "P B C H W"]]:
    """The last n frames of each row as channels, oldest first, zero before `first`.

    Also returns the n-1 frames to stack in front of the row that follows.
    """
    history = len(before)
    if history == 0:
        return obs, before
    rows = torch.cat([before, obs])
    layers, usable = [obs], torch.ones_like(first)
    for back in range(1, history + 1):
        # a frame `back` rows ago counts while no episode began since
        began = torch.zeros_like(first)
        began[back - 1 :] = first[: max(0, len(first) - back + 1)]
        usable = usable & ~began
        older = rows[history - back : len(rows) - back]
        layers.append(older * usable.view(*usable.shape, 1, 1, 1))
    stacked = torch.cat(layers[::-1], dim=2)
    # the newest row's stack, less its oldest frame, precedes the next row
    following = stacked[-1].unflatten(1, (history + 1, -1))[:, 1:].transpose(0, 1)
    return stacked, following.contiguous()
