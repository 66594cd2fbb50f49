"""Splits by episode: nobody is on two sides, everybody on one."""

import pytest
import torch

from ssl_objectives.refusal import DatasetError
from world_models.probing.split import split_episodes


@pytest.mark.parametrize("count", [5, 6, 11, 50, 333])
@pytest.mark.parametrize("seed", range(3))
def test_no_episode_is_on_two_sides(count: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(100 * count + seed)
    lengths = torch.randint(1, 9, (count,), generator=generator)
    numbers = torch.randperm(10 * count, generator=generator)[:count]
    episode = numbers.repeat_interleave(lengths)
    split = split_episodes(episode, seed)
    sides = [set(episode[x].tolist()) for x in (split.train, split.val, split.test)]
    assert set.union(*sides) == set(numbers.tolist())
    assert sum(map(len, sides)) == count
    together = split.train.int() + split.val.int() + split.test.int()
    assert (together == 1).all()
    assert [len(x) for x in sides[1:]] == [
        max(1, round(0.1 * count)),
        max(2, round(0.2 * count)),
    ]


def test_seeds_draw_other_episodes_and_the_same_seed_the_same() -> None:
    episode = torch.arange(100).repeat_interleave(3)
    one, again, other = (split_episodes(episode, x).test for x in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_a_row_more_moves_no_episode() -> None:
    lengths = torch.full((40,), 5)
    split = split_episodes(torch.arange(40).repeat_interleave(lengths))
    lengths[7] = 9
    longer = split_episodes(torch.arange(40).repeat_interleave(lengths))
    begins = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)[:-1]])
    assert torch.equal(split.test[::5], longer.test[begins])


def test_too_few_episodes_are_refused_with_what_to_do() -> None:
    with pytest.raises(
        DatasetError, match=r"There are 4 episodes.*Record more of them"
    ):
        split_episodes(torch.arange(4).repeat_interleave(50))
    with pytest.raises(DatasetError, match="There is 1 episode,"):
        split_episodes(torch.zeros(50, dtype=torch.int64))


def test_shares_leave_something_to_be_fitted_on() -> None:
    with pytest.raises(ValueError, match="leave nothing"):
        split_episodes(torch.arange(10), val=0.4, test=0.6)
