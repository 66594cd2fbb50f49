"""Three dots: one goes where it is told, one where it likes, one nowhere."""

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple, final

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from envs.native_env import NativeVectorEnv, NativeWorld, Outcome
from envs.toys.dots import PIXELS, REACH, anywhere, moved
from envs.toys.scene import NoiseConfig, Scene
from envs.toys.wander import headings, wander
from envs.vector_env import ContinuousActions, FactSpec

STEERED, WANDERING, STILL = range(3)


class ThreeDotsState(NamedTuple):
    """Where the dots are, how they got there, where one is going, the background."""

    places: Float32[Tensor, "B 3 2"]  # x, y in pixels
    displacements: Float32[Tensor, "B 3 2"]  # from the row before; 0 on first rows
    heading: Float32[Tensor, "B"]  # of the wandering dot, in radians
    background: Float32[Tensor, "B 28 28"]  # within [0, 1]


@final
class ThreeDotsWorld(NativeWorld[ThreeDotsState]):
    """A moving dot in company: the three-dot variant of arXiv 2211.10831.

    All dots look alike and add up in one channel. The first obeys the action as in
    `MovingDotWorld`, the second walks by itself as `von_mises_actions` would, the third
    stays where it is until the episode ends. A latent that was learned from actions
    alone need hold no more than the first.

    Args:
        scene: of three dots.
        max_episode_steps: transitions of an episode; it has one frame more.

    Raises:
        ValueError: the scene is not of three dots.
    """

    obs_shape = (1, PIXELS, PIXELS)
    actions = ContinuousActions((-REACH, -REACH), (REACH, REACH))
    facts: ClassVar[dict[str, FactSpec]] = {
        "places": FactSpec((3, 2), torch.float32, unit="px"),
        "displacements": FactSpec((3, 2), torch.float32, unit="px/step"),
    }

    def __init__(self, scene: Scene, max_episode_steps: int = 16) -> None:
        if scene.num_dots != 3:
            raise ValueError(f"Three dots are here: the scene is of {scene.num_dots}")
        self.scene = scene
        self.max_episode_steps = max_episode_steps

    def start(
        self, num_envs: int, generator: torch.Generator, previous: ThreeDotsState | None
    ) -> ThreeDotsState:
        """Dots anywhere, a direction for the second, and a background."""
        places = anywhere((num_envs, 3), generator)
        heading = headings((num_envs,), generator)
        background = self.scene.begin(num_envs, generator)
        return ThreeDotsState(places, torch.zeros_like(places), heading, background)

    def transition(
        self,
        state: ThreeDotsState,
        action: Float32[Tensor, "B 2"],
        generator: torch.Generator,
    ) -> Outcome:
        """Move one dot as told and one at random, as far as the walls allow."""
        by_itself = wander(state.heading, generator)
        steps = torch.stack([action, by_itself, torch.zeros_like(action)], 1)
        places = moved(state.places, steps)
        background = self.scene.follow(state.background, generator)
        after = ThreeDotsState(places, places - state.places, state.heading, background)
        nothing = torch.zeros_like(state.heading)
        return Outcome(after, nothing, nothing.bool())

    def render(self, state: ThreeDotsState) -> UInt8[Tensor, "B 1 28 28"]:
        """See `Scene.draw`."""
        return self.scene.draw(state.places, state.background)

    def describe(self, state: ThreeDotsState) -> dict[str, Tensor]:
        """Places and displacements (x, y) in pixels: steered, wandering, still."""
        return {"places": state.places, "displacements": state.displacements}


@dataclass(frozen=True)
class ThreeDotsConfig:
    """A dot to be moved, one that moves by itself, and one that stays."""

    noise: NoiseConfig = field(default_factory=NoiseConfig)
    """What lies behind the dots."""
    max_episode_steps: int = 16
    """Steps until an episode is cut off; it shows one frame more."""

    def build(self, num_envs: int, device: torch.device | str) -> NativeVectorEnv:
        """Build B worlds of three dots.

        Raises:
            ValueError: a number is out of its range; see `Scene` and `ThreeDotsWorld`.
        """
        world = ThreeDotsWorld(self.noise.build(num_dots=3), self.max_episode_steps)
        return NativeVectorEnv(world, num_envs, device)
