"""Running moments against numpy over all data; bytes and chunks; few operations."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from world_models import moments
from world_models.moments import RunningMoments


@pytest.mark.parametrize("offset", [0.0, 1e5])
def test_running_moments_are_numpys_over_everything(
    generator: torch.Generator, offset: float
) -> None:
    running = RunningMoments((3, 5))
    assert (running.std == 1).all()
    seen = []
    for count in (1, 7, 0, 2, 40):
        rows = torch.randn(count, 3, 5, generator=generator).double() + offset
        rows[:, 1, 2] = 137.0 + offset
        running.update(rows)
        seen.append(rows.numpy())
        every = np.concatenate(seen)
        assert running.count.item() == len(every)
        np.testing.assert_allclose(running.mean, every.mean(0), rtol=1e-12)
        np.testing.assert_allclose(running.std, every.std(0), rtol=1e-6, atol=1e-9)
    assert running.mean.dtype == running.squares.dtype == torch.float64
    assert running.std.dtype == torch.float32
    assert running.std[1, 2] == 0


def test_float32_rows_are_summed_in_float64() -> None:
    """Grey levels of many frames: float32 sums would be off in the third digit."""
    running = RunningMoments()
    rows = (torch.arange(1 << 15) % 2).float() + 2000.0
    for _ in range(50):
        running.update(rows)
    assert running.mean.item() == pytest.approx(2000.5, rel=1e-12)
    assert running.std.item() == pytest.approx(0.5, rel=1e-7)


@pytest.mark.parametrize("chunk", [1, 100, 1 << 20])
def test_frames_at_once_are_frames_one_by_one(
    generator: torch.Generator, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    """Bytes as well, and however many fit into memory at a time."""
    frames = torch.randint(0, 256, (60, 1, 5, 6), generator=generator).to(torch.uint8)
    before = frames.clone()
    slow, fast = RunningMoments((1, 5, 6)), RunningMoments((1, 5, 6))
    for frame in frames:
        slow.update(frame[None].float())
    monkeypatch.setattr(moments, "_CPU_CHUNK", chunk)
    fast.update(frames[:20])
    fast.update(frames[20:])
    assert torch.equal(frames, before)
    for name, buffer in slow.state_dict().items():
        torch.testing.assert_close(fast.state_dict()[name], buffer, rtol=1e-9, atol=0.0)


class Counted(TorchDispatchMode):
    """Counts operations."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch has no types for it
        self.number: int = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        self.number += 1
        return func(*args, **(kwargs or {}))


def test_operations_do_not_become_more_with_more_rows() -> None:
    def operations(rows: int) -> int:
        running = RunningMoments((1, 5, 6))
        counted = Counted()
        with counted:
            running.update(torch.zeros(rows, 1, 5, 6, dtype=torch.uint8))
        return counted.number

    assert 5 < operations(2) == operations(4096) < 40
