"""Locks hold against this process, too, and belong to the file of that name."""

from pathlib import Path
from typing import Any

import pytest

from world_models.data import lock
from world_models.data.lock import IsLocked, locked


def test_one_process_does_not_lock_twice(tmp_path: Path) -> None:
    """The system would let it, and the second lock's end would end the first."""
    file = tmp_path / "lock"
    with locked(file):
        with pytest.raises(IsLocked, match="this very process"), locked(file):
            pytest.fail("two hold the lock")
        with pytest.raises(IsLocked), locked(tmp_path / "." / "lock"):
            pytest.fail("two hold the lock")
    with locked(file):
        pass


def test_the_lock_is_that_of_the_file_that_others_will_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever held it took its file away, while this process waited for it."""
    file = tmp_path / "lock"
    wait, waited = lock._wait_for, list[Any]()

    def taken_away(held: Any, end: float) -> None:
        wait(held, end)
        if not waited:
            file.unlink()
        waited.append(held)

    monkeypatch.setattr(lock, "_wait_for", taken_away)
    with locked(file):
        assert file.read_text().startswith("process ")
    assert len(waited) == 2
