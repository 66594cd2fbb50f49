"""Noise over whole rows by chance, whatever is done."""

from dataclasses import dataclass, field
from typing import final

import torch
from jaxtyping import Bool, Shaped
from torch import Tensor

from envs.noise.signed_layer import SignedLayer, SignedState
from envs.noise.signs import FreshSignsConfig, Signs, SignsConfig
from envs.noise.zero_mean import ZeroMeanLayer
from envs.vector_env import EnvSpec


@final
class FrameLayer(SignedLayer):
    """Each row with probability p, rows of resets included (arXiv 2211.10515)."""

    def __init__(self, layer: ZeroMeanLayer, signs: Signs, probability: float) -> None:
        super().__init__(layer, signs)
        self._probability = probability

    def advance(
        self,
        state: SignedState,
        action: Shaped[Tensor, "B ..."],
        begins: Bool[Tensor, "B"],
        generator: torch.Generator,
    ) -> SignedState:
        """A coin for each env."""
        coins = torch.rand(len(begins), generator=generator, device=begins.device)
        return self.fired(coins < self._probability, generator)


@final
@dataclass(frozen=True)
class FrameLayerConfig:
    """Zero-mean noise over the whole frame, now and then."""

    probability: float = 0.25
    """of each row, to have noise"""
    strength: int = 32
    """grey levels by which each pixel is brighter or darker"""
    vector_strength: float = 1.0
    """the same for each number of a vector, in its own units"""
    signs: SignsConfig = field(default_factory=FreshSignsConfig)
    """which are brighter"""

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability must be 0 … 1, not {self.probability}")

    def build(self, spec: EnvSpec) -> FrameLayer:
        """See `WorldNoiseConfig.build`.

        Raises:
            ValueError: a strength is out of range.
        """
        layer = ZeroMeanLayer(spec, self.strength, self.vector_strength)
        signs = self.signs.build(layer.size, spec.device)
        return FrameLayer(layer, signs, self.probability)
