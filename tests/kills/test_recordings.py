"""Data sets that are added to, killed again and again: rows are never lost.

Slow: 40 kills.
"""

from pathlib import Path

import numpy as np
import pytest

from ssl_objectives.refusal import DatasetError
from tests.kills.killing import Killer
from world_models.data.dataset import Dataset, open_dataset

KILLS, SEED = 40, 4
WORDS = (
    *("record", "--world", "counting", "--num-envs", "2", "--steps", "40", "--append"),
    *("--flush-seconds", "0", "--facts"),
)


def read(path: Path) -> Dataset | None:
    """The data set with all its bytes compared; None before its first shard."""
    if not list(path.glob("shard-*")):
        with pytest.raises(DatasetError):
            open_dataset(path)
        return None
    dataset = open_dataset(path)
    dataset.verify()
    return dataset


def frames(dataset: Dataset, streams: int) -> list[np.ndarray]:
    """The frames of the first so many streams, each from its first row on."""
    return [
        np.concatenate([x["obs"] for _, x in dataset.reader.blocks(i, ("obs",))])
        for i in range(streams)
    ]


@pytest.mark.slow
def test_a_recording_that_is_killed_keeps_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "data"
    killer = Killer(SEED, tmp_path / "log.txt")
    assert killer.let([*WORDS, "--out", str(tmp_path / "other")]) == 0, killer.said()
    before = None
    while killer.kills < KILLS:
        killer.kill([*WORDS, "--out", str(path)])
        now = read(path)
        if before is not None:
            assert now is not None
            assert now.num_rows >= before.num_rows
            streams = before.num_streams
            for old, new in zip(
                frames(before, streams), frames(now, streams), strict=True
            ):
                assert np.array_equal(old, new[: len(old)])
        before = now
    assert killer.let([*WORDS, "--out", str(path)]) == 0, killer.said()
    whole = read(path)
    assert whole is not None
    assert whole.finished
    assert not list(path.glob(".*"))  # what was half-written is swept
    print(f"record: {killer.kills} kills, {whole.num_rows} rows, none lost")
