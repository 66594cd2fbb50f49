"""Propagation of labels against loops, and where its result is known."""

import math

import pytest
import torch
from torch import Tensor

from ssl_objectives.parts.label_spreading import (
    known_neighbors,
    log_density,
    propagate_labels,
)


def rows(generator: torch.Generator, num: int, size: int) -> Tensor:
    return torch.randn(num, size, generator=generator, dtype=torch.float64)


def cosine(x: Tensor, y: Tensor) -> float:
    return float(x @ y / (x.norm() * y.norm()))


def naive(
    x: Tensor, labels: list[int], classes: int, k: int, dense: int, tau: float
) -> tuple[list[int], list[float]]:
    """Row by row, vote by vote."""
    known = [n for n, label in enumerate(labels) if label >= 0]
    rho = {}
    for j in known:
        each = sorted((cosine(x[j], y) for y in x), reverse=True)[:dense]
        rho[j] = 1 / sum(math.exp(s / tau) for s in each)
    found, shares = [], []
    for i in range(len(x)):
        if labels[i] >= 0:
            found.append(labels[i])
            shares.append(1.0)
            continue
        near = sorted(known, key=lambda j: -cosine(x[i], x[j]))[:k]
        votes = [0.0] * classes
        for j in near:
            votes[labels[j]] += rho[j] * math.exp(cosine(x[i], x[j]) / tau)
        found.append(votes.index(max(votes)))
        shares.append(max(votes) / sum(votes))
    return found, shares


@pytest.mark.parametrize(("k", "dense"), [(4, 5), (50, 3), (1, 60)])
def test_against_loops(k: int, dense: int, generator: torch.Generator) -> None:
    x = rows(generator, 30, 3)
    labels = torch.randint(3, (30,), generator=generator)
    labels[torch.rand(30, generator=generator) < 0.6] = -1
    got, share = propagate_labels(x, labels, 3, k, dense, 0.3)
    want, shares = naive(x, labels.tolist(), 3, k, dense, 0.3)
    assert got.tolist() == want
    torch.testing.assert_close(share, torch.tensor(shares, dtype=torch.float64))


def test_two_blobs_with_a_label_each(generator: torch.Generator) -> None:
    owner = torch.randperm(60, generator=generator) % 2
    x = 6 * torch.eye(2, 5)[owner] + torch.randn(60, 5, generator=generator)
    labels = torch.full((60,), -1)
    for blob in range(2):
        labels[(owner == blob).nonzero()[3]] = 1 - blob  # names do not matter
    got, share = propagate_labels(x, labels, 2)
    assert torch.equal(got, 1 - owner)
    assert share.min() > 0.5
    assert (share[labels >= 0] == 1).all()


def test_equal_densities_are_plain_nearest_neighbours(
    generator: torch.Generator,
) -> None:
    x, known = rows(generator, 7, 3), rows(generator, 9, 3)
    near = known_neighbors(x, known, torch.full((9,), 1.7).double(), 4, 0.2)
    for i in range(7):
        each = torch.tensor([cosine(x[i], y) for y in known], dtype=torch.float64)
        assert near.which[i].tolist() == each.argsort(descending=True)[:4].tolist()
        want = (each[near.which[i]] / 0.2).softmax(-1)
        torch.testing.assert_close(near.weight[i], want)


def test_dense_places_have_less_to_say() -> None:
    """Halfway between a crowded and a lonely known row, the lonely one wins."""
    angles = torch.tensor([0.0, 0.8, 0.4] + [0.01 * i for i in range(-9, 0)])
    x = torch.stack([angles.cos(), angles.sin()], -1).double()
    labels = torch.tensor([0, 1] + [-1] * 10)
    got, share = propagate_labels(x, labels, 2, temperature=0.2)
    assert got[2] == 1
    assert share[2] > 0.6
    density = log_density(x[:2], x, temperature=0.2)
    assert density[0] > density[1]


def test_rewards_spread_as_well() -> None:
    known = torch.eye(3).double()
    near = known_neighbors(known, known, torch.zeros(3).double(), temperature=0.01)
    reward = torch.tensor([1.0, -2.0, 5.0]).double()
    spread = (near.weight * reward[near.which]).sum(-1)
    torch.testing.assert_close(spread, reward)


def test_someone_must_know_something() -> None:
    with pytest.raises(ValueError, match="no labelled row"):
        propagate_labels(torch.eye(3), torch.full((3,), -1), 2)
