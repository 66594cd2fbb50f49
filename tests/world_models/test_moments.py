"""Running mean and std of rows, against numpy over all rows at once."""

import numpy as np
import pytest
import torch

from world_models import moments as module
from world_models.moments import RunningMoments


@pytest.mark.parametrize("offset", [0.0, 1e5])
def test_running_moments_are_numpys_over_everything(
    generator: torch.Generator, offset: float
) -> None:
    moments = RunningMoments((3, 5))
    assert (moments.std == 1).all()
    seen = []
    for count in (1, 7, 0, 2, 40):
        rows = torch.randn(count, 3, 5, generator=generator).double() + offset
        rows[:, 1, 2] = 137.0 + offset
        moments.update(rows)
        seen.append(rows.numpy())
        every = np.concatenate(seen)
        assert moments.count.item() == len(every)
        np.testing.assert_allclose(moments.mean, every.mean(0), rtol=1e-12)
        np.testing.assert_allclose(moments.std, every.std(0), rtol=1e-6, atol=1e-9)
    assert moments.mean.dtype == moments.squares.dtype == torch.float64
    assert moments.std.dtype == torch.float32
    assert moments.std[1, 2] == 0


def test_float32_rows_are_summed_in_float64() -> None:
    """Grey levels of many frames: float32 sums would be off in the third digit."""
    moments = RunningMoments()
    rows = (torch.arange(1 << 15) % 2).float() + 2000.0
    for _ in range(50):
        moments.update(rows)
    assert moments.mean.item() == pytest.approx(2000.5, rel=1e-12)
    assert moments.std.item() == pytest.approx(0.5, rel=1e-7)


@pytest.mark.parametrize("chunk", [1, 15, 16, 40])
def test_chunks_change_no_more_than_rounding(
    generator: torch.Generator, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    rows = torch.randn(23, 5, generator=generator)
    whole, cut = RunningMoments((5,)), RunningMoments((5,))
    whole.update(rows)
    monkeypatch.setattr(module, "_CHUNK", chunk)
    cut.update(rows)
    for name, x in whole.state_dict().items():
        torch.testing.assert_close(cut.state_dict()[name], x)
