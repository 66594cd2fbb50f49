"""Footage: rows of episodes, side by side for world models."""

import pytest
import torch

from ssl_objectives.refusal import DatasetError
from world_models.probing import footage as module
from world_models.probing.footage import Footage

LENGTHS = (3, 1, 5, 5, 2)


def footage() -> Footage:
    num = sum(LENGTHS)
    return Footage(
        torch.arange(num, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2),
        torch.arange(len(LENGTHS)).repeat_interleave(torch.tensor(LENGTHS)) * 7 + 2,
        {},
        action=torch.arange(num),
        vector=torch.arange(float(num)).unsqueeze(1),
    )


def test_first_rows_and_steps_are_counted() -> None:
    data = footage()
    assert data.step.tolist() == [0, 1, 2, 0, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]
    assert data.first.tolist() == [x == 0 for x in data.step.tolist()]


@pytest.mark.parametrize("at_once", [1, 40, 10_000])
def test_every_row_lies_in_a_trajectory_once(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH_BYTES", at_once)
    data = footage()
    met = []
    for traj, row, there in data.seen_from():
        assert torch.equal(traj.obs[..., 0, 0, 0].long(), row)
        assert torch.equal(traj.action, row[1:])  # what led there
        assert traj.vector is not None
        assert torch.equal(traj.vector[..., 0].long(), row)
        assert traj.first[0].all()
        assert not traj.first[1:].any()
        assert torch.equal(data.episode[row], data.episode[row[:1]].expand_as(row))
        met += row[there].tolist()
    assert sorted(met) == list(range(len(data)))


def test_columns_of_other_lengths_are_refused() -> None:
    with pytest.raises(DatasetError, match="2 frames, but 3 rows of 'x'"):
        Footage(
            torch.zeros(2, 1, 1, 1, dtype=torch.uint8),
            torch.zeros(2, dtype=torch.int64),
            {"x": torch.zeros(3)},
        )


def test_episodes_that_are_mixed_up_are_refused() -> None:
    with pytest.raises(DatasetError, match="mixed up"):
        Footage(torch.zeros(3, 1, 1, 1, dtype=torch.uint8), torch.tensor([0, 1, 0]), {})
