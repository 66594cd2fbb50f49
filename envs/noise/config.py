"""Worlds with noise, as configs."""

from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar, final, runtime_checkable

import torch

from envs.noise.frame_layer import FrameLayerConfig
from envs.noise.noisy_env import NoisyVectorEnv
from envs.noise.world_noise import WorldNoiseConfig
from envs.overview import with_whole
from envs.tiles.maze.pixel_maze import PixelMazeConfig
from envs.vector_env import ObservableWorld, VectorEnv, WatchedWorld, WorldConfig


@final
@dataclass(frozen=True)
class NoisyConfig:
    """Any world with a noise around it; the world may itself be noisy.

    Attributes:
        world: any.
        noise: what is laid around it.
    """

    world: WorldConfig = field(default_factory=PixelMazeConfig)
    noise: WorldNoiseConfig = field(default_factory=FrameLayerConfig)

    def build(self, num_envs: int, device: torch.device | str) -> NoisyVectorEnv:
        """Build B worlds, each with noise of its own.

        Raises:
            ValueError: the noise does not go with the world.
        """
        return _around(self.world.build(num_envs, device), self.noise)

    def with_facts(self) -> "NoisyConfig":
        """The same noise around the world with its facts, where it can tell more."""
        return replace(self, world=_observable(self.world))

    def with_overview(self) -> "NoisyConfig":
        """The same noise around the world as people are shown it, without noise."""
        return replace(self, world=with_whole(self.world))


@runtime_checkable
class WatchableConfig(WorldConfig, WatchedWorld, Protocol):
    """A world of parts that can be built and watched."""


@final
@dataclass(frozen=True)
class NoisyWatchedConfig:
    """A world of parts with a noise around it, which is there under any gaze, too.

    Attributes:
        world: of parts.
        noise: what is laid around it.
    """

    world: WatchableConfig
    noise: WorldNoiseConfig

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts by name."""
        return self.world.parts

    def build(self, num_envs: int, device: torch.device | str) -> NoisyVectorEnv:
        """Build B worlds, each with noise of its own.

        Raises:
            ValueError: the noise does not go with the world.
        """
        return _around(self.world.build(num_envs, device), self.noise)

    def with_facts(self) -> "NoisyWatchedConfig":
        """The same noise around the world with its facts, where it can tell more."""
        return replace(self, world=_observable(self.world))

    def with_overview(self) -> NoisyConfig:
        """The same noise around the world as people are shown it, without noise."""
        return NoisyConfig(with_whole(self.world), self.noise)

    def watching(self, env: VectorEnv, seed: int) -> NoisyVectorEnv:
        """The copies that the world makes, with noise that begins anew in each.

        Raises:
            ValueError: `env` was not built by such a config.
        """
        if not isinstance(env, NoisyVectorEnv):
            raise ValueError(f"{type(env).__name__} is no world with noise")
        watched = _around(self.world.watching(env.world, seed), self.noise)
        watched.reset(seed=seed)
        return watched


def with_noise(world: WorldConfig, noise: WorldNoiseConfig | None) -> WorldConfig:
    """The world behind the noise; it can be watched by parts if the world can."""
    if noise is None:
        return world
    if isinstance(world, WatchableConfig):
        return NoisyWatchedConfig(world, noise)
    return NoisyConfig(world, noise)


def _around(world: VectorEnv, noise: WorldNoiseConfig) -> NoisyVectorEnv:
    try:
        return NoisyVectorEnv(world, noise.build(world.spec))
    except ValueError:
        world.close()
        raise


W = TypeVar("W", bound=WorldConfig)


def _observable(world: W) -> W:
    # A world with facts is a world of the same kind.
    return world.with_facts() if isinstance(world, ObservableWorld) else world
