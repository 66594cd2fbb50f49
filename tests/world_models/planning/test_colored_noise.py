"""Spectrum and scale of coloured noise."""

import pytest
import torch

from world_models.planning.colored_noise import colored_noise
from world_models.planning.draws import SeededDraws


@pytest.mark.parametrize("horizon", [1, 2, 7, 16])
@pytest.mark.parametrize("exponent", [0.0, 2.0])
def test_mean_0_and_std_1(horizon: int, exponent: float) -> None:
    noise = colored_noise(SeededDraws(1), horizon, 3, 4000, 2, exponent)
    assert noise.shape == (horizon, 3, 4000, 2)
    assert noise.dtype == torch.float32
    assert float(noise.mean()) == pytest.approx(0, abs=0.05)
    assert float(noise.square().mean()) == pytest.approx(1, abs=0.05)


def test_power_falls_as_it_should() -> None:
    """Each frequency's power against the first one's, by a transform of its own."""
    horizon = 16
    noise = colored_noise(SeededDraws(2), horizon, 1, 20_000, 1, 2.0)[
        :, 0, :, 0
    ].double()
    step = torch.arange(horizon, dtype=torch.float64)
    for k in range(2, horizon // 2):
        angle = 2 * torch.pi * k * step / horizon
        found = (noise.T @ angle.cos()) ** 2 + (noise.T @ angle.sin()) ** 2
        angle = 2 * torch.pi * step / horizon
        first = (noise.T @ angle.cos()) ** 2 + (noise.T @ angle.sin()) ** 2
        assert float(found.mean() / first.mean()) == pytest.approx(k**-2, rel=0.06)


def test_without_colour_steps_are_independent() -> None:
    noise = colored_noise(SeededDraws(3), 6, 1, 20_000, 1, 0.0)[:, 0, :, 0]
    torch.testing.assert_close(torch.cov(noise), torch.eye(6), atol=0.05, rtol=0)
