"""Masks of MAE and I-JEPA: shares, shapes, places, and what they follow from."""

import itertools
import math
from collections import Counter

import pytest
import torch

from ssl_objectives.encoders.patches import Grid
from ssl_objectives.parts.masking import Blocks, Masking, Masks, RandomPatches
from ssl_objectives.parts.step_counter import StepCounter

ROWS = torch.arange(40)
BOTH = pytest.mark.parametrize("masking", [RandomPatches(), Blocks()])
GRIDS = [(7, 7), (4, 4), (3, 4), (14, 14), (5, 9)]


def draw(masking: Masking, grid: Grid, step: int = 0) -> Masks:
    counter = StepCounter()
    counter.steps = step
    return masking.draw(ROWS, grid, counter)


def rectangle(places: list[int], grid: Grid) -> tuple[int, int]:
    """Height and width, if places are those of one block, row by row."""
    rows = sorted({x // grid[1] for x in places})
    columns = sorted({x % grid[1] for x in places})
    assert rows == list(range(rows[0], rows[-1] + 1))
    assert columns == list(range(columns[0], columns[-1] + 1))
    assert places == [y * grid[1] + x for y in rows for x in columns]
    return len(rows), len(columns)


@BOTH
@pytest.mark.parametrize("grid", GRIDS)
def test_what_is_seen_and_what_is_asked_for_are_apart(
    masking: Masking, grid: Grid
) -> None:
    number = grid[0] * grid[1]
    for step in range(20):
        masks = draw(masking, grid, step)
        for seen, wanted in zip(
            masks.seen.tolist(), masks.wanted.tolist(), strict=True
        ):
            assert seen == sorted(set(seen))
            assert seen[0] >= 0
            assert seen[-1] < number
            for block in wanted:
                assert not set(seen) & set(block)
                assert block == sorted(set(block))
                assert block[0] >= 0
                assert block[-1] < number


@pytest.mark.parametrize(("hidden", "kept"), [(0.75, 12), (0.5, 24), (0.9, 4)])
def test_random_patches_are_seen_or_asked_for_and_even(
    hidden: float, kept: int
) -> None:
    counts: Counter[int] = Counter()
    steps = 60
    for step in range(steps):
        masks = draw(RandomPatches(hidden), (7, 7), step)
        assert masks.seen.shape == (len(ROWS), kept)
        assert masks.wanted.shape == (len(ROWS), 1, 49 - kept)
        for seen, [wanted] in zip(
            masks.seen.tolist(), masks.wanted.tolist(), strict=True
        ):
            assert sorted(seen + wanted) == list(range(49))
            counts.update(seen)
    draws, share = steps * len(ROWS), kept / 49
    spread = math.sqrt(draws * share * (1 - share))
    # rows of a step are independent in pairs, so that the spread is that of free draws
    assert all(abs(counts[x] - draws * share) < 5 * spread for x in range(49))


@pytest.mark.parametrize("grid", GRIDS)
def test_blocks_are_blocks_of_the_sizes_that_were_asked_for(grid: Grid) -> None:
    number, sizes = grid[0] * grid[1], set()
    for step in range(60):
        wanted = draw(Blocks(), grid, step).wanted
        assert wanted.shape[1] == 4
        each = {rectangle(x, grid) for row in wanted.tolist() for x in row}
        assert len(each) == 1  # a step has one size
        sizes |= each
        [(height, width)] = each
        assert height < grid[0]
        assert width < grid[1]
    assert len(sizes) > 1
    if min(grid) >= 7:
        for height, width in sizes:
            # rounded to whole patches, up to half a patch to each side
            low, high = (height - 0.5) * (width - 0.5), (height + 0.5) * (width + 0.5)
            assert low <= 0.2 * number
            assert high >= int(0.15 * number)
            assert (height - 0.5) / (width + 0.5) <= 1.5
            assert (height + 0.5) / (width - 0.5) >= 0.75


def test_sizes_are_those_of_the_official_formula() -> None:
    """`h = round √(⌊L s⌋ r)`, `w = round √(⌊L s⌋ / r)`, less than the image."""
    found = set()
    for step in range(200):
        wanted = draw(Blocks(), (14, 14), step).wanted
        found.add(rectangle(wanted[0, 0].tolist(), (14, 14)))
    could = {
        (round(math.sqrt(n * r)), round(math.sqrt(n / r)))
        for n in range(int(0.15 * 196), int(0.2 * 196) + 1)
        for r in (0.75 + x / 400 * 0.75 for x in range(401))
    }
    assert found <= could
    assert len(found) > len(could) / 2


def test_the_context_lies_in_one_square_where_that_leaves_enough() -> None:
    """A small one, so that its border shows."""
    masking = Blocks(number=1, area=(0.02, 0.03), context=(0.25, 0.25), least=0.1)
    for step in range(10):
        for seen in draw(masking, (10, 10), step).seen.tolist():
            rows, columns = (
                [f(x, 10) for x in seen] for f in (int.__floordiv__, int.__mod__)
            )
            assert max(rows) - min(rows) < 5
            assert max(columns) - min(columns) < 5


def test_blocks_that_leave_too_little_are_the_first_one_again() -> None:
    masking = Blocks(number=30, area=(0.1, 0.2), least=0.5)
    distinct = []
    for step in range(10):
        masks = draw(masking, (6, 6), step)
        assert masks.seen.shape[1] == 18
        for row in masks.wanted.tolist():
            different = {tuple(x) for x in row}
            distinct.append(len(different))
            covered = set(itertools.chain(*different))
            assert len(covered) <= 18
    assert max(distinct) > 2


@BOTH
def test_they_follow_from_the_row_and_the_step(masking: Masking) -> None:
    counter = StepCounter()
    whole = masking.draw(ROWS, (7, 7), counter)
    order = torch.randperm(len(ROWS), generator=torch.Generator().manual_seed(0))[:9]
    some = masking.draw(ROWS[order], (7, 7), counter)
    assert torch.equal(some.seen, whole.seen[order])
    assert torch.equal(some.wanted, whole.wanted[order])
    assert len({tuple(x) for x in whole.seen.tolist()}) > 30
    counter.advance()
    later = masking.draw(ROWS, (7, 7), counter)
    assert not torch.equal(later.seen, whole.seen)


def test_what_cannot_be_is_refused() -> None:
    for bad in (0.0, 1.0, -0.5):
        with pytest.raises(ValueError, match="hidden must be"):
            RandomPatches(bad)
    with pytest.raises(ValueError, match="0 would be seen"):
        draw(RandomPatches(), (1, 2))
    with pytest.raises(ValueError, match="too few for blocks"):
        draw(Blocks(), (1, 1))
    for settings, said in (
        ({"number": 0}, "number must be"),
        ({"area": (0.3, 0.2)}, "area must rise"),
        ({"context": (0.5, 1.2)}, "context must rise"),
        ({"ratio": (0.0, 1.0)}, "ratio must rise"),
        ({"least": 1.0}, "least must be"),
    ):
        with pytest.raises(ValueError, match=said):
            Blocks(**settings)
