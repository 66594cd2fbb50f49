"""A companion: what it is made of; and when it begins to learn, also behind saving."""

from typing import Any

import pytest
import torch

from agents.beside.companion import Companion
from agents.beside.config import CompanionConfig
from agents.curiosity.rnd import RndConfig
from agents.off_policy.study import StudyConfig
from ssl_objectives.refusal import ConfigError
from tests.agents.curiosity.made import EYES, B, T, around, rollouts, some


def built(seed: int) -> Companion:
    """It learns from the third rollout on."""
    study = StudyConfig(4, learning_starts=3 * T * B, updates_per_rollout=2, batch=4)
    config = CompanionConfig(RndConfig(EYES, size=5), study=study)
    return config.build(around().spec, seed)


def test_saved_before_it_learns_it_begins_when_it_would_have() -> None:
    """Transitions count from the beginning, not from the loading."""
    streamed = [x.traj for x in some(rollouts(ends=0.0), 4)]
    one, two = built(0), built(7)
    for traj in streamed[:2]:
        one.rollout(traj)
        assert "loss/rnd" not in one.metrics
    two.load_state_dict(one.state_dict())
    for traj in streamed[2:]:
        assert torch.equal(one.rollout(traj), two.rollout(traj))
        assert one.metrics["loss/rnd"] == two.metrics["loss/rnd"]


def test_a_class_is_no_config() -> None:
    kind: Any = RndConfig
    with pytest.raises(ConfigError, match=r"make one: RndConfig\(\)"):
        CompanionConfig(kind)
