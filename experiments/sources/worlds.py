"""Worlds stepped on the fly: every trajectory is new."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import torch

from agents.acting import ActingPolicy
from agents.trajectories import rollout
from envs.toys.moving_dot import MovingDotConfig
from envs.vector_env import ObservableWorld, Step, VectorEnv, WorldConfig
from experiments.parts.policies import RANDOM, untrained_policy
from experiments.parts.room import check_room
from experiments.sources.source import Offered, Source
from ssl_objectives.distributed import num_processes, of_each_process, own_of, rank
from world_models.trajectory import Trajectory

# Streams of random numbers, told apart by NumPy's hash of all that `_seed` is given.
_WORLDS, _POLICY = 0, 1


@final
class Worlds(Source):
    """Worlds that are stepped while a model learns from them.

    Args:
        config: of the worlds.
        policy: who acts.
        fresh: all begin a new episode with every trajectory.
        num_steps, batch_size, seed, device: see `SourceConfig.open`.
    """

    def __init__(
        self,
        config: WorldConfig,
        policy: str,
        fresh: bool,
        num_steps: int,
        batch_size: int,
        seed: int,
        device: torch.device,
    ) -> None:
        self.config, self.policy_name, self.fresh = config, policy, fresh
        self.num_steps, self.seed, self.device = num_steps, seed, device
        self.played = 0
        num_envs, lever = batch_size // num_processes(), "--batch-size or --num-steps"
        check_room(config, num_envs, num_steps + 1, device, lever)
        self._env, self.policy, self.row = self._begin(num_envs, rank())
        spec = self._env.spec
        self.offered = Offered(
            spec.obs_shape, spec.actions, spec.vector_size, tuple(spec.facts)
        )

    def _begin(
        self, num_envs: int, process: int
    ) -> tuple[VectorEnv, ActingPolicy, Step]:
        """Worlds and who acts in them, with random numbers of their own."""
        env = self.config.build(num_envs, self.device)
        policy = _seed(self.seed, process, _POLICY)
        row = env.reset(_seed(self.seed, process, _WORLDS))
        return env, untrained_policy(self.policy_name, env, policy), row

    @property
    def env(self) -> VectorEnv:
        """The worlds."""
        return self._env

    def next(self) -> Trajectory:
        """Act for another T steps."""
        self.played += 1
        row = self._env.reset() if self.fresh else self.row
        traj, self.row = rollout(self._env, self.num_steps, self.policy, row)
        return traj

    def held_out(self, batch_size: int, part: int) -> Iterator[Trajectory]:
        """Without end, by worlds and a policy that no process trains on."""
        env, policy, row = self._begin(batch_size, -1 - part)
        try:
            while True:
                traj, row = rollout(env, self.num_steps, policy, row)
                yield traj
                if self.fresh:
                    row = env.reset()
        finally:
            env.close()

    def state_dict(self) -> dict[str, Any]:
        """Of each process the worlds (where they can), their row, and the policy."""
        return {
            "own": of_each_process(self._own_state()),
            "played": self.played,
        }

    def _own_state(self) -> dict[str, Any]:
        row = {k: v for k, v in vars(self.row).items() if v is not None}
        return {
            "env": self._env.state_dict(),
            "policy": self.policy.state_dict(),
            "row": {k: dict(v) if k == "facts" else v for k, v in row.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on; where worlds cannot be restored, with fresh episodes.

        Raises:
            ConfigError: it was saved by another number of processes.
        """
        own = own_of(state["own"])
        self.played = int(state["played"])
        self.policy.load_state_dict(own["policy"])
        if own["env"] is None:
            self.row = self._env.reset(_seed(self.seed, rank(), _WORLDS, self.played))
            return
        self._env.load_state_dict(own["env"])
        self.row = Step(**_to(own["row"], self.device))

    def close(self) -> None:
        """Close the worlds."""
        self._env.close()


@dataclass(frozen=True)
class WorldsConfig:
    """Worlds stepped on the fly: every trajectory is new."""

    world: WorldConfig = field(default_factory=MovingDotConfig)
    """where"""
    policy: str = RANDOM
    """who acts: random, or my_module:MyPolicy"""
    fresh: bool = False
    """begin a new episode with every trajectory"""

    @property
    def about(self) -> str:
        """The world (its game or id)."""
        world = self.world
        named = getattr(world, "game", None) or getattr(world, "id", None)
        return str(named or type(world).__name__.removesuffix("Config"))

    def open(
        self, num_steps: int, batch_size: int, seed: int, device: torch.device
    ) -> Worlds:
        """Build the worlds; see `SourceConfig.open`."""
        world = self.world
        if isinstance(world, ObservableWorld):
            world = world.with_facts()
        return Worlds(
            world, self.policy, self.fresh, num_steps, batch_size, seed, device
        )


def _seed(seed: int, process: int, stream: int, played: int = 0) -> int:
    """Below 2^31; processes of their own are counted from 0, held-out ones below.

    Behind so many trajectories of worlds that were not saved, another one.
    """
    entropy = [seed, process + 2, stream, *([played] if played else [])]
    mixed = np.random.SeedSequence(entropy)
    return int(mixed.generate_state(1)[0] >> 1)


def _to(tree: Mapping[str, Any], device: torch.device) -> dict[str, Any]:
    return {
        k: _to(v, device) if isinstance(v, Mapping) else v.to(device)
        for k, v in tree.items()
    }
