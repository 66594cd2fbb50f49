"""k-means on rows whose clusters are known."""

import itertools

import pytest
import torch
from torch import Tensor

from ssl_objectives.parts.kmeans import kmeans, nearest


def blobs(generator: torch.Generator, num: int, each: int) -> tuple[Tensor, Tensor]:
    """Rows around far-away centres, in a random order, and which centre is whose."""
    centres = 40 * torch.eye(num, num + 2)
    noise = torch.randn(num * each, num + 2, generator=generator)
    owner = torch.randperm(num * each, generator=generator) % num
    return centres[owner] + noise, owner


def inertia(x: Tensor, centroids: Tensor, labels: Tensor) -> float:
    return float((x - centroids[labels]).square().sum())


def test_planted_blobs_are_found(generator: torch.Generator) -> None:
    x, owner = blobs(generator, 6, 30)
    centroids, labels = kmeans(x, 6, generator)
    assert centroids.shape == (6, 8)
    together = labels[:, None] == labels[None]
    assert torch.equal(together, owner[:, None] == owner[None])
    for k in range(6):
        torch.testing.assert_close(centroids[k], x[labels == k].mean(0))


def test_a_small_problem_is_solved_as_well_as_can_be(
    generator: torch.Generator,
) -> None:
    """All partitions of 9 rows into 3 are tried; the best seeds of 20 are as good."""
    x = torch.randn(9, 2, generator=generator, dtype=torch.float64)
    best = float("inf")
    for parts in itertools.product(range(3), repeat=9):
        labels = torch.tensor(parts)
        if len(set(parts)) == 3:
            means = torch.stack([x[labels == k].mean(0) for k in range(3)])
            best = min(best, inertia(x, means, labels))
        if parts[0] == 1:
            break  # the rest are renamings
    found = [inertia(x, *kmeans(x, 3, generator)) for _ in range(20)]
    assert min(found) == pytest.approx(best)
    assert all(value >= best - 1e-9 for value in found)


def test_the_result_is_a_fixed_point_and_iterations_help(
    generator: torch.Generator,
) -> None:
    x = torch.randn(300, 4, generator=generator)
    state = generator.get_state()
    values = []
    for iterations in (0, 1, 3, 100):
        generator.set_state(state)
        values.append(inertia(x, *kmeans(x, 7, generator, iterations)))
    assert values == sorted(values, reverse=True)
    assert values[0] > values[-1]
    generator.set_state(state)
    centroids, labels = kmeans(x, 7, generator, 100)
    for k in range(7):
        torch.testing.assert_close(centroids[k], x[labels == k].mean(0))


def test_equal_generators_give_equal_clusters() -> None:
    x = torch.randn(50, 3, generator=torch.Generator().manual_seed(1))
    runs = [kmeans(x, 5, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4)]
    assert torch.equal(runs[0][1], runs[1][1])
    assert torch.equal(runs[0][0], runs[1][0])
    assert not torch.equal(runs[0][1], runs[2][1])


def test_no_cluster_is_empty_where_rows_differ(generator: torch.Generator) -> None:
    """As many clusters as rows, and a heap of equal rows beside a few others."""
    x = torch.randn(12, 3, generator=generator)
    assert sorted(kmeans(x, 12, generator)[1].tolist()) == list(range(12))
    heap = torch.cat([torch.zeros(200, 3), x])
    labels = kmeans(heap, 13, generator)[1]
    assert len(labels.unique()) == 13


def test_equal_rows_and_rows_far_from_the_origin(generator: torch.Generator) -> None:
    centroids, labels = kmeans(torch.ones(5, 3), 2, generator)
    assert centroids.isfinite().all()
    assert len(labels.unique()) == 1
    x, owner = blobs(generator, 4, 10)
    labels = kmeans(x + 1e4, 4, generator)[1]
    assert torch.equal(labels[:, None] == labels, owner[:, None] == owner)


def test_nearest_against_a_loop(generator: torch.Generator) -> None:
    x = torch.randn(20, 3, generator=generator, dtype=torch.float64)
    c = torch.randn(4, 3, generator=generator, dtype=torch.float64)
    labels, distance = nearest(x, c)
    for n in range(20):
        each = [float(((x[n] - c[k]) ** 2).sum()) for k in range(4)]
        assert each[int(labels[n])] == min(each)
        assert distance[n].item() == pytest.approx(min(each))


@pytest.mark.parametrize("num", [0, 6])
def test_too_many_clusters_are_refused(num: int, generator: torch.Generator) -> None:
    with pytest.raises(ValueError, match="clusters"):
        kmeans(torch.zeros(5, 2), num, generator)
