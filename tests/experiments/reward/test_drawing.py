"""Pictures of rewards: where features lie, and that a picture is whole or not there."""

from pathlib import Path
from typing import Any

import pytest
import torch
from matplotlib.figure import Figure

from agents.rewards.demonstration import Demonstration
from agents.rewards.distance_to_goal import DistanceToGoalConfig
from agents.rewards.perceptual import PerceptualRewardConfig
from agents.rewards.reward_model import along
from experiments.reward import drawing
from experiments.reward.drawing import Drawn, draw
from tests.agents.rewards.moving import eyes, moving


def test_features_are_drawn_where_they_look() -> None:
    """Of maps of 4 by 12 places over 8 by 24 pixels, each by its area."""
    reward = PerceptualRewardConfig(2, features=3).build(eyes())
    reward.there[1] = True
    reward.chosen[1] = torch.tensor([3 * 12 + 7, 0, 0])  # row 3 column 7; the corner
    heat = drawing._where(reward, 1, torch.Size([8, 24]))
    expected = torch.zeros(8, 24)
    expected[6:8, 14:16] = 0.25
    expected[:2, :2] = 0.5
    assert torch.equal(torch.from_numpy(heat), expected)


def test_the_frame_that_stands_for_a_step_is_from_its_middle() -> None:
    demo = Demonstration(torch.arange(9).byte().view(9, 1, 1, 1))
    found = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1, 1])
    drawn = Drawn(demo, torch.zeros(9), found)
    assert [int(drawing._middle(drawn, x)) for x in (0, 1)] == [2, 6]


def test_a_picture_is_replaced_only_by_a_whole_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    demos = [moving(0)]
    reward = DistanceToGoalConfig().fit(eyes(), demos)
    picture = tmp_path / "seen.png"
    picture.write_bytes(b"what was there")

    def full(_: Figure, path: Path, **__: Any) -> None:
        Path(path).write_bytes(b"half")
        raise OSError("the disk is full")

    monkeypatch.setattr(Figure, "savefig", full)
    with pytest.raises(OSError, match="full"):
        draw(picture, reward, [Drawn(demos[0], along(reward, demos)[0], None)])
    assert picture.read_bytes() == b"what was there"
