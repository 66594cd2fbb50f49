"""Pairs of rows of one episode, against a walk through each episode."""

import pytest
import torch

from ssl_objectives.images.episodes import Episodes
from ssl_objectives.images.source import ArrayImages, ImageSubset, to_be_viewed
from ssl_objectives.refusal import ConfigError

LENGTHS = [5, 1, 2, 9, 3]
STARTS = torch.tensor([0, 5, 6, 8, 17])
NUM = sum(LENGTHS)


def walked(row: int, apart: int) -> tuple[int, int]:
    """The pair of a row, step by step."""
    begin = 0
    for length in LENGTHS:
        members = list(range(begin, begin + length))
        if row in members:
            if length <= apart:
                return members[0], members[-1]
            while row + apart not in members:
                row -= 1
            return row, row + apart
        begin += length
    raise AssertionError(row)


@pytest.mark.parametrize("apart", [1, 2, 3, 8, 9, 100])
def test_pairs_stay_in_their_episode_and_apart_where_it_is_long_enough(
    apart: int,
) -> None:
    rows = torch.randperm(NUM, generator=torch.Generator().manual_seed(apart))
    earlier, later = Episodes(STARTS, NUM).pairs(rows, apart)
    want = [walked(x, apart) for x in rows.tolist()]
    assert list(zip(earlier.tolist(), later.tolist(), strict=True)) == want


def test_first_rows() -> None:
    first = Episodes(STARTS, NUM).first(torch.arange(NUM))
    want = [b for b, n in zip(STARTS.tolist(), LENGTHS, strict=True) for _ in range(n)]
    assert first.tolist() == want


@pytest.mark.parametrize("starts", [[], [1], [0, 3, 3], [0, 4, 2], [0, 7]])
def test_what_are_no_first_rows_are_refused(starts: list[int]) -> None:
    with pytest.raises(ValueError, match="episodes must begin with row 0"):
        Episodes(torch.tensor(starts, dtype=torch.int64), 7)


def numbered(episodes: Episodes | None) -> ArrayImages:
    """Image i has the value i."""
    values = torch.arange(NUM, dtype=torch.uint8).view(-1, 1, 1, 1)
    return ArrayImages(values.expand(-1, 1, 3, 4).clone(), episodes=episodes)


def test_a_source_gives_clips_and_a_subset_those_of_its_rows() -> None:
    source = numbered(Episodes(STARTS, NUM))
    subset = ImageSubset(source, torch.tensor([18, 3, 8]))
    for given, rows, numbers in (
        (source, torch.tensor([7, 0, 16]), [7, 0, 16]),
        (subset, torch.tensor([2, 0, 1]), [8, 18, 3]),
    ):
        clips = to_be_viewed(given, rows, 2)
        assert clips.shape == (3, 2, 1, 3, 4)
        assert clips[:, :, 0, 0, 0].tolist() == [list(walked(x, 2)) for x in numbers]
        assert torch.equal(to_be_viewed(given, rows, 0), given.read(rows))


def test_images_without_an_order_in_time_say_what_to_do() -> None:
    still = Episodes(torch.arange(NUM), NUM)
    for source in (
        numbered(None),
        numbered(still),
        ImageSubset(numbered(None), STARTS),
    ):
        with pytest.raises(
            ConfigError, match=r"no order in time(.|\n)*images recorded"
        ):
            source.pairs(torch.tensor([0, 1]), 1)
