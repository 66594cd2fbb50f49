"""A cell plays twice: for its encoder, and for the probes that measure it."""

import pytest

from experiments.atari_ari import cell
from experiments.atari_ari.cell import Budget, run_cell
from experiments.atari_ari.frames import Frames
from tests.experiments.atari_ari.screens import SIDE, squares


def test_no_two_plays_are_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Encoders meet no frame of the probes, nor one seed's frames those of another."""
    played: list[tuple[int, int]] = []

    def collect(game: str, num_frames: int, seed: int, size: tuple[int, int]) -> Frames:
        played.append((num_frames, seed))
        return squares(12, num_frames // 12, seed)

    monkeypatch.setattr(cell, "collect", collect)
    for seed in range(2):
        line = run_cell("pong", "random", seed, Budget(60, 72, 0, (SIDE, SIDE)))
        assert sum(line["probe_frames"]) + line["duplicates"] == 72
    assert [num for num, _ in played] == [72, 60, 72, 60]
    assert len({seed for _, seed in played}) == 4
