"""Which episodes of arrays are demonstrations, and what is said of long ones."""

import re
from pathlib import Path

import numpy as np
import pytest

from experiments.reward.demonstrations import read_demonstrations
from ssl_objectives.refusal import DatasetError


def episodes(path: Path, *told: tuple[int, bool, float]) -> str:
    """One for each (frames, terminated or cut off, what the last step earned)."""
    lengths = [x[0] for x in told]
    ends = np.cumsum(lengths) - 1
    total = sum(lengths)
    number = np.repeat(np.arange(len(told)), lengths)
    first, last, over = (np.zeros(total, np.bool_) for _ in range(3))
    reward = np.zeros(total, np.float32)
    first[[0, *(ends[:-1] + 1)]] = last[ends] = True
    over[ends], reward[ends] = [x[1] for x in told], [x[2] for x in told]
    image = np.broadcast_to(number[:, None, None, None], (total, 2, 2, 3))
    np.savez_compressed(
        path,
        allow_pickle=True,
        image=image.astype(np.uint8),
        action=np.zeros(total, np.int64),
        reward=reward,
        is_first=first,
        is_last=last,
        is_terminal=over,
    )
    return str(path)


def taken(source: str, skip: int = 0) -> list[int]:
    """The numbers of the episodes that are demonstrations."""
    read = read_demonstrations(source, 5, skip=skip)
    return [int(x.frames[0, 0, 0, 0]) for x in read.demos]


def test_to_earn_something_goes_before_to_be_terminated(tmp_path: Path) -> None:
    """Who fell into a pit was terminated, too."""
    pit, walk, goal = (3, True, 0.0), (4, False, 1.0), (3, True, 1.0)
    lost = (5, False, 0.0)
    one = episodes(tmp_path / "a.npz", pit, walk, lost, walk)
    assert taken(one) == [1, 3]
    assert taken(one, skip=1) == [3]
    assert taken(episodes(tmp_path / "b.npz", walk, goal, pit, goal)) == [1, 3]
    assert taken(episodes(tmp_path / "c.npz", lost, pit)) == [1]
    assert taken(episodes(tmp_path / "d.npz", lost, lost)) == [0, 1]


def test_names_count_those_that_were_skipped(tmp_path: Path) -> None:
    source = episodes(tmp_path / "a.npz", *[(2, True, 1.0)] * 5)
    read = read_demonstrations(source, 2, skip=2)
    assert [x.name for x in read.demos] == ["a.npz 2", "a.npz 3"]


@pytest.mark.parametrize(("frames", "every"), [(2001, 1), (4000, 1), (7000, 2)])
def test_what_is_advised_for_long_ones_is_enough(
    tmp_path: Path, frames: int, every: int
) -> None:
    """And no more than that: the last frame counts as well."""
    source = episodes(tmp_path / "long.npz", (frames, True, 1.0))
    with pytest.raises(DatasetError, match="at most 2,000") as refused:
        read_demonstrations(source, 1, every=every)
    found = re.search(r"--every (\d+)", str(refused.value))
    assert found is not None
    advised = int(found[1])
    assert len(read_demonstrations(source, 1, every=advised).demos[0]) <= 2_000
    with pytest.raises(DatasetError, match="at most 2,000"):
        read_demonstrations(source, 1, every=advised - 1)
