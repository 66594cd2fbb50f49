"""Stacks of frames against a history kept frame by frame."""

import pytest
import torch
from torch import Tensor

from world_models.frames import stack_frames

R, B, C, H, W = 9, 3, 2, 3, 4


def rows(generator: torch.Generator, num_frames: int) -> tuple[Tensor, Tensor]:
    """Frames, and those before them."""
    obs = torch.randint(1, 256, (R, B, C, H, W), generator=generator)
    before = torch.randint(1, 256, (num_frames - 1, B, C, H, W), generator=generator)
    return obs.to(torch.uint8), before.to(torch.uint8)


@pytest.mark.parametrize("num_frames", [1, 2, 4, 12])
def test_stack_is_the_naive_one(generator: torch.Generator, num_frames: int) -> None:
    obs, before = rows(generator, num_frames)
    first = torch.rand(R, B, generator=generator) < 0.3
    first[0] = torch.tensor([True, False, False])
    stacked, following = stack_frames(obs, first, before)
    for b in range(B):
        history = [*before[:, b]]
        for t in range(R):
            if first[t, b]:
                history = [torch.zeros_like(obs[0, 0])] * (num_frames - 1)
            want = torch.cat([*history, obs[t, b]])
            assert torch.equal(stacked[t, b], want)
            history = [*history, obs[t, b]][1:] if num_frames > 1 else []
        assert len(following) == len(history)
        for i, frame in enumerate(history):
            assert torch.equal(following[i, b], frame)


@pytest.mark.parametrize("num_frames", [1, 2, 4])
def test_cut_anywhere_the_stacks_are_the_same(
    generator: torch.Generator, num_frames: int
) -> None:
    """What is handed on is all that the rows behind need."""
    obs, before = rows(generator, num_frames)
    first = torch.rand(R, B, generator=generator) < 0.3
    whole, end = stack_frames(obs, first, before)
    for cut in range(1, R):
        one, between = stack_frames(obs[:cut], first[:cut], before)
        two, last = stack_frames(obs[cut:], first[cut:], between)
        assert torch.equal(torch.cat([one, two]), whole)
        assert torch.equal(last, end)


def test_one_frame_is_no_copy(generator: torch.Generator) -> None:
    obs, before = rows(generator, 1)
    stacked, _ = stack_frames(obs, torch.zeros(R, B, dtype=torch.bool), before)
    assert stacked.data_ptr() == obs.data_ptr()
