"""Rooms that are played in."""

import torch
from torch import Tensor

from envs.mujoco.physics import Told
from envs.mujoco.rooms.config import RoomsConfig
from envs.mujoco.rooms.stage import Rooms
from envs.mujoco.world import MujocoState, MujocoWorld
from envs.native_env import NativeVectorEnv
from envs.vector_env import Step

BLIND = RoomsConfig(pixels=0)


def play(config: RoomsConfig, num: int, steps: int, seed: int = 0) -> list[Step]:
    """Rows under random steps."""
    chance = torch.Generator().manual_seed(seed)
    env = config.build(num, "cpu")
    actions = torch.randint(4, (steps, num), generator=chance)
    rows = [env.reset(seed=seed), *[env.step(x) for x in actions]]
    env.close()
    return rows


def stage_of(env: NativeVectorEnv) -> Rooms:
    """The rules of worlds."""
    assert isinstance(env.world, MujocoWorld)
    assert isinstance(env.world.stage, Rooms)
    return env.world.stage


def put(env: NativeVectorEnv, place: Tensor, heading: Tensor | float = 0.0) -> None:
    """Walkers elsewhere, `[B, 2]` metres and `[B]` radians, all else as it is."""
    world, state = env.world, env.state
    assert isinstance(world, MujocoWorld)
    assert isinstance(state, MujocoState)
    qpos = state.bodies.qpos.clone()
    qpos[:, :2], qpos[:, 2] = place, heading
    told = Told(qpos=qpos, qvel=torch.zeros_like(state.bodies.qvel))
    sim, bodies = world.physics.go(state.sim, told, 0)
    env._state = state._replace(sim=sim, bodies=bodies)


def stacked(rows: list[Step], name: str) -> Tensor:
    """A fact in all of time."""
    return torch.stack([row.facts[name] for row in rows])
