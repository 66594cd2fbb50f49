"""Worlds from above: all that goes on, in one picture, for people."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, final, runtime_checkable

import torch
from jaxtyping import Float32, Shaped, UInt8
from torch import Tensor

from envs.native_env import NativeVectorEnv, NativeWorld, Outcome
from envs.vector_env import (
    FactSpec,
    ObservableWorld,
    OverlookedWorld,
    VectorEnv,
    WorldConfig,
)

OVERVIEW = "overview"
"""the fact that is a picture of all of a world"""


@runtime_checkable
class MappedWorld(Protocol):
    """A `NativeWorld` that can draw all of itself.

    Attributes:
        above_shape: (3, H, W) of what `above` draws.
    """

    @property
    def above_shape(self) -> tuple[int, int, int]:
        """See the class."""

    def above(self, state: Any) -> UInt8[Tensor, "B 3 H W"]:
        """All of each world at once, seen by the agent or not."""


@final
@dataclass(frozen=True)
class FromAboveConfig:
    """A world that draws all of itself, with that as a fact more.

    Attributes:
        world: builds a `NativeVectorEnv` around a `MappedWorld`.
    """

    world: WorldConfig

    def build(self, num_envs: int, device: torch.device | str) -> VectorEnv:
        """Build B worlds.

        Raises:
            TypeError: they do not draw all of themselves.
            ValueError: see the world's own `build`.
        """
        env = self.world.build(num_envs, device)
        if not isinstance(env, NativeVectorEnv) or not isinstance(
            env.world, MappedWorld
        ):
            env.close()
            raise TypeError(f"{type(self.world).__name__} builds no MappedWorld")
        return NativeVectorEnv(_FromAbove(env.world), num_envs, device)


def with_whole(world: WorldConfig) -> WorldConfig:
    """The same world, which tells people all that it can show them.

    Its fact `overview` where it has one; else its other facts, of which Atari's
    `colour` is the screen as it was made for people.
    """
    if isinstance(world, OverlookedWorld):
        return world.with_overview()
    return world.with_facts() if isinstance(world, ObservableWorld) else world


@final
class _FromAbove(NativeWorld[Any]):
    """Passes everything on, and tells `overview`."""

    def __init__(self, world: Any) -> None:
        self._world = world
        self.obs_shape, self.actions = world.obs_shape, world.actions
        self.max_episode_steps = world.max_episode_steps
        self.vector_size, self.about = world.vector_size, world.about
        self.asides = world.asides

    @property
    def facts(self) -> Mapping[str, FactSpec]:
        above = FactSpec(self._world.above_shape, torch.uint8)
        return {**self._world.facts, OVERVIEW: above}

    def start(self, num_envs: int, generator: torch.Generator, previous: Any) -> Any:
        return self._world.start(num_envs, generator, previous)

    def transition(
        self, state: Any, action: Shaped[Tensor, "B ..."], generator: torch.Generator
    ) -> Outcome:
        outcome: Outcome = self._world.transition(state, action, generator)
        return outcome

    def render(self, state: Any) -> UInt8[Tensor, "B C H W"]:
        frames: Tensor = self._world.render(state)
        return frames

    def sense(self, state: Any) -> Float32[Tensor, "B V"] | None:
        vector: Tensor | None = self._world.sense(state)
        return vector

    def describe(self, state: Any) -> Mapping[str, Shaped[Tensor, "B ..."]]:
        return {**self._world.describe(state), OVERVIEW: self._world.above(state)}

    def close(self) -> None:
        self._world.close()
