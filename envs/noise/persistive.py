"""A layer that is there all the time, and walks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, final

import torch
from jaxtyping import Bool, Float32, Shaped, UInt8
from torch import Tensor

from envs.noise.signs import FreshSigns
from envs.noise.world_noise import NOISE, WorldNoise, discrete
from envs.vector_env import EnvSpec, FactSpec

MODULUS = 50
"""values of the walk are 0 to 49"""
SHORT, LONG = 1, 11
"""steps behind an even and an odd action"""
_WHITE = 255
_MIDDLE = (MODULUS - 1) / 2


class PersistiveState(NamedTuple):
    """Where each walk is, and whether it has just stepped."""

    walk: UInt8[Tensor, "B N"]
    stepped: Bool[Tensor, "B"]


@final
class Persistive(WorldNoise[PersistiveState]):
    """Every pixel is brighter by a random walk of its own (arXiv 2211.10515).

    w' = (w ± d) mod 50 with a coin for each sign, d = 1 behind an even action and 11
    behind an odd one (which parity goes with which step is our reading), added to the
    pixel and clipped at 255. It has no mean of zero. Numbers of a vector get
    (w - 24.5) / 24.5 times a strength. Walks begin anywhere in 0 … 49, go on over the
    ends of episodes, and stand still in the row of a reset.

    Args:
        spec: of the world.
        vector_strength: in units of the vector.
    """

    facts: ClassVar[dict[str, FactSpec]] = {"noise": NOISE}

    def __init__(self, spec: EnvSpec, vector_strength: float) -> None:
        channels, height, width = spec.obs_shape
        self._pixels = channels * height * width
        self._vector_strength = vector_strength
        self._size = self._pixels + spec.vector_size
        self._signs = FreshSigns(self._size)

    def start(self, num_envs: int, generator: torch.Generator) -> PersistiveState:
        """Anywhere."""
        device = generator.device
        walk = torch.empty(num_envs, self._size, dtype=torch.uint8, device=device)
        return PersistiveState(
            walk.random_(0, MODULUS, generator=generator),
            torch.zeros(num_envs, dtype=torch.bool, device=device),
        )

    def advance(
        self,
        state: PersistiveState,
        action: Shaped[Tensor, "B ..."],
        begins: Bool[Tensor, "B"],
        generator: torch.Generator,
    ) -> PersistiveState:
        """A step, by the parity of the action."""
        signs = self._signs.draw(len(begins), generator)
        length = (SHORT + (LONG - SHORT) * (action % 2)).masked_fill(begins, 0)
        # from -11 to 60: a signed byte holds it, and % is never negative
        walk = state.walk.to(torch.int8) + signs * length.to(torch.int8)[:, None]
        return PersistiveState((walk % MODULUS).to(torch.uint8), ~begins)

    def show(
        self, state: PersistiveState, obs: UInt8[Tensor, "B C H W"]
    ) -> UInt8[Tensor, "B C H W"]:
        """The frames below the layer."""
        layer = state.walk[:, : self._pixels].reshape(obs.shape)
        return (obs.to(torch.int16) + layer).clamp_(max=_WHITE).to(torch.uint8)

    def sense(
        self, state: PersistiveState, vector: Float32[Tensor, "B V"]
    ) -> Float32[Tensor, "B V"]:
        """The vectors below the layer."""
        layer = (state.walk[:, self._pixels :].float() - _MIDDLE) / _MIDDLE
        return vector + self._vector_strength * layer

    def describe(self, state: PersistiveState) -> Mapping[str, Tensor]:
        """Where it has stepped: everywhere but in rows of resets."""
        return {"noise": state.stepped}


@final
@dataclass(frozen=True)
class PersistiveConfig:
    """A random walk of every pixel, longer steps behind odd actions."""

    vector_strength: float = 1.0
    """what the walk's ends add to a number of a vector, in its own units"""

    def __post_init__(self) -> None:
        if not self.vector_strength >= 0:
            raise ValueError(f"vector_strength must not be {self.vector_strength}")

    def build(self, spec: EnvSpec) -> Persistive:
        """See `WorldNoiseConfig.build`.

        Raises:
            ValueError: actions are continuous.
        """
        discrete(spec, "Persistive noise")
        return Persistive(spec, self.vector_strength)
