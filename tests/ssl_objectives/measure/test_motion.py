"""Straightness of paths against a loop over episodes."""

import pytest
import torch

from ssl_objectives.measure.motion import straightness


def test_it_is_the_mean_cosine_of_successive_steps(generator: torch.Generator) -> None:
    rows = torch.randn(40, 3, generator=generator).cumsum(0)
    group = torch.tensor([0] * 15 + [4] * 2 + [1] * 23)
    found = []
    for number in (0, 4, 1):
        path = rows[group == number]
        for i in range(len(path) - 2):
            one, two = path[i + 1] - path[i], path[i + 2] - path[i + 1]
            found.append(float(torch.dot(one, two) / one.norm() / two.norm()))
    expected = sum(found) / len(found)
    assert float(straightness(rows, group)) == pytest.approx(expected, abs=1e-5)


def test_known_paths(generator: torch.Generator) -> None:
    group = torch.arange(3000) // 30
    line = torch.arange(3000.0).unsqueeze(1) * torch.tensor([[1.0, -2.0]])
    assert float(straightness(line, group)) == pytest.approx(1)
    there_and_back = (torch.arange(3000) % 2).float().unsqueeze(1)
    assert float(straightness(there_and_back, group)) == pytest.approx(-1)
    anew = torch.randn(3000, 64, generator=generator)
    assert float(straightness(anew, group)) == pytest.approx(-0.5, abs=0.02)
    walk = anew.cumsum(0)
    assert float(straightness(walk, group)) == pytest.approx(0, abs=0.02)
    assert straightness(torch.ones(30, 2), group[:30]).isnan()
