"""Stages behind the contract: worlds of their own, whatever others do."""

import mujoco
import numpy as np
import pytest
import torch

from envs.check import check_env
from envs.mujoco.counting import MujocoCountingConfig
from envs.mujoco.drawn import Drawn
from envs.mujoco.social_room.config import SocialRoomConfig
from envs.mujoco.world import MujocoWorld
from envs.native_env import NativeVectorEnv
from envs.vector_env import Step
from tests.envs.mujoco.dropped import Dropped, DroppedConfig


def rows(num: int, seed: int, steps: int = 60) -> list[Step]:
    env = DroppedConfig().build(num, "cpu")
    push = torch.linspace(-1, 1, 9)
    return [
        env.reset(seed=seed),
        *[env.step(push[t % 9].expand(num, 1)) for t in range(steps)],
    ]


def test_contract() -> None:
    check_env(lambda: DroppedConfig().build(3, "cpu"), num_steps=30)


def test_a_world_is_the_same_whatever_lies_beside_it() -> None:
    few, many = rows(2, seed=4), rows(7, seed=4)
    ends = torch.stack([x.terminated | x.truncated for x in many])
    assert (ends.sum(0) >= 2).all()
    assert len({tuple(x) for x in ends.T.tolist()}) > 1, "all ended at the same time"
    for one, other in zip(few, many, strict=True):
        assert one.vector is not None
        assert other.vector is not None
        assert torch.equal(one.obs, other.obs[:2])
        assert torch.equal(one.vector, other.vector[:2])
        assert torch.equal(one.reward, other.reward[:2])
        assert torch.equal(one.first, other.first[:2])


def test_worlds_and_seeds_differ() -> None:
    begun = [rows(5, seed, 0)[0].facts["height"] for seed in range(4)]
    assert len(torch.cat(begun).unique()) == 20


def test_episodes_differ() -> None:
    heights = [x.facts["height"][x.first] for x in rows(1, seed=1)]
    begun = torch.cat(heights)
    assert len(begun) > 2
    assert len(begun.unique()) == len(begun)


def test_chance_goes_on_from_one_episode_to_the_next() -> None:
    """What a first step leaves to chance is drawn anew, not from a clock set back."""
    world = Drawn(0).world(Dropped(), "cpu")
    env = NativeVectorEnv(world, 2)
    row, pushed = env.reset(seed=3), []
    for _ in range(70):
        begins, row = row.first, env.step(torch.zeros(2, 1))
        assert row.vector is not None
        # The pole stands upright when an episode begins: its speed says what pushed it.
        pushed.append(torch.where(begins, row.vector[:, 1], torch.nan))
    for gusts in torch.stack(pushed, 1):
        gusts = gusts[gusts.isfinite()]
        assert len(gusts) > 3
        assert len(gusts.unique()) == len(gusts)


def test_a_seed_for_some_worlds_gives_them_new_keys_and_leaves_the_others() -> None:
    env, twin, other = (DroppedConfig().build(4, "cpu") for _ in range(3))
    push = torch.zeros(4, 1)
    env.reset(seed=1)
    twin.reset(seed=1)
    for _ in range(7):
        before, _ = env.step(push), twin.step(push)
    some = torch.tensor([False, True, False, True])
    row, anew = env.reset(seed=2, mask=some), other.reset(seed=2)
    assert torch.equal(row.first, some)
    assert torch.equal(row.obs[~some], before.obs[~some])
    for _ in range(30):  # episodes end, and draw again
        rows = env.step(push), other.step(push), twin.step(push)
        mine, seeded, gone_on = (x.facts["height"] for x in rows)
        assert torch.equal(mine[some], seeded[some])
        assert torch.equal(mine[~some], gone_on[~some])
    assert anew.first.all()


def test_joints_are_told_as_mujoco_has_them() -> None:
    """Beside MuJoCo's own loop, begun where the world began and pushed alike."""
    world = Drawn(0, joints=True).world(Dropped(), "cpu")
    env, model = NativeVectorEnv(world, 3), world.physics.model
    row = env.reset(seed=5)
    assert {x: env.spec.facts[x].shape for x in ("qpos", "qvel")} == {
        "qpos": (model.nq,),
        "qvel": (model.nv,),
    }
    alone = [mujoco.MjData(model) for _ in range(3)]
    for _ in range(25):
        sim = env.state_dict()["state"]["sim"]
        for i, data in enumerate(alone):
            spec = mujoco.mjtState.mjSTATE_INTEGRATION
            mujoco.mj_setState(model, data, sim[i].numpy(), spec)
            for name in ("qpos", "qvel"):
                theirs = getattr(data, name).astype(np.float32)
                assert np.array_equal(row.facts[name][i].numpy(), theirs), name
        row = env.step(torch.ones(3, 1))
    assert (row.facts["qvel"] != 0).any()


def test_joints_are_those_of_a_step_of_mujocos() -> None:
    """The counting plates: one slides a metre in each step, at a speed it was given."""
    env = MujocoCountingConfig().build(4, "cpu")
    row = env.reset()
    for _ in range(20):
        where = torch.stack([row.facts[x] for x in ("env", "episode", "step")], 1)
        assert torch.allclose(row.facts["qpos"], where.float(), atol=1e-4)
        assert torch.equal(row.facts["qvel"][:, :2], torch.zeros(4, 2))
        assert torch.allclose(row.facts["qvel"][:, 2], torch.full((4,), 25.0))
        row = env.step(torch.zeros(4, dtype=torch.int64))


def test_a_scene_without_joints_tells_none() -> None:
    room = SocialRoomConfig(pixels=0).build(1, "cpu").world
    assert isinstance(room, MujocoWorld)
    world = Drawn(0, joints=True).world(room.stage, "cpu")
    assert set(world.facts) == set(room.facts)
    assert "qpos" not in DroppedConfig().build(1, "cpu").spec.facts


@pytest.mark.parametrize("pixels", [-1, 7, 1_025, 2**31])
def test_refused_sizes(pixels: int) -> None:
    with pytest.raises(
        ValueError, match=f"pixels must be 0, or 8 to 1,024, not {pixels}"
    ):
        Drawn(pixels)


def test_depth_needs_pictures() -> None:
    with pytest.raises(ValueError, match="ask for pixels"):
        Drawn(0, depth=True).world(Dropped(), "cpu")


def test_episodes_that_nobody_begins_are_not_prepared() -> None:
    """And whether they are makes no difference to any row."""
    env, asked = DroppedConfig().build(3, "cpu"), DroppedConfig().build(3, "cpu")
    assert env.world.keyed
    asked.world.keyed = False
    calls = []
    stage = env.world.stage  # type: ignore[attr-defined]  # a world of MuJoCo
    begin = stage.start

    def start(*args: object) -> object:
        calls.append(args)
        return begin(*args)

    stage.start = start
    one, other = env.reset(seed=2), asked.reset(seed=2)
    begun = 0
    for t in range(60):
        push = torch.full((3, 1), 0.4 * (t % 3 - 1))
        one, other = env.step(push), asked.step(push)
        begun += bool(one.first.any())
        for name in ("obs", "reward", "terminated", "truncated", "first"):
            assert torch.equal(getattr(one, name), getattr(other, name))
        for name, fact in one.facts.items():
            assert torch.equal(fact, other.facts[name])
    assert len(calls) == 1 + begun
    assert 2 < begun < 40
