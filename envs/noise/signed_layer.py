"""What the frame layer and the no-op patterns share: signs that lie over a row."""

from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Bool, Float32, Int8, UInt8
from torch import Tensor

from envs.noise.signs import Signs
from envs.noise.world_noise import NOISE, WorldNoise
from envs.noise.zero_mean import ZeroMeanLayer
from envs.vector_env import FactSpec


class SignedState(NamedTuple):
    """The signs that lie over the rows now, 0 where there is no noise."""

    fires: Bool[Tensor, "B"]
    signs: Int8[Tensor, "B N"]


class SignedLayer(WorldNoise[SignedState]):
    """A zero-mean layer over rows; `advance` says over which."""

    facts: ClassVar[dict[str, FactSpec]] = {"noise": NOISE}

    def __init__(self, layer: ZeroMeanLayer, signs: Signs) -> None:
        self._layer, self._signs = layer, signs

    def start(self, num_envs: int, generator: torch.Generator) -> SignedState:
        """No noise."""
        device = generator.device
        return SignedState(
            torch.zeros(num_envs, dtype=torch.bool, device=device),
            torch.zeros(num_envs, self._layer.size, dtype=torch.int8, device=device),
        )

    def fired(
        self, fires: Bool[Tensor, "B"], generator: torch.Generator
    ) -> SignedState:
        """Noise where it fires."""
        signs = self._signs.draw(len(fires), generator)
        return SignedState(fires, signs * fires[:, None])

    def show(
        self, state: SignedState, obs: UInt8[Tensor, "B C H W"]
    ) -> UInt8[Tensor, "B C H W"]:
        """The frames below the layer."""
        return self._layer.on_frames(obs, state.signs)

    def sense(
        self, state: SignedState, vector: Float32[Tensor, "B V"]
    ) -> Float32[Tensor, "B V"]:
        """The vectors below the layer."""
        return self._layer.on_vectors(vector, state.signs)

    def describe(self, state: SignedState) -> Mapping[str, Tensor]:
        """Where there is noise."""
        return {"noise": state.fires}
