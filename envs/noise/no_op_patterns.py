"""Noise on demand: it comes whenever nothing is done."""

from dataclasses import dataclass, field
from typing import final

import torch
from jaxtyping import Bool, Shaped
from torch import Tensor

from envs.noise.signed_layer import SignedLayer, SignedState
from envs.noise.signs import FixedSignsConfig, Signs, SignsConfig
from envs.noise.world_noise import discrete, existing
from envs.noise.zero_mean import ZeroMeanLayer
from envs.vector_env import EnvSpec


@final
class NoOpPatterns(SignedLayer):
    """Each row that the no-op led to; never that of a reset (arXiv 2211.10515)."""

    def __init__(self, layer: ZeroMeanLayer, signs: Signs, no_op: int) -> None:
        super().__init__(layer, signs)
        self._no_op = no_op

    def advance(
        self,
        state: SignedState,
        action: Shaped[Tensor, "B ..."],
        begins: Bool[Tensor, "B"],
        generator: torch.Generator,
    ) -> SignedState:
        """Where the no-op was chosen, and not ignored."""
        return self.fired((action == self._no_op) & ~begins, generator)


@final
@dataclass(frozen=True)
class NoOpPatternsConfig:
    """A zero-mean pattern over the whole frame, whenever nothing is done."""

    no_op: int = 0
    """the action that brings it"""
    strength: int = 32
    """grey levels by which each pixel is brighter or darker"""
    vector_strength: float = 1.0
    """the same for each number of a vector, in its own units"""
    signs: SignsConfig = field(default_factory=FixedSignsConfig)
    """which are brighter"""

    def build(self, spec: EnvSpec) -> NoOpPatterns:
        """See `WorldNoiseConfig.build`.

        Raises:
            ValueError: actions are continuous, there is no such action, or a strength
                is out of range.
        """
        no_op = existing(self.no_op, discrete(spec, "Noise on the no-op"))
        layer = ZeroMeanLayer(spec, self.strength, self.vector_strength)
        signs = self.signs.build(layer.size, spec.device)
        return NoOpPatterns(layer, signs, no_op)
