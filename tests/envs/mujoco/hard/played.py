"""Halls that are played in."""

from typing import Any

import torch
from torch import Tensor

from agents.expert import Expert
from envs.mujoco.hard.carry.config import CarryConfig
from envs.mujoco.hard.config import HallConfig
from envs.mujoco.hard.push.config import PushButtonConfig
from envs.mujoco.hard.sequence.config import SequenceConfig
from envs.mujoco.hard.stage import HallStage
from envs.mujoco.physics import Told
from envs.mujoco.world import MujocoState, MujocoWorld
from envs.native_env import NativeVectorEnv
from envs.vector_env import DiscreteActions, Step

STAY, AHEAD, LEFT, RIGHT, HAND = range(5)
TASKS: dict[str, HallConfig] = {
    "push-button": PushButtonConfig(pixels=0, layouts=40),
    "sequence": SequenceConfig(pixels=0, layouts=40),
    "carry": CarryConfig(pixels=0, layouts=40),
}


def num_actions(env: NativeVectorEnv) -> int:
    """How many there are."""
    assert isinstance(env.spec.actions, DiscreteActions)
    return env.spec.actions.n


def play(config: HallConfig, num: int, steps: int, seed: int = 0) -> list[Step]:
    """Rows under random steps."""
    chance = torch.Generator().manual_seed(seed)
    env = config.build(num, "cpu")
    actions = torch.randint(num_actions(env), (steps, num), generator=chance)
    rows = [env.reset(seed=seed), *[env.step(x) for x in actions]]
    env.close()
    return rows


def shown_by_expert(
    config: HallConfig, num: int, steps: int, seed: int = 0, mistakes: float = 0.0
) -> list[Step]:
    """Rows under the guide."""
    env = config.build(num, "cpu")
    expert = Expert(env, seed, mistakes)
    rows, carry = [env.reset(seed=seed)], expert.start(num)
    for _ in range(steps):
        acted = expert.act(rows[-1], carry)
        carry = acted.carry
        rows.append(env.step(acted.action))
    env.close()
    return rows


def stage_of(env: NativeVectorEnv) -> HallStage:
    """The rules of worlds."""
    assert isinstance(env.world, MujocoWorld)
    assert isinstance(env.world.stage, HallStage)
    return env.world.stage


def put(
    env: NativeVectorEnv,
    place: Tensor,
    heading: Tensor | float = 0.0,
    **own: Tensor,
) -> None:
    """Walkers elsewhere, `[B, 2]` metres and `[B]` radians; `block` and memory, too."""
    world, state = env.world, env.state
    assert isinstance(world, MujocoWorld)
    assert isinstance(state, MujocoState)
    qpos = state.bodies.qpos.clone()
    qpos[:, :2], qpos[:, 2] = place, heading
    if "block" in own:
        qpos[:, 3:5] = own.pop("block")
    told = Told(qpos=qpos, qvel=torch.zeros_like(state.bodies.qvel))
    sim, bodies = world.physics.go(state.sim, told, 0)
    hall = state.own._replace(own=state.own.own._replace(**own))
    env._state = state._replace(sim=sim, bodies=bodies, own=hall)


def begun(config: HallConfig, num: int, seed: int = 0) -> tuple[NativeVectorEnv, Step]:
    """Worlds, and their first row."""
    env = config.build(num, "cpu")
    return env, env.reset(seed=seed)


def everyone(env: NativeVectorEnv, action: int) -> Step:
    """The same action in all worlds."""
    return env.step(torch.full((env.spec.num_envs,), action))


def stacked(rows: list[Step], name: str) -> Tensor:
    """A fact in all of time."""
    return torch.stack([row.facts[name] for row in rows])


def own_of(env: NativeVectorEnv) -> Any:
    """What the task remembers."""
    return env.state.own.own
