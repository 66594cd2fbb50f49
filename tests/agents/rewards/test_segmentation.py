"""Steps against all segmentations there are, and against planted ones."""

from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from agents.rewards.segmentation import (
    ExactSegmentation,
    GreedySegmentation,
    MeanSpread,
    Score,
    SquaredDeviation,
    costs,
    labels_of,
    shortest,
)
from ssl_objectives.refusal import ConfigError

SCORES = (SquaredDeviation(), MeanSpread())


def cost(features: NDArray[Any], starts: Sequence[int], score: Score) -> float:
    """By the definition, step by step."""
    parts = np.split(features.astype(float), starts[1:])
    if isinstance(score, MeanSpread):
        return float(sum(np.std(x, axis=0).mean() for x in parts))
    return float(sum(((x - x.mean(0)) ** 2).sum(0).mean() for x in parts))


def allowed(frames: int, steps: int, least: int) -> list[tuple[int, ...]]:
    """Every segmentation whose steps are long enough."""
    found = []
    for cuts in combinations(range(1, frames), steps - 1):
        edges = (0, *tuple(cuts), frames)
        if min(b - a for a, b in pairwise(edges)) >= least:
            found.append(edges[:-1])
    return found


def best_of(
    found: list[tuple[int, ...]], features: torch.Tensor, score: Score
) -> list[int]:
    numbers = features.numpy()
    costly = [cost(numbers, x, score) for x in found]
    return list(found[costly.index(min(costly))])


def walk(frames: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(frames, 3, generator=generator).cumsum(0)


def planted(lengths: tuple[int, ...], noise: float = 0.0) -> torch.Tensor:
    """Features that are constant in each step, and others that are noise."""
    generator = torch.Generator().manual_seed(3)
    levels = torch.randn(len(lengths), 9, generator=generator)
    rows = levels.repeat_interleave(torch.tensor(lengths), 0)
    wild = 0.3 * torch.randn(len(rows), 4, generator=generator)
    rows = rows + noise * torch.randn(rows.shape, generator=generator)
    return torch.cat([rows, wild], 1)


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("least", [1, 2, 3])
@pytest.mark.parametrize("frames", [4, 7, 12])
def test_dynamic_programming_is_brute_force(
    frames: int, least: int, score: Score
) -> None:
    for steps in range(1, min(5, frames // least) + 1):
        for seed in range(4):
            features = walk(frames, seed)
            found = ExactSegmentation(least, score).starts(features, steps).tolist()
            assert found == best_of(allowed(frames, steps, least), features, score)


def test_costs_survive_a_large_offset() -> None:
    """Sums of squares would cancel if features were not centred."""
    generator = torch.Generator().manual_seed(0)
    features = 1e4 + torch.randn(11, 4, generator=generator)
    for score in SCORES:
        table = costs(features, 2, score)
        for start, stop in ((0, 11), (3, 7), (9, 11)):
            naive = cost(features[start:stop].numpy(), (0,), score)
            assert table[start, stop] == pytest.approx(naive, rel=1e-6)
        assert table[4, 5].isinf()
        assert table[4, 4].isinf()


def test_what_scores_see() -> None:
    """Standardised features, or as large as they are beside others of their depth."""
    features, unit = torch.randn(5, 3), torch.tensor([0.5, 1.0, 2.0])
    assert torch.equal(MeanSpread().seen(features, unit), features)
    seen = SquaredDeviation().seen(features, unit)
    assert torch.allclose(seen[:, 2], 2 * features[:, 2])


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("kind", [ExactSegmentation, GreedySegmentation])
@pytest.mark.parametrize("lengths", [(4, 9), (7, 3, 5), (5, 2, 6, 8)])
def test_planted_steps_are_found(
    kind: type[ExactSegmentation | GreedySegmentation],
    lengths: tuple[int, ...],
    score: Score,
) -> None:
    cut = kind(2, score)
    starts = cut.starts(planted(lengths, noise=0.01), len(lengths))
    assert starts.tolist() == [0, *np.cumsum(lengths)[:-1].tolist()]


@pytest.mark.parametrize("score", SCORES)
def test_greedy_takes_the_best_cut_each_time(score: Score) -> None:
    """By trying all; and it is never better than the exact one."""
    for seed in range(5):
        features = walk(12, seed)
        greedy = GreedySegmentation(2, score)
        two = greedy.starts(features, 2).tolist()
        assert two == best_of(allowed(12, 2, 2), features, score)
        three = greedy.starts(features, 3).tolist()
        kept = [x for x in allowed(12, 3, 2) if set(two) <= set(x)]
        assert three == best_of(kept, features, score)
        exact = ExactSegmentation(2, score).starts(features, 3).tolist()
        numbers = features.numpy()
        assert cost(numbers, exact, score) <= cost(numbers, three, score) + 1e-9


def test_greedy_leaves_room_for_all_steps() -> None:
    """A first cut may not leave runs too short for those that are to come."""
    features = planted((5, 1, 2), noise=0.01)
    for steps, least in ((4, 2), (2, 4), (8, 1)):
        starts = GreedySegmentation(least).starts(features, steps)
        lengths = torch.diff(torch.cat([starts, torch.tensor([8])]))
        assert len(starts) == steps
        assert int(lengths.min()) >= least


def test_labels() -> None:
    assert labels_of(torch.tensor([0, 2, 5]), 7).tolist() == [0, 0, 1, 1, 1, 2, 2]


def test_what_cannot_be_cut_is_refused() -> None:
    assert shortest(None, 24, 3) == 4
    assert shortest(None, 3, 3) == 1
    for cut in (ExactSegmentation(3), GreedySegmentation(3)):
        with pytest.raises(ConfigError, match="8 frames cannot be cut into 3 steps"):
            cut.starts(torch.randn(8, 2), 3)
    with pytest.raises(ConfigError, match="at least one frame"):
        ExactSegmentation(0)
    with pytest.raises(ConfigError, match="at least one step"):
        GreedySegmentation().starts(torch.randn(8, 2), 0)
