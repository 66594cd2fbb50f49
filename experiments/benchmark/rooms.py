"""The world `rooms`: what its frames cost, its steps, and learning in it.

Frames alone are those of walkers who have spread and then stand still: all that a world
costs which nobody has to be moved in. Whole steps are compared with them, and PPO with
PPO among walkers who stand.
"""

import math
from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor

from agents.policy.ppo import PpoConfig
from agents.ppo.build import PpoAgentConfig
from envs.mujoco.rooms.config import RoomsConfig
from envs.native_env import NativeVectorEnv, NativeWorld, Outcome
from experiments.benchmark.agents import AgentArm, WorldArm
from experiments.benchmark.timing import Arm
from ssl_objectives.encoders.cnn import PatchConfig
from world_models.cores.recurrent import RecurrentConfig

WALKED = 20  # steps after which walkers stand anywhere
STEPS = 8  # of the worlds in an update


class FramesAlone(NativeWorld[Any]):
    """A world as it stands, in which nothing happens but that it is drawn.

    Args:
        env: of the world; its state is drawn, whatever is done.
    """

    keyed = True

    def __init__(self, env: NativeVectorEnv) -> None:
        world = env.world
        self._world, self._state = world, env.state
        self.obs_shape, self.actions = world.obs_shape, world.actions
        self.vector_size = world.vector_size
        self.max_episode_steps = world.max_episode_steps

    def start(
        self, num_envs: int, generator: torch.Generator, previous: Any | None
    ) -> Any:
        """As it stands."""
        return self._state

    def transition(
        self,
        state: Any,
        action: Int64[Tensor, "B"] | Float32[Tensor, "B A"],
        generator: torch.Generator,
    ) -> Outcome:
        """Nothing, at no price."""
        nothing = torch.zeros(len(action), device=action.device)
        return Outcome(state, nothing, nothing > 0)

    def render(self, state: Any) -> UInt8[Tensor, "B C H W"]:
        """What the world shows."""
        return self._world.render(state)

    def close(self) -> None:
        """End the world."""
        self._world.close()


def room_arms(
    num_envs: int, device: torch.device, seed: int
) -> Iterator[tuple[Arm, str | None]]:
    """Worlds and PPO, each where walkers stand, and where they walk.

    Args:
        num_envs: B.
        device: where.
        seed: of worlds, actions and networks.
    """

    def walking() -> NativeVectorEnv:
        return RoomsConfig().build(num_envs, device)

    def standing() -> NativeVectorEnv:
        env = walking()
        walk = WorldArm(env, WALKED, seed)
        walk.update()
        return NativeVectorEnv(FramesAlone(env), num_envs, device)

    for name, env in (("frames alone", standing()), ("whole steps", walking())):
        world = WorldArm(env, STEPS, seed)
        world.name, world.about = f"rooms, {name}", f"{num_envs} worlds of rooms"
        yield world, "rooms, frames alone" if name == "whole steps" else None
    learner = PpoAgentConfig(  # that of docs/rooms.md
        encoder=PatchConfig(size=256),
        core=RecurrentConfig(128),
        ppo=PpoConfig(num_steps=32, num_minibatches=math.gcd(4, num_envs)),
    )
    for name, env in (("PPO on frames alone", standing()), ("PPO", walking())):
        agent = learner.build(env, seed=seed)
        arm = AgentArm(
            f"rooms, {name}", f"our PPO, recurrent, {num_envs} worlds", agent
        )
        yield arm, "rooms, PPO on frames alone" if name == "PPO" else None
