"""Threads decode, the order of files stays, and people are told."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ssl_objectives.images.decoding import decoded
from ssl_objectives.images.watched import Advance, counting, watched_by

FILES = [Path(str(i)) for i in range(300)]


def slowly(file: Path) -> tuple[int, str]:
    """Later files are done sooner."""
    number = int(str(file))
    time.sleep(0.002 * (number % 3 == 0))
    return number, threading.current_thread().name


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_the_order_is_that_of_the_files(workers: int) -> None:
    made = list(decoded(FILES, slowly, workers))
    assert [x for x, _ in made] == list(range(300))
    if workers == 3:
        assert len({x for _, x in made}) == 3


def test_the_first_error_is_raised_and_not_all_is_read_before() -> None:
    read: list[int] = []

    def some_fail(file: Path) -> int:
        read.append(int(str(file)))
        if read[-1] in (7, 9):
            raise ValueError(f"file {file}")
        return read[-1]

    each = decoded(FILES, some_fail, 2)
    assert [next(each) for _ in range(7)] == list(range(7))
    with pytest.raises(ValueError, match="file 7"):
        next(each)
    assert len(read) <= 128


def test_who_waits_is_told_all_that_is_done() -> None:
    told: list[int] = []
    opened: list[tuple[str, int]] = []

    @contextmanager
    def watcher(what: str, total: int) -> Iterator[Advance]:
        opened.append((what, total))
        yield told.append

    with watched_by(watcher):
        with counting("images", 5, patience=0.0) as advance:
            advance(2)
            advance(3)
        with counting("images", 5) as advance:
            advance(5)  # too fast to be told of
    assert opened == [("images", 5)]
    assert told == [2, 3]
    with counting("images", 1, patience=0.0) as advance:
        advance(1)
    assert told == [2, 3]
