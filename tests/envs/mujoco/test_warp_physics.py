"""MuJoCo Warp's physics beside MuJoCo's own, where it is installed."""

import pytest
import torch

from envs.mujoco.choose import choose_physics
from envs.mujoco.physics import CannotSimulate, Told
from envs.mujoco.renderers.warp.warp import has_warp
from envs.mujoco.social_room.config import SocialRoomConfig
from envs.mujoco.threads import ThreadedPhysics
from envs.mujoco.warp_physics import WarpPhysics
from envs.mujoco.world import MujocoWorld
from envs.native_env import NativeVectorEnv
from envs.vector_env import WorldError
from tests.envs.mujoco.test_threads import MODEL, NUM, told

needed = pytest.mark.skipif(not has_warp(), reason="MuJoCo Warp is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")  # of kernels


@pytest.mark.slow  # compiles for minutes
@needed
def test_both_simulate_the_same() -> None:
    """40 steps of the model, 0.8 s, in which a ball falls and a pole is pushed.

    High above the floor at first, then down on it. All that was seen was 8e-6.
    """
    warp, threads = WarpPhysics(MODEL), ThreadedPhysics(MODEL)
    assert torch.equal(warp.reference(NUM), threads.reference(NUM))
    push = Told(ctrl=torch.tensor([[0.5], [-1.0], [2.0], [0.0], [0.1]]))
    high = told(0)
    assert high.qpos is not None
    high.qpos[:, 2] += 8
    for start in (high, told(0)):
        mine = warp.go(warp.reference(NUM), start, 0)
        theirs = threads.go(threads.reference(NUM), start, 0)
        for one, other in zip(mine.bodies, theirs.bodies, strict=True):
            assert torch.allclose(one, other, atol=1e-6)
        assert torch.allclose(mine.sim, theirs.sim, atol=1e-6)
        for _ in range(10):
            mine = warp.go(mine.sim, push, 4)
            theirs = threads.go(theirs.sim, push, 4)
        for name, one, other in zip(
            mine.bodies._fields, mine.bodies, theirs.bodies, strict=True
        ):
            assert torch.allclose(one, other, atol=5e-5, rtol=5e-5), name


@pytest.mark.slow
@needed
def test_a_room_is_the_same_with_either() -> None:
    """A scene without joints, all of whose bodies are put where they are."""
    env = SocialRoomConfig(pixels=16, poses=True, varied=True).build(3, "cpu")
    assert isinstance(env.world, MujocoWorld)
    world = MujocoWorld(
        env.world.stage, WarpPhysics(env.world.physics.model), env.world.pictures
    )
    assert world.about.endswith("; physics by MuJoCo Warp")
    other = NativeVectorEnv(world, 3)
    row, twin = env.reset(seed=1), other.reset(seed=1)
    for t in range(12):
        for name, fact in row.facts.items():
            near = torch.allclose(fact.float(), twin.facts[name].float(), atol=1e-5)
            assert near, name
        assert (row.obs == twin.obs).float().mean() > 0.999
        action = torch.full((3,), t % 9)
        row, twin = env.step(action), other.step(action)


@pytest.mark.slow
@needed
def test_states_go_on_in_either() -> None:
    warp, threads = WarpPhysics(MODEL), ThreadedPhysics(MODEL)
    begun = threads.go(threads.reference(NUM), told(1), 0)
    half = warp.go(begun.sim, Told(), 3).sim
    mixed = threads.go(half, Told(), 3).bodies
    whole = threads.go(begun.sim, Told(), 6).bodies
    for one, other in zip(mixed, whole, strict=True):
        assert torch.allclose(one, other, atol=5e-5)
    again = warp.go(begun.sim, Told(), 3).sim
    assert torch.equal(again, half)


@pytest.mark.slow
@needed
def test_what_runs_away_is_told() -> None:
    physics = WarpPhysics(MODEL)
    sim = physics.reference(NUM)
    with pytest.raises(WorldError, match="smaller time step"):
        physics.go(sim, Told(qvel=torch.full((NUM, 7), float("nan"))), 1)
    assert torch.isfinite(physics.go(sim, Told(), 2).sim).all()


@pytest.mark.skipif(has_warp(), reason="MuJoCo Warp is installed")
def test_that_it_is_missing_is_told() -> None:
    with pytest.raises(CannotSimulate, match="pip install"):
        WarpPhysics(MODEL)


def test_without_a_gpu_mujoco_itself_simulates() -> None:
    assert isinstance(choose_physics(MODEL, "cpu"), ThreadedPhysics)
