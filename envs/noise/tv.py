"""A television in the corner of the frame, and an action that changes the channel."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple, final

import torch
from jaxtyping import Bool, Shaped, UInt8
from torch import Tensor

from envs.noise.pictures import FreshPixelsConfig, Picture, PictureConfig
from envs.noise.world_noise import NOISE, WorldNoise, discrete, existing
from envs.vector_env import DiscreteActions, EnvSpec, FactSpec


class TvState(NamedTuple):
    """What is on, and whether somebody has just switched."""

    picture: UInt8[Tensor, "B C h w"]
    switched: Bool[Tensor, "B"]


@final
class Tv(WorldNoise[TvState]):
    """One more action, the last, which the world takes for its no-op.

    The picture changes behind this action and behind no other (arXiv 1808.04355). It
    knows nothing of episodes: over their ends it stays. Controls are other pictures:
    one for ever, or none at all.

    Args:
        space: of the world.
        picture: what is on.
        top, left: pixels above and beside the picture.
        no_op: what the world does meanwhile.
    """

    facts: ClassVar[dict[str, FactSpec]] = {
        "noise": NOISE,
        "tv": FactSpec((), torch.bool, event=True),
    }

    def __init__(
        self, space: DiscreteActions, picture: Picture, top: int, left: int, no_op: int
    ) -> None:
        names = (*space.names, "tv") if space.names else ()
        self.actions = DiscreteActions(space.n + 1, names)
        self._switch, self._no_op = space.n, no_op
        self._picture, self._top, self._left = picture, top, left

    def start(self, num_envs: int, generator: torch.Generator) -> TvState:
        """Something is on."""
        never = torch.zeros(num_envs, dtype=torch.bool, device=generator.device)
        return TvState(self._picture.draw(num_envs, generator), never)

    def advance(
        self,
        state: TvState,
        action: Shaped[Tensor, "B ..."],
        begins: Bool[Tensor, "B"],
        generator: torch.Generator,
    ) -> TvState:
        """Another picture, where somebody switches."""
        switched = (action == self._switch) & ~begins
        drawn = self._picture.draw(len(begins), generator)
        where = switched[:, None, None, None]
        return TvState(torch.where(where, drawn, state.picture), switched)

    def done(
        self, state: TvState, action: Shaped[Tensor, "B ..."]
    ) -> Shaped[Tensor, "B ..."]:
        """The no-op where somebody switches."""
        return torch.where(action == self._switch, self._no_op, action)

    def show(
        self, state: TvState, obs: UInt8[Tensor, "B C H W"]
    ) -> UInt8[Tensor, "B C H W"]:
        """The frames behind the TV."""
        seen, (height, width) = obs.clone(), state.picture.shape[-2:]
        rows = slice(self._top, self._top + height)
        columns = slice(self._left, self._left + width)
        seen[:, :, rows, columns] = state.picture
        return seen

    def describe(self, state: TvState) -> Mapping[str, Tensor]:
        """Who switched, and where the picture is fresh by that."""
        switched = state.switched
        noise = switched if self._picture.changes else torch.zeros_like(switched)
        return {"noise": noise, "tv": switched}


@final
@dataclass(frozen=True)
class TvConfig:
    """A television, and an action more that changes its picture."""

    picture: PictureConfig = field(default_factory=FreshPixelsConfig)
    """what is on"""
    height: float = 0.5
    """of the TV, as a share of the frame's"""
    width: float = 0.5
    """of the TV, as a share of the frame's"""
    top: float = 0.0
    """where it stands: 0 is at the upper edge, 1 at the lower"""
    left: float = 1.0
    """where it stands: 0 is at the left edge, 1 at the right"""
    no_op: int = 0
    """the action that the world does while somebody switches"""

    def __post_init__(self) -> None:
        for name in ("height", "width", "top", "left"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f"{name} must be 0 … 1, not {value}")

    def build(self, spec: EnvSpec) -> Tv:
        """See `WorldNoiseConfig.build`. A TV is at least one pixel large.

        Raises:
            ValueError: actions are continuous, or there is no such no-op.
        """
        space = discrete(spec, "A TV")
        no_op = existing(self.no_op, space)
        channels, height, width = spec.obs_shape
        h, w = max(1, round(self.height * height)), max(1, round(self.width * width))
        picture = self.picture.build((channels, h, w), spec.device)
        top, left = round(self.top * (height - h)), round(self.left * (width - w))
        return Tv(space, picture, top, left, no_op)
