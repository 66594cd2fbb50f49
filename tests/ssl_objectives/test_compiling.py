"""Whole networks are compiled, and their copies are not."""

import copy

import torch
from torch import nn
from torch._dynamo.testing import CompileCounter

from ssl_objectives.compiling import compile_whole


def test_a_chain_of_torchs_layers_is_one_graph() -> None:
    """`nn.Module.compile` makes none of it."""
    graphs = CompileCounter()
    chain = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    rows = torch.randn(5, 3)
    expected, names = chain(rows), list(chain.state_dict())
    compile_whole(chain, backend=graphs)
    assert torch.equal(chain(rows), expected)
    assert (graphs.frame_count, graphs.op_count) == (1, 3)
    assert list(chain.state_dict()) == names


def test_a_copy_has_its_own_weights() -> None:
    graphs = CompileCounter()
    chain = nn.Sequential(nn.Linear(3, 2))
    compile_whole(chain, backend=graphs)
    copied = copy.deepcopy(chain)
    for x in copied.parameters():
        nn.init.zeros_(x)
    assert not copied(torch.randn(5, 3)).any()
    assert not graphs.frame_count
