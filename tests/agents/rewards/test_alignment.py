"""Steps in order, against all ways to go through them."""

from itertools import combinations, pairwise

import pytest
import torch

from agents.rewards.alignment import starts_in_order
from ssl_objectives.refusal import ConfigError


def best_of(likeness: torch.Tensor, steps: int) -> list[int]:
    """The first of the best, by trying every one."""
    frames = len(likeness)
    ways = [[0, *cuts] for cuts in combinations(range(1, frames), steps - 1)]

    def total(starts: list[int]) -> float:
        edges = enumerate(pairwise([*starts, frames]))
        return sum(float(likeness[a:b, step].sum()) for step, (a, b) in edges)

    return max(ways, key=total)


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
@pytest.mark.parametrize("frames", [4, 7, 12])
@pytest.mark.parametrize("values", [2, 1_000_000], ids=["ties", "no ties"])
def test_no_other_way_is_better(frames: int, steps: int, values: int) -> None:
    generator = torch.Generator().manual_seed(frames + steps)
    for _ in range(5):
        drawn = torch.randint(values, (frames, steps), generator=generator)
        likeness = drawn.float() - values / 2
        assert starts_in_order(likeness).tolist() == best_of(likeness, steps)


def test_a_step_that_nothing_looks_like_has_a_frame_all_the_same() -> None:
    likeness = torch.tensor([[1.0, -9.0, 0.0]] * 3 + [[0.0, -9.0, 1.0]] * 3)
    assert starts_in_order(likeness).tolist() in ([0, 2, 3], [0, 3, 4])


def test_fewer_frames_than_steps_are_refused() -> None:
    with pytest.raises(ConfigError, match="2 frames cannot go through 3 steps"):
        starts_in_order(torch.zeros(2, 3))
