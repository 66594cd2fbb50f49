"""Batches that are read ahead: nothing holds them but whoever asked."""

import gc
import weakref

import pytest
import torch
from torch import Tensor

from ssl_objectives.images.dataset_images import DatasetImages
from ssl_objectives.images.episodes import Episodes
from ssl_objectives.images.orders import Shuffled
from ssl_objectives.images.source import ArrayImages
from ssl_objectives.learn.coming import ComingBatches

PIXELS = torch.arange(12 * 3 * 4 * 4).view(12, 3, 4, 4).byte()


class Pixels:
    """Images by number."""

    targets = (0,) * len(PIXELS)

    def __len__(self) -> int:
        return len(PIXELS)

    def __getitem__(self, number: int) -> tuple[Tensor, int]:
        return PIXELS[number], 0


@pytest.mark.parametrize(("workers", "apart"), [(0, 0), (1, 0), (0, 2)])
def test_what_is_dropped_halfway_is_gone_at_once(workers: int, apart: int) -> None:
    """Workers in a cycle of references would be waited for, 5 seconds each."""
    images = (
        ArrayImages(PIXELS, episodes=Episodes(torch.tensor([0, 5]), len(PIXELS)))
        if apart
        else DatasetImages(Pixels(), workers=workers)
    )
    coming = ComingBatches(images, Shuffled(len(PIXELS), 4, 0), apart=apart)
    rows, _ = coming.of(0)
    assert len(rows) == 4
    held = weakref.ref(coming)
    gc.disable()
    try:
        del coming
        assert held() is None
    finally:
        gc.enable()
