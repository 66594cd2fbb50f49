from math import exp, pi

import pytest
import torch

from envs.toys.dots import LEAST, MOST, PEAK, anywhere, density, moved


def test_density_is_that_of_a_loop(generator: torch.Generator) -> None:
    places = anywhere((3, 2), generator)
    drawn = density(places)
    assert drawn.shape == (3, 2, 28, 28)
    for place, found in zip(places.view(-1, 2), drawn.view(-1, 28, 28), strict=True):
        x, y = place.tolist()
        rows = [
            [
                exp(-((x - i) ** 2 + (y - j) ** 2) / (2 * 1.3**2)) / (2 * pi * 1.3**2)
                for i in range(28)
            ]
            for j in range(28)
        ]
        torch.testing.assert_close(found, torch.tensor(rows), rtol=1e-5, atol=1e-8)


def test_a_dot_weighs_one_and_is_brightest_where_it_is() -> None:
    drawn = density(torch.tensor([9.0, 17.0]))
    assert float(drawn.sum()) == pytest.approx(1, abs=1e-5)
    assert divmod(int(drawn.argmax()), 28) == (17, 9)
    assert float(drawn.max()) == pytest.approx(PEAK) == pytest.approx(0.09417, abs=1e-5)


def test_places_are_uniform_between_the_walls(generator: torch.Generator) -> None:
    places = anywhere((20_000,), generator)
    assert (LEAST, MOST) == (2.6, 24.4)
    assert 2.6 <= float(places.min()) < 2.7
    assert 24.3 < float(places.max()) <= 24.4 + 1e-5
    std = (MOST - LEAST) / 12**0.5
    torch.testing.assert_close(
        places.mean(0), torch.full((2,), 13.5), rtol=0, atol=5 * std / 20_000**0.5
    )
    torch.testing.assert_close(places.std(0), torch.full((2,), std), rtol=0.02, atol=0)


def test_walls_stop_each_direction_apart() -> None:
    place = torch.tensor([[3.0, 12.0], [24.0, 24.0], [10.0, 3.0]])
    by = torch.tensor([[-4.0, 1.5], [2.0, -3.0], [4.0, -0.25]])
    expected = torch.tensor([[2.6, 13.5], [24.4, 21.0], [14.0, 2.75]])
    torch.testing.assert_close(moved(place, by), expected)
