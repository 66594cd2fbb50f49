"""The moving dot: a world whose whole state is a place and a background."""

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple, final

import torch
from jaxtyping import Bool, Float32, UInt8
from torch import Tensor

from envs.goal_world import GoalWorld
from envs.native_env import NativeVectorEnv, Outcome
from envs.toys.dots import PIXELS, REACH, anywhere, moved
from envs.toys.scene import NoiseConfig, Scene
from envs.vector_env import ContinuousActions, FactSpec

NEAR = 2.0
"""pixels from a goal at which it counts as reached"""


class MovingDotState(NamedTuple):
    """Where the dot is, how it got there, and what lies behind it."""

    place: Float32[Tensor, "B 2"]  # x, y in pixels
    displacement: Float32[Tensor, "B 2"]  # from the row before; 0 on first rows
    background: Float32[Tensor, "B 28 28"]  # within [0, 1]


@final
class MovingDotWorld(GoalWorld[MovingDotState]):
    """A dot that goes where it is told, before a background that means nothing.

    After arXiv 2211.10831: `place' = clamp(place + action)`, within 2.6 to 24.4 pixels.
    Whoever predicts the next frame may learn the dot, or only the background: one that
    lasts for an episode is predicted without any error by who ignores the dot. Nothing
    is ever rewarded, and episodes end by truncation alone.

    Actions move by up to 4 pixels in each direction. So those at the corners of the
    square go further than the paper's, which `von_mises_actions` draws.

    Args:
        scene: of one dot; default: nothing behind it.
        max_episode_steps: transitions of an episode; it has one frame more.

    Raises:
        ValueError: the scene is of several dots.
    """

    obs_shape = (1, PIXELS, PIXELS)
    actions = ContinuousActions((-REACH, -REACH), (REACH, REACH))
    facts: ClassVar[dict[str, FactSpec]] = {
        "place": FactSpec((2,), torch.float32, unit="px"),
        "displacement": FactSpec((2,), torch.float32, unit="px/step"),
    }

    def __init__(self, scene: Scene | None = None, max_episode_steps: int = 16) -> None:
        scene = NoiseConfig().build(num_dots=1) if scene is None else scene
        if scene.num_dots != 1:
            raise ValueError(f"One dot moves here: the scene is of {scene.num_dots}")
        self.scene = scene
        self.max_episode_steps = max_episode_steps

    def start(
        self, num_envs: int, generator: torch.Generator, previous: MovingDotState | None
    ) -> MovingDotState:
        """A dot anywhere, and a background."""
        place = anywhere((num_envs,), generator)
        background = self.scene.begin(num_envs, generator)
        return MovingDotState(place, torch.zeros_like(place), background)

    def transition(
        self,
        state: MovingDotState,
        action: Float32[Tensor, "B 2"],
        generator: torch.Generator,
    ) -> Outcome:
        """Move by as many pixels, as far as the walls allow."""
        place = moved(state.place, action)
        background = self.scene.follow(state.background, generator)
        after = MovingDotState(place, place - state.place, background)
        nothing = torch.zeros_like(place[:, 0])
        return Outcome(after, nothing, nothing.bool())

    def render(self, state: MovingDotState) -> UInt8[Tensor, "B 1 28 28"]:
        """See `Scene.draw`."""
        return self.scene.draw(state.place.unsqueeze(1), state.background)

    def describe(self, state: MovingDotState) -> dict[str, Tensor]:
        """Place and displacement (x, y) in pixels."""
        return {"place": state.place, "displacement": state.displacement}

    def goal(self, state: MovingDotState, generator: torch.Generator) -> MovingDotState:
        """Anywhere, before the same background."""
        place = anywhere((len(state.place),), generator)
        return MovingDotState(place, torch.zeros_like(place), state.background)

    def reached(self, state: MovingDotState, goal: MovingDotState) -> Bool[Tensor, "B"]:
        """Within 2 pixels, half of what a step may be."""
        near: Tensor = (state.place - goal.place).norm(dim=-1) <= NEAR
        return near

    def crossed_frames(
        self, num: int, generator: torch.Generator
    ) -> UInt8[Tensor, "dot background num 1 28 28"]:
        """Two dots and two backgrounds, each dot before each background, `num` times.

        `frames[:, 0]` are two dots before one background, `frames[0]` is one dot before
        two. What share of a latent is the background's or the dot's is the covariance
        of the latents of such a pair, over their variance. Frames are like those of the
        world's episodes.
        """
        places = anywhere((2, 1, num, 1), generator).expand(2, 2, num, 1, 2)
        behind = torch.stack([self.scene.begin(num, generator) for _ in range(2)])
        behind = behind.expand(2, *behind.shape)
        frames = self.scene.draw(places.flatten(0, 2), behind.flatten(0, 2))
        return frames.view(2, 2, num, *self.obs_shape)


@dataclass(frozen=True)
class MovingDotConfig:
    """A dot to be moved, before noise that may last: what does a latent hold?"""

    noise: NoiseConfig = field(default_factory=NoiseConfig)
    """What lies behind the dot."""
    max_episode_steps: int = 16
    """Steps until an episode is cut off; it shows one frame more."""

    def build(self, num_envs: int, device: torch.device | str) -> NativeVectorEnv:
        """Build B moving dots.

        Raises:
            ValueError: a number is out of its range; see `Scene` and `MovingDotWorld`.
        """
        world = MovingDotWorld(self.noise.build(num_dots=1), self.max_episode_steps)
        return NativeVectorEnv(world, num_envs, device)
