"""Old weights against the sums and lists that they stand for."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from agents.curiosity.progress.old_weights import GeometricMean, OldWeights, StepsAgo


class Network(nn.Module):
    """Weights, a running mean, a counter and a flag."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
        self.register_buffer("mean", torch.zeros(2, dtype=torch.float64))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))
        self.register_buffer("flag", torch.zeros(2, dtype=torch.bool))
        self.mean: Tensor
        self.count: Tensor
        self.flag: Tensor


FLOATS = ("layers.0.weight", "layers.0.bias", "layers.1.running_mean", "mean")


def moved(online: Network, generator: torch.Generator) -> dict[str, Tensor]:
    """A step: everything changes. Returns what it is now."""
    with torch.no_grad():
        for x in online.state_dict().values():
            if x.is_floating_point():
                x.copy_(torch.randn(x.shape, generator=generator, dtype=x.dtype))
        online.count += 1
        online.flag.logical_not_()
    return copy.deepcopy(online.state_dict())


def run(
    old: OldWeights, online: Network, steps: int, generator: torch.Generator
) -> list[dict[str, Tensor]]:
    """Weights behind each step; `[i]` are those of step i+1."""
    history = []
    for _ in range(steps):
        history.append(moved(online, generator))
        old.follow(online)
    return history


@pytest.mark.parametrize("gamma", [0.0, 0.3, 0.9])
def test_gamma_is_the_geometric_sum_behind_the_warm_copy(
    generator: torch.Generator, gamma: float
) -> None:
    online, warm, k = Network(), 3, 11
    old = GeometricMean(online, gamma, warm)
    theta = run(old, online, k, generator)
    got = old.network.state_dict()
    for name in FLOATS:
        want = gamma ** (k - warm) * theta[warm - 1][name].double()
        for i in range(warm + 1, k + 1):
            want += (1 - gamma) * gamma ** (k - i) * theta[i - 1][name].double()
        torch.testing.assert_close(got[name].double(), want, atol=1e-5, rtol=1e-5)
    assert got["count"] == k
    assert torch.equal(got["flag"], online.flag)


@pytest.mark.parametrize("delta", [1, 2, 3])
@pytest.mark.parametrize("k", [4, 5, 6, 7, 13])
def test_delta_are_the_weights_of_so_many_steps_ago(
    generator: torch.Generator, delta: int, k: int
) -> None:
    online, warm = Network(), 4
    old = StepsAgo(online, delta, warm)
    theta = run(old, online, k, generator)
    got = old.network.state_dict()
    want = theta[max(k - delta, warm) - 1]
    assert all(torch.equal(got[name], want[name]) for name in want)


def test_gamma_of_nothing_is_delta_of_one_a_step_earlier(
    generator: torch.Generator,
) -> None:
    """γ mixes behind a step, δ looks back from behind it: one step lies between."""
    online = Network()
    gamma, delta = GeometricMean(online, 0.0, 2), StepsAgo(online, 1, 2)
    before = None
    for k in range(1, 9):
        moved(online, generator)
        gamma.follow(online)
        delta.follow(online)
        if k > 2:
            assert before is not None
            got = delta.network.state_dict()
            assert all(torch.equal(got[name], x) for name, x in before.items())
        before = copy.deepcopy(gamma.network.state_dict())


@pytest.mark.parametrize("kind", [GeometricMean, StepsAgo])
def test_one_copy_at_the_warm_start_and_none_before(
    generator: torch.Generator, kind: type[OldWeights]
) -> None:
    online = Network()
    built = copy.deepcopy(online.state_dict())
    old = kind(online, 0.5, 3) if kind is GeometricMean else kind(online, 2, 3)  # type: ignore[call-arg]  # each its own
    for k in range(1, 4):
        assert not old.ready
        got = old.network.state_dict()
        assert all(torch.equal(got[name], x) for name, x in built.items())
        theta = moved(online, generator)
        old.follow(online)
        assert old.updates == k
    assert old.ready
    got = old.network.state_dict()
    assert all(torch.equal(got[name], x) for name, x in theta.items())


def test_old_weights_have_no_gradient_and_stay_in_evaluation_mode() -> None:
    online = Network().train()
    for old in (GeometricMean(online, 0.5, 1), StepsAgo(online, 2, 1)):
        old.follow(online)
        old.train()
        nn.ModuleList([old]).train()
        assert not any(x.training for x in old.modules())
        assert not any(x.requires_grad for x in old.parameters())
        assert online.training
        assert all(x.requires_grad for x in online.parameters())
        mine = {x.data_ptr() for x in old.parameters()}
        assert not mine & {x.data_ptr() for x in online.parameters()}
        network: Any = old.network
        network.layers(torch.randn(5, 3))
        assert network.layers[1].num_batches_tracked == 0


@pytest.mark.parametrize("at", [1, 2, 5, 6])
@pytest.mark.parametrize("delta", [None, 1, 3])
def test_saved_anywhere_they_go_on_alike(
    generator: torch.Generator, at: int, delta: int | None
) -> None:
    """In the middle of the warm-up, at its end, and with the ring at any place."""

    def fresh(gamma: float = 0.7) -> OldWeights:
        online = Network()
        return (
            GeometricMean(online, gamma, 3)
            if delta is None
            else StepsAgo(online, delta, 3)
        )

    online, old = Network(), fresh()
    run(old, online, at, generator)
    twin = fresh(gamma=0.1)  # what it was built with does not count
    twin.load_state_dict(copy.deepcopy(old.state_dict()))
    assert twin.setting == old.setting
    for _ in range(5):
        moved(online, generator)
        old.follow(online)
        twin.follow(online)
        one, two = old.state_dict(), twin.state_dict()
        assert all(torch.equal(one[name], two[name]) for name in one)
        one, two = old.network.state_dict(), twin.network.state_dict()
        assert all(torch.equal(one[name], two[name]) for name in one)
        assert old.ready == twin.ready


def test_numbers_out_of_range_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"gamma must be at least 0 and below 1, not 1\.0"
    ):
        GeometricMean(Network(), 1.0)
    with pytest.raises(ValueError, match="delta must be at least 1, not 0"):
        StepsAgo(Network(), 0)
    with pytest.raises(ValueError, match="warm_start must be at least 1, not 0"):
        StepsAgo(Network(), 1, 0)
