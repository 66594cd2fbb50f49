"""Unrolls a GRU in one node of the autograd graph, with a hand-written backward.

Left to autograd, each step has some twenty-five small operations on its way back, one
of them its own share of the weight's gradient. Here a step of a sequence has eight, and
a sequence one product for the weight's gradient.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable


def unroll(
    gates: Float[Tensor, "J B G"],
    memory: Float[Tensor, "R B S"],
    keep: Float[Tensor, "K B 1"] | None,
    weight: Float[Tensor, "G S"],
    bias: Float[Tensor, "G"],
    low: torch.dtype | None = None,
) -> Float[Tensor, "K R B S"]:
    """K = J - R + 1 steps from R starting points, each a row further than the last.

    Step k of start r takes the input gates of row r + k. With R = 1 this is a GRU over
    a sequence, with more it is the same GRU begun at every row. Gradients can be taken
    once, backwards (no double backward, no `torch.func`).

    Args:
        gates: input part of the gates, `G = 3 S`: reset, update, new.
        memory: at the starting points.
        keep: of a sequence (R = 1): what each step's memory is multiplied with before
            it, 0 where an episode begins; None for 1.
        weight, bias: from memory to its part of the gates.
        low: format of the products with the weight; None: the weight's own.

    Raises:
        ValueError: `keep` with R > 1, where a step is another row for each start.
    """
    if keep is not None and len(memory) != 1:
        raise ValueError(f"keep is for a sequence, not for {len(memory)} starts")
    out: Tensor = _Unroll.apply(gates, memory, keep, weight, bias, low)  # type: ignore[no-untyped-call]  # torch has no types for it
    return out


class _Unroll(torch.autograd.Function):
    """`h' = (1-z) n + z h`, with r, z = σ(x + U h), n = tanh(x_n + r (U_n h + b_n))."""

    @staticmethod
    def forward(
        ctx: Any,
        gates: Tensor,
        memory: Tensor,
        keep: Tensor | None,
        weight: Tensor,
        bias: Tensor,
        low: torch.dtype | None,
    ) -> Tensor:
        """Step by step, remembering what the way back needs."""
        starts, size = len(memory), memory.shape[-1]
        shape = (len(gates) - starts + 1, *memory.shape)
        after, new, new_h = (memory.new_empty(shape) for _ in range(3))
        both = memory.new_empty(*shape[:-1], 2 * size)  # reset and update
        weight = weight if low is None else weight.to(low)
        parts = [
            (out, weight[part].t(), bias[part])
            for out, part in ((both, slice(2 * size)), (new_h, slice(2 * size, None)))
        ]
        for k in range(len(after)):
            x = gates[k : k + starts]
            before = _before(k, memory, after, keep)
            flat = before.flatten(0, 1).to(weight.dtype)
            for out, each, shift in parts:
                rows = out[k].flatten(0, 1)
                if each.dtype == rows.dtype:
                    torch.addmm(shift, flat, each, out=rows)
                else:
                    torch.add(flat @ each, shift, out=rows)
            both[k].add_(x[..., : 2 * size]).sigmoid_()
            reset, update = both[k].chunk(2, -1)
            torch.addcmul(x[..., 2 * size :], reset, new_h[k], out=new[k]).tanh_()
            torch.lerp(new[k], before, update, out=after[k])
        ctx.save_for_backward(memory, after, both, new, new_h, keep, weight)
        return after

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """The last step first."""
        past = _Past(*ctx.saved_tensors)
        way_back = _along_a_sequence if len(past.memory) == 1 else _from_many_starts
        found = way_back(gradient, past)
        return *found[:2], None, *found[2:], None


Gradients = tuple[Tensor, Tensor, Tensor, Tensor]


class _Past(NamedTuple):
    """What the way back needs; but for the first and the last two, `[K, R, B, …]`."""

    memory: Tensor
    after: Tensor
    both: Tensor  # reset and update
    new: Tensor
    new_h: Tensor
    keep: Tensor | None
    weight: Tensor


def _along_a_sequence(gradient: Tensor, past: _Past) -> Gradients:
    """Many steps of few rows: all but the way from step to step is done at once."""
    memory, after, both, new, new_h, keep, weight = past
    before = torch.cat([memory.unsqueeze(0), after[:-1]])
    before = before if keep is None else before * keep.unsqueeze(1)
    slopes = _slopes(before, both, new, new_h)
    at_h, at_new = (
        both.new_empty(*new.shape[:-1], 3 * new.shape[-1]),
        torch.empty_like(new),
    )
    reaching = gradient[-1]
    for k in reversed(range(len(after))):
        step = [slope[k] for slope in slopes]
        reaching, _ = _step_back(reaching, step, weight, at_h[k], at_new[k])
        if keep is not None:
            reaching.mul_(keep[k])
        if k:
            reaching.add_(gradient[k - 1])
    rows, size = at_h.flatten(0, -2), new.shape[-1]
    at_gates = torch.cat([at_h[..., : 2 * size], at_new], -1).squeeze(1)
    low = weight.dtype
    at_weight = rows.t().to(low) @ before.flatten(0, -2).to(low)
    return at_gates, reaching, at_weight.to(rows.dtype), rows.sum(0)


def _from_many_starts(gradient: Tensor, past: _Past) -> Gradients:
    """Few steps of many rows: each is finished while it is in the cache."""
    memory, after, both, new, new_h, _, weight = past
    starts, size = len(memory), memory.shape[-1]
    at_gates = new.new_zeros(len(after) + starts - 1, *new.shape[2:-1], 3 * size)
    at_weight, at_bias = new.new_zeros(weight.shape), new.new_zeros(len(weight))
    at_h, at_new = (
        both.new_empty(*memory.shape[:-1], 3 * size),
        torch.empty_like(new[0]),
    )
    reaching = gradient[-1]
    for k in reversed(range(len(after))):
        before = _before(k, memory, after, None)
        step = _slopes(before, both[k], new[k], new_h[k])
        reaching, rows = _step_back(reaching, step, weight, at_h, at_new)
        if k:
            reaching.add_(gradient[k - 1])
        window = at_gates[k : k + starts]
        window[..., : 2 * size].add_(at_h[..., : 2 * size])
        window[..., 2 * size :].add_(at_new)
        at_weight.add_(rows.t() @ before.flatten(0, 1).to(rows.dtype))
        at_bias.add_(at_h.flatten(0, 1).sum(0))
    return at_gates, reaching, at_weight, at_bias


def _before(k: int, memory: Tensor, after: Tensor, keep: Tensor | None) -> Tensor:
    """Memory that step k begins with."""
    before = after[k - 1] if k else memory
    return before if keep is None else before * keep[k]


def _slopes(
    before: Tensor, both: Tensor, new: Tensor, new_h: Tensor
) -> tuple[Tensor, ...]:
    """What a step multiplies gradients with; nothing here depends on a gradient.

    From h' to h itself, to what tanh took, to what z's sigmoid took; from what tanh
    took to what r's sigmoid took, and to `U_n h`.
    """
    reset, update = both.chunk(2, -1)
    return (
        update,
        torch.ops.aten.tanh_backward(1 - update, new),
        torch.ops.aten.sigmoid_backward(before - new, update),
        torch.ops.aten.sigmoid_backward(new_h, reset),
        reset,
    )


def _step_back(
    reaching: Tensor,
    slopes: Sequence[Tensor],
    weight: Tensor,
    at_h: Tensor,
    at_new: Tensor,
) -> tuple[Tensor, Tensor]:
    """Fill gradients at the gates.

    Returns the one at the memory before; and the first once more, as rows in the
    format of the weight.
    """
    to_memory, to_new, to_update, new_to_reset, new_to_h = slopes
    at_reset, at_update, at_new_h = at_h.chunk(3, -1)
    torch.mul(reaching, to_new, out=at_new)
    torch.mul(at_new, new_to_reset, out=at_reset)
    torch.mul(reaching, to_update, out=at_update)
    torch.mul(at_new, new_to_h, out=at_new_h)
    kept = (reaching * to_memory).flatten(0, 1)
    rows = at_h.flatten(0, 1).to(weight.dtype)
    if rows.dtype == kept.dtype:
        return torch.addmm(kept, rows, weight).view(reaching.shape), rows
    return kept.add_(rows @ weight).view(reaching.shape), rows
