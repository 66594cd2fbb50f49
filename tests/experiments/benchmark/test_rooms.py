"""What the benchmark of rooms compares with."""

import torch

from envs.mujoco.rooms.config import RoomsConfig
from envs.native_env import NativeVectorEnv
from experiments.benchmark.rooms import FramesAlone


def test_frames_alone_are_those_of_walkers_who_stand_where_they_came_to() -> None:
    walking = RoomsConfig(pixels=16).build(3, "cpu")
    walking.reset(5)
    seen = walking.step(torch.ones(3, dtype=torch.int64)).obs
    standing = NativeVectorEnv(FramesAlone(walking), 3)
    begun = standing.reset(0)
    row = standing.step(torch.ones(3, dtype=torch.int64))
    assert torch.equal(begun.obs, seen)
    assert torch.equal(row.obs, seen)
    assert not torch.equal(walking.step(torch.ones(3, dtype=torch.int64)).obs, seen)
    assert row.reward.tolist() == [0.0] * 3
    assert not row.terminated.any()
    standing.close()
