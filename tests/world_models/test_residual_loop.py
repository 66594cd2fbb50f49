"""The residual open loop beside a loop written from its equation."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import relu

from world_models.residual_loop import ResidualLoop, ResidualLoopConfig


def loop() -> ResidualLoop:
    torch.manual_seed(0)
    it = ResidualLoop(belief_size=5, action_size=3, hidden=7)
    for x in it.parameters():
        torch.nn.init.normal_(x, std=0.3)
    return it


def naive(it: ResidualLoop, belief: Tensor, actions: list[Tensor]) -> Tensor:
    """After some actions, for one row."""
    for action in actions:
        hidden = it.from_belief.weight @ belief + it.from_belief.bias
        hidden = relu(hidden + it.from_action.weight @ action + it.from_action.bias)
        hidden = relu(it.between.weight @ hidden + it.between.bias)
        belief = belief + it.change.weight @ hidden + it.change.bias
    return belief


def test_from_all_rows_as_from_each_by_itself(generator: torch.Generator) -> None:
    it = loop()
    belief = torch.randn(4, 2, 5, generator=generator)
    action = torch.randn(4, 2, 3, generator=generator)
    found = it.all_starts(belief, action, 3)
    assert found.shape == (3, 4, 2, 5)
    for k in range(3):
        for t in range(4 - k):
            for b in range(2):
                told = list(action[t : t + k + 1, b])
                wanted = naive(it, belief[t, b], told)
                torch.testing.assert_close(found[k, t, b], wanted)


def test_over_given_actions(generator: torch.Generator) -> None:
    it = loop()
    belief = torch.randn(2, 5, generator=generator)
    action = torch.randn(4, 2, 3, generator=generator)
    found = it(belief, action)
    for k in range(4):
        for b in range(2):
            wanted = naive(it, belief[b], list(action[: k + 1, b]))
            torch.testing.assert_close(found[k, b], wanted)


def test_it_begins_by_changing_nothing(generator: torch.Generator) -> None:
    it = ResidualLoop(5, 3, 7)
    belief = 4 * torch.randn(2, 5, generator=generator)
    action = torch.randn(6, 2, 3, generator=generator)
    assert torch.equal(it(belief, action), belief.expand(6, 2, 5))


def test_no_hidden_units_are_refused() -> None:
    with pytest.raises(ValueError, match="hidden must be at least 1"):
        ResidualLoopConfig(0)
