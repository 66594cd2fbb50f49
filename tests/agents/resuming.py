"""Does an agent go on from its state as if nothing had happened?"""

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from agents.agent import Agent, TrainStepResult

A = TypeVar("A", bound=Agent)


def goes_on_exactly(make: Callable[[int], A], steps: int) -> A:
    """2N steps equal N, a file, a fresh agent and N more. Returns the trained one.

    Args:
        make: builds an agent of a seed, not yet begun.
        steps: N.
    """
    agent = make(5)
    agent.begin()
    train(agent, steps)
    state = saved(agent)
    expected = train(agent, steps)
    # another seed, so that nothing agrees by chance
    fresh = make(6)
    before = [
        torch.cat([p.flatten() for p in x.modules.parameters()]) for x in (fresh, agent)
    ]
    assert not torch.equal(*before)
    fresh.load_state_dict(state)
    reports = train(fresh, steps)
    assert same(fresh.state_dict(), agent.state_dict()) == []
    for got, want in zip(reports, expected, strict=True):
        assert same(got.metrics, want.metrics) == []
        assert same(vars(got.happened), vars(want.happened)) == []
    assert fresh.env_steps == agent.env_steps > 0
    return agent


def train(agent: Agent, steps: int) -> list[TrainStepResult]:
    return [agent.train_step() for _ in range(steps)]


def saved(agent: Agent) -> dict[str, Any]:
    """The state as it comes back from a file that may hold nothing but data."""
    file = io.BytesIO()
    torch.save(agent.state_dict(), file)
    file.seek(0)
    state: dict[str, Any] = torch.load(file, weights_only=True)
    return state


def leaves(tree: object, path: str = "") -> dict[str, object]:
    """Everything in nested containers, by its path."""
    if isinstance(tree, Mapping):
        items = list(tree.items())
    elif isinstance(tree, Sequence) and not isinstance(tree, str | bytes):
        items = list(enumerate(tree))
    else:
        return {path: tree}
    return {k: v for name, x in items for k, v in leaves(x, f"{path}/{name}").items()}


def same(one: object, other: object) -> list[str]:
    """Paths at which two trees differ."""
    a, b = leaves(one), leaves(other)
    assert a.keys() == b.keys()

    def equal(x: object, y: object) -> bool:
        if isinstance(x, Tensor) and isinstance(y, Tensor):
            return x.dtype == y.dtype and torch.equal(x, y)
        return x == y

    return [path for path in a if not equal(a[path], b[path])]
