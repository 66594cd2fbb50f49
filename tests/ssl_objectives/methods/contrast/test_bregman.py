"""Deep Bregman divergences: axioms, and both losses against loops."""

import math

import pytest
import torch
from torch import Tensor

from ssl_objectives.check.objective import check_objective
from ssl_objectives.methods.contrast.bregman import BregmanCritic, DeepBregmanConfig
from ssl_objectives.objective import Sizes, Views

BOTH = ((0, 1), (1, 0))
N, D, K, HIDDEN = 6, 4, 3, 5
SIGMA, TAU = 0.7, 0.3


def rows(generator: torch.Generator, number: int = N) -> Tensor:
    return torch.randn(number, D, generator=generator, dtype=torch.float64)


def unit(x: Tensor) -> Tensor:
    return torch.nn.functional.normalize(x, dim=-1)


def critic(hidden: int = 0, number: int = K) -> BregmanCritic:
    torch.manual_seed(4)
    return BregmanCritic(D, number, hidden, SIGMA, TAU).double()


def two_views(a: Tensor, b: Tensor, valid: Tensor | None = None) -> Views:
    return Views((a, b), (a, b), (a, b), BOTH, valid)


def sub_networks(made: BregmanCritic, row: Tensor) -> list[float]:
    """Every sub-network at one row, from its weights."""
    x = made.networks.first.weight @ unit(row) + made.networks.first.bias
    if made.networks.last is None:
        return [float(s) for s in x.detach()]
    layers = x.clamp(min=0).view(-1, HIDDEN)
    last = made.networks.last
    assert last.bias is not None
    each = (last.weight[:, :, 0] * layers).sum(-1) + last.bias
    return [float(s) for s in each.detach()]


def naive_divergence(made: BregmanCritic, q: Tensor, k: Tensor) -> float:
    at_query, at_key = sub_networks(made, q), sub_networks(made, k)
    best = max(range(len(at_key)), key=lambda j: at_key[j])
    return max(at_query) - at_query[best]


@pytest.mark.parametrize("hidden", [0, HIDDEN])
def test_divergence_against_loops(hidden: int, generator: torch.Generator) -> None:
    made, q, k = critic(hidden), rows(generator), rows(generator, 8)
    got, similar = made.divergence(q, k), made(q, k)
    for n in range(N):
        for m in range(8):
            want = naive_divergence(made, q[n], k[m])
            assert got[n, m].item() == pytest.approx(want, abs=1e-12)
            closeness = math.exp(-want / (2 * SIGMA**2)) / TAU
            assert similar[n, m].item() == pytest.approx(closeness)


@pytest.mark.parametrize("hidden", [0, HIDDEN])
def test_axioms(hidden: int, generator: torch.Generator) -> None:
    made, x = critic(hidden), rows(generator, 40)
    d = made.divergence(x, x)
    assert d.min() >= 0
    assert not d.diagonal().any()
    assert (d - d.T).abs().max() > 0.1
    similar = made(x, x)
    assert similar.min() > 0
    assert similar.max() <= 1 / TAU


def test_affine_sub_networks_give_a_bregman_divergence(
    generator: torch.Generator,
) -> None:
    """`φ(q) - φ(k) - <∇φ(k), q - k>`, of the convex φ = max of the sub-networks."""
    made = critic()
    q, k = unit(rows(generator)), unit(rows(generator)).requires_grad_()

    def phi(x: Tensor) -> Tensor:
        return (x @ made.networks.first.weight.T + made.networks.first.bias).amax(-1)

    (slope,) = torch.autograd.grad(phi(k).sum(), k)
    for n in range(N):
        for m in range(N):
            want = phi(q[n]) - phi(k[m]) - slope[m] @ (q[n] - k[m])
            got = made.divergence(q[n : n + 1], k[m : m + 1])[0, 0]
            torch.testing.assert_close(got, want)


def test_both_losses_against_loops(generator: torch.Generator) -> None:
    """NT-Xent with both similarities, one to one, mean of both directions."""
    made = DeepBregmanConfig(K, 0, SIGMA, TAU).build(Sizes(latent=D)).double()
    a, b = rows(generator), rows(generator)
    got = made(two_views(a, b)).per_sample

    def cosine(x: Tensor, y: Tensor) -> float:
        return float(unit(x) @ unit(y)) / TAU

    def bregman(x: Tensor, y: Tensor) -> float:
        d = naive_divergence(made.critic, x, y)
        return math.exp(-d / (2 * SIGMA**2)) / TAU

    for n in range(N):
        want = 0.0
        for score in (cosine, bregman):
            for mine, other in ((a, b), (b, a)):
                positive = score(mine[n], other[n])
                everything = math.exp(positive)
                for m in range(N):
                    if m != n:
                        everything += math.exp(score(mine[n], other[m]))
                        everything += math.exp(score(mine[n], mine[m]))
                want += (math.log(everything) - positive) / 2
        assert got[n].item() == pytest.approx(want)


def test_rows_that_are_not_valid_do_not_exist(generator: torch.Generator) -> None:
    valid = torch.tensor([True, False, True, True, False, True])
    made = DeepBregmanConfig().build(Sizes(latent=D)).double()
    a, b = rows(generator).requires_grad_(), rows(generator)
    got, kept = made(two_views(a, b, valid)), made(two_views(a[valid], b[valid]))
    torch.testing.assert_close(got.per_sample[valid], kept.per_sample)
    assert got.metrics["bregman/active"] == kept.metrics["bregman/active"]
    assert not got.per_sample[~valid].any()
    (gradient,) = torch.autograd.grad(got.per_sample.sum(), a)
    assert not gradient[~valid].any()


def test_active_counts_sub_networks_that_win_somewhere() -> None:
    made = DeepBregmanConfig(number=3).build(Sizes(latent=2))
    with torch.no_grad():
        made.critic.networks.first.weight.copy_(
            torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])
        )
        made.critic.networks.first.bias.copy_(torch.tensor([0.0, 0.0, -9.0]))
    right, up = torch.tensor([3.0, 0.0]), torch.tensor([0.0, 2.0])
    same = torch.stack([right, right, right])
    mixed = torch.stack([right, up, right])
    assert made(two_views(same, same)).metrics["bregman/active"] == 1
    assert made(two_views(same, mixed)).metrics["bregman/active"] == 2
    valid = torch.tensor([True, False, True])
    assert made(two_views(same, mixed, valid)).metrics["bregman/active"] == 1


def test_sub_networks_learn(generator: torch.Generator) -> None:
    for hidden in (0, HIDDEN):
        made = DeepBregmanConfig(K, hidden).build(Sizes(latent=D)).double()
        loss = made(two_views(rows(generator), rows(generator)))
        loss.per_sample.sum().backward()
        for x in made.critic.parameters():
            assert x.grad is not None
            assert x.grad.isfinite().all()
        gradient = made.critic.networks.first.weight.grad
        assert gradient is not None
        assert gradient.any()


@pytest.mark.parametrize(
    "settings", [{"number": 0}, {"hidden": -1}, {"sigma": 0.0}, {"temperature": 0.0}]
)
def test_settings_are_checked(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="above 0"):
        DeepBregmanConfig(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("hidden", [0, HIDDEN])
def test_contract(hidden: int) -> None:
    check_objective(DeepBregmanConfig(hidden=hidden).build)
