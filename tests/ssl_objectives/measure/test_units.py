"""Dead components, common directions, normality: against loops and known cases."""

import pytest
import torch

from ssl_objectives.measure.units import dead_units, mean_cosine, normality_per_row


def test_components_that_hardly_vary_are_dead(generator: torch.Generator) -> None:
    rows = torch.randn(200, 8, generator=generator)
    rows[:, 2] = 5.0
    rows[:, 5] = 5.0 + 1e-4 * rows[:, 5]
    rows[:, 7] *= 0.05
    assert float(dead_units(rows)) == 2 / 8
    assert float(dead_units(rows * 1e-6)) == 2 / 8
    assert float(dead_units(torch.full((9, 4), 0.1))) == 1.0


def test_the_mean_cosine_is_that_of_all_pairs(generator: torch.Generator) -> None:
    rows = torch.randn(12, 5, generator=generator) + 0.7
    pairs = [
        float(torch.cosine_similarity(rows[i], rows[j], dim=0))
        for i in range(12)
        for j in range(12)
        if i != j
    ]
    assert float(mean_cosine(rows)) == pytest.approx(sum(pairs) / len(pairs), abs=1e-5)


def test_a_collapse_to_zero_has_its_signature(generator: torch.Generator) -> None:
    assert float(normality_per_row(torch.zeros(50, 6))) == pytest.approx(
        0.402, abs=1e-3
    )
    normal = torch.randn(2000, 6, generator=generator)
    assert float(normality_per_row(normal)) < 0.002
    assert float(normality_per_row(100 * normal)) == pytest.approx(1.26, abs=0.02)
