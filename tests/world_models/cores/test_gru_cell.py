"""A GRU's steps in one node of the graph, against the same steps left to autograd."""

import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.encoders.precision import Precision
from world_models.cores.gru_cell import GruCell
from world_models.cores.gru_unroll import unroll

B, S = 3, 4
STEPS = 6


def cell() -> GruCell:
    torch.manual_seed(0)
    made = GruCell(2, S).double()
    for bias in (made.from_input.bias, made.from_memory.bias):
        nn.init.normal_(bias)
    return made


def inputs(starts: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    gates = torch.randn(STEPS + starts - 1, B, 3 * S, generator=generator).double()
    memory = torch.randn(starts, B, S, generator=generator).double()
    keep = (torch.rand(STEPS, B, 1, generator=generator) > 0.3).double()
    assert 0 < keep.mean() < 1
    return gates.requires_grad_(), memory.requires_grad_(), keep


def steps(model: GruCell, gates: Tensor, memory: Tensor, keep: Tensor | None) -> Tensor:
    """As the package takes them: along a sequence with `keep`, else from all rows."""
    if keep is None:
        return model.from_all(gates, memory)
    return model.along(gates, memory[0], keep).unsqueeze(1)


def by_hand(model: GruCell, gates: Tensor, memory: Tensor, keep: Tensor) -> Tensor:
    """Each start and step on its own, with torch's own GRU cell."""
    own = nn.GRUCell(3 * S, S).double()
    own.weight_ih.data = torch.eye(3 * S).double()
    nn.init.zeros_(own.bias_ih)
    del own.weight_hh, own.bias_hh
    own.weight_hh, own.bias_hh = model.from_memory.weight, model.from_memory.bias
    rows = []
    for start in range(len(memory)):
        at, row = memory[start], []
        for k in range(STEPS):
            at = own(gates[start + k], at * keep[k])
            row.append(at)
        rows.append(torch.stack(row))
    return torch.stack(rows, 1)


@pytest.mark.parametrize(("starts", "resets"), [(1, False), (1, True), (5, False)])
def test_steps_and_gradients_are_those_of_the_gru_of_torch(
    starts: int, resets: bool
) -> None:
    model = cell()
    gates, memory, keep = inputs(starts)
    if not resets:
        keep = torch.ones_like(keep)
    wanted = by_hand(model, gates, memory, keep)
    got = steps(model, gates, memory, keep if resets else None)
    torch.testing.assert_close(got, wanted)
    leaves = (gates, memory, *model.from_memory.parameters())
    reaching = torch.randn_like(wanted)
    torch.testing.assert_close(
        torch.autograd.grad(got, leaves, reaching),
        torch.autograd.grad(wanted, leaves, reaching),
    )


@pytest.mark.parametrize("starts", [1, 5])
def test_without_gradient_the_steps_are_the_same(starts: int) -> None:
    model = cell()
    gates, memory, keep = inputs(starts)
    resets = keep if starts == 1 else None
    with torch.no_grad():
        got = steps(model, gates, memory, resets)
    torch.testing.assert_close(got, steps(model, gates, memory, resets))
    assert not got.requires_grad


@pytest.mark.parametrize("starts", [1, 2])
def test_gradients_are_those_of_finite_differences(starts: int) -> None:
    model = cell()
    gates, memory, keep = inputs(starts)
    linear = model.from_memory

    def whole(*leaves: Tensor) -> Tensor:
        resets = keep if starts == 1 else None
        return unroll(leaves[0], leaves[1], resets, leaves[2], leaves[3])

    assert torch.autograd.gradcheck(whole, (gates, memory, linear.weight, linear.bias))


def test_keep_is_for_sequences() -> None:
    gates, memory, keep = inputs(2)
    linear = cell().from_memory
    with pytest.raises(ValueError, match="not for 2 starts"):
        unroll(gates, memory, keep, linear.weight, linear.bias)


@pytest.mark.parametrize("starts", [1, 5])
def test_products_in_bf16_change_little(starts: int) -> None:
    """Memories, sums over steps and slopes stay float32, whatever is multiplied."""
    gates, memory, keep = inputs(starts)
    found = []
    for precision in (Precision.FLOAT32, Precision.BFLOAT16):
        torch.manual_seed(0)
        model = GruCell(3, S, precision)
        x, h = (x.detach().float().requires_grad_() for x in (gates, memory))
        got = steps(model, x, h, keep.float() if starts == 1 else None)
        wanted = (x, h, *model.from_memory.parameters())
        given = torch.autograd.grad(got.square().sum(), wanted)
        assert all(x.dtype == torch.float32 for x in (got, *given))
        found.append((got.detach(), *given))
    torch.testing.assert_close(found[1][0], found[0][0], rtol=0, atol=0.02)
    assert not torch.equal(found[1][0], found[0][0])
    for low, full in zip(found[1][1:], found[0][1:], strict=True):
        cosine = torch.cosine_similarity(low.flatten(), full.flatten(), 0)
        assert float(cosine) > 0.9995
