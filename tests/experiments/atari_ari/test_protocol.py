"""Splits by lot, labels that vary, duplicates, and means by category, each by hand."""

import math
from dataclasses import replace

import pytest
import torch

from envs.atari.labels import Category
from experiments.atari_ari.protocol import (
    Scores,
    entropy,
    read_labels,
    seen_before,
    sides,
    varied,
)
from ssl_objectives.refusal import DatasetError
from tests.experiments.atari_ari.screens import squares
from world_models.probing.softmax import Majority
from world_models.probing.tallies import Score

SIDE_CLASSES = 8


def test_episodes_are_cut_by_lot_and_not_in_the_order_they_were_played() -> None:
    """The paper's code draws a lot and does not use it."""
    frames = squares(40, 6)
    parts = sides(frames, 3)
    train, val, test = (
        set(x.episode.tolist()) for x in (parts.train, parts.val, parts.test)
    )
    assert not train & val
    assert not train & test
    assert not val & test
    assert (len(train), len(val), len(test)) == (28, 4, 8)
    assert test != set(range(32, 40))
    assert val != set(range(28, 32))
    other = sides(frames, 4)
    assert set(other.test.episode.tolist()) != test
    assert parts.labels == ("ball_y", "player_x")  # the score never varies


def test_entropy_by_hand() -> None:
    label = torch.tensor([0, 0, 0, 7])
    expected = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert entropy(label) == pytest.approx(expected)
    third = torch.tensor([0, 0, 7, 7, 7])
    assert set(varied({"less": label, "more": third})) == {"more"}  # .56 and .67
    frames = squares(10, 4)
    dull = replace(frames, labels={"score": frames.labels["score"]})
    with pytest.raises(DatasetError, match=r"entropy of 0\.6"):
        sides(dull, 0)


@pytest.mark.parametrize("side", ["train", "val"])
def test_test_frames_that_were_seen_are_dropped(side: str) -> None:
    frames = squares(10, 8)
    parts = sides(frames, 0)
    planted = frames.obs.clone()
    of_test = int(parts.test.episode[0])
    rows = (frames.episode == of_test).nonzero().flatten()
    seen = getattr(parts, side).episode[0]
    source = (frames.episode == seen).nonzero().flatten()
    planted[rows[:3]] = frames.obs[source[:3]]
    again = sides(replace(frames, obs=planted), 0)
    gone = set(rows[:3].tolist())
    assert again.duplicates >= 3
    left = (again.test.episode == of_test).sum()
    assert left <= len(rows) - len(gone)
    assert not seen_before(again.test.obs, (again.train.obs, again.val.obs)).any()


def test_all_frames_alike_are_refused() -> None:
    frames = squares(10, 8)
    with pytest.raises(DatasetError, match="All test frames"):
        sides(replace(frames, obs=torch.zeros_like(frames.obs)), 0)


def test_means_by_category_then_across_them() -> None:
    values = {"ball_x": 0.2, "ball_y": 0.4, "player_x": 0.9, "tile_color_0": 0.0}
    scores = Scores({k: Score(x, None, None) for k, x in values.items()})
    assert scores.categories == {
        Category.SMALL: pytest.approx(0.3),
        Category.AGENT: pytest.approx(0.9),
    }
    assert scores.mean == pytest.approx(0.6)


def test_labels_are_read_off_what_holds_them() -> None:
    """A latent with the labels in it, one without, and the majority's guess."""
    frames = squares(40, 20)
    parts = sides(frames, 0)
    eye = torch.eye(SIDE_CLASSES)

    def knows(obs: torch.Tensor) -> torch.Tensor:
        lit = (obs > 0).squeeze(1)
        row, column = lit.any(2).int().argmax(1), lit.any(1).int().argmax(1)
        return 9 * torch.cat([eye[row // 8], eye[column // 8]], 1)

    def blind(obs: torch.Tensor) -> torch.Tensor:
        return torch.zeros(len(obs), 3)

    assert read_labels(knows, parts).mean > 0.9
    assert read_labels(blind, parts).mean < 0.2
    assert read_labels(blind, parts, Majority()).mean < 0.2
