"""Facts that say what came of an episode: told of every row, named where they are."""

import pytest
import torch

from agents.acting import RandomPolicy
from agents.collect import Collector
from envs.tiles.trackers.config import TrackerMazeConfig
from envs.tiles.trackers.world import EVENTS
from envs.vector_env import FactSpec


def test_a_rollout_hands_on_tallies_and_kinds() -> None:
    config = TrackerMazeConfig(pixels=0, max_episode_steps=30)
    env, twin = config.build(40, "cpu"), config.build(40, "cpu")
    collector = Collector(env, RandomPolicy(env, 0), num_steps=50)
    collector.begin(seed=5)
    experience, happened = collector.collect()
    twin.reset(seed=5)
    rows = [twin.step(action) for action in experience.traj.action]
    assert set(happened.tallies) == {"rooms", "trackers"}
    assert set(happened.kinds) == {"room"}
    assert set(happened.events) == set(EVENTS)
    told = {**happened.tallies, **happened.kinds, **happened.events}
    for name, values in told.items():
        assert torch.equal(values, torch.stack([row.facts[name] for row in rows]))
    assert len(happened.tallies["rooms"][happened.ended].unique()) > 1


def test_a_tally_is_one_number() -> None:
    assert FactSpec((), torch.float32, tally=True).tally
    with pytest.raises(ValueError, match="one number per env"):
        FactSpec((3,), torch.int64, tally=True)
