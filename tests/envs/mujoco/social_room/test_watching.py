"""Rooms under gazes that stay: one for each group, from where the rooms are."""

import pytest
import torch

from envs.behaviours.groups import Animate
from envs.counting import CountingConfig
from envs.mujoco.social_room.config import SocialRoomConfig
from envs.vector_env import WatchedWorld
from tests.envs.mujoco.social_room.played import stacked

NUM = 3
ANYTHING = torch.arange(NUM * 5) % 9


def test_each_copy_goes_on_with_the_gaze_on_its_group() -> None:
    config = SocialRoomConfig(
        Animate.CHASING, others=4, pixels=0, varied=True, poses=True
    )
    assert isinstance(config, WatchedWorld)
    assert config.parts == ("chasing", "static", "static-2", "periodic", "noise")
    env = config.build(NUM, "cpu")
    row = env.reset(seed=1)
    for t in range(7):
        row = env.step(torch.tensor([t % 9, 0, 3]))
    watching = config.watching(env, seed=2)
    rows = [watching.reset(), *[watching.step(ANYTHING) for _ in range(12)]]
    assert torch.equal(stacked(rows, "in_view")[-1], torch.arange(5).repeat(NUM))
    assert (stacked(rows, "in_view") == rows[0].facts["in_view"]).all()
    for name in ("places", "sector", "there"):
        copies = rows[0].facts[name].unflatten(0, (NUM, 5))
        assert torch.equal(copies, row.facts[name].unsqueeze(1).expand_as(copies))
    heights = rows[0].facts["eye"][:, 2]
    assert len(heights.unique()) == NUM, "a copy has not the eye of its room"
    # What is left to no chance goes on as in the room, which did not notice.
    after = [row := env.step(torch.zeros(NUM, dtype=torch.int64)) for _ in range(12)]
    assert row is after[-1]
    for name, groups in (("places", (0, 1, 2, 3)),):
        here = stacked(after, name)[:, :, list(groups)]
        there = stacked(rows[1:], name).unflatten(1, (NUM, 5))[:, :, :, list(groups)]
        assert torch.equal(there, here.unsqueeze(2).expand_as(there))


def test_a_wary_group_is_given_time_to_come_home() -> None:
    config = SocialRoomConfig(Animate.PEEKABOO, pixels=0)
    env = config.build(2, "cpu")
    home = env.reset(seed=0).facts["places"][:, 0, 0]
    watching = config.watching(env, seed=0)
    rows = [watching.reset()]
    rows += [watching.step(torch.zeros(8, dtype=torch.int64)) for _ in range(80)]
    view = stacked(rows, "in_view").unflatten(1, (2, 4))
    assert (view[:40, :, 0] == 0).all()
    assert (view[40:60, :, 0] != 0).all()
    assert (view[60:, :, 0] == 0).all()
    assert (view[:, :, 1:] == torch.tensor([1, 2, 3])).all()
    actor = stacked(rows, "places").unflatten(1, (2, 4))[60, :, 0, 0, 0]
    assert torch.allclose(actor, home, atol=1e-5)


def test_refusals() -> None:
    config = SocialRoomConfig(pixels=0)
    with pytest.raises(ValueError, match="NativeVectorEnv is no social room"):
        config.watching(CountingConfig().build(2, "cpu"), seed=0)
    with pytest.raises(RuntimeError, match="reset them first"):
        config.watching(config.build(2, "cpu"), seed=0)
