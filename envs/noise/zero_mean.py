"""Adds ± a strength to frames and vectors, without a bias from clipping."""

from typing import final

from jaxtyping import Float32, Int8, UInt8
from torch import Tensor

from envs.vector_env import EnvSpec

_WHITE = 255


@final
class ZeroMeanLayer:
    """Adds `strength` times a sign to every number that an env shows.

    A black pixel minus something would be clipped, and the layer would brighten what is
    dark. So all frames, those without noise included, first get room for it: a byte x
    becomes s + x (255 - 2s) / 255, rounded, in s … 255 - s. Then nothing is clipped,
    and the mean over both signs is what a row without noise shows. Vectors have no
    bounds, and are left as they are.

    Args:
        spec: of the world.
        strength: s, in grey levels.
        vector_strength: the same for vectors, in their own units.

    Raises:
        ValueError: there is no room for the strength, or one is negative.
    """

    def __init__(self, spec: EnvSpec, strength: int, vector_strength: float) -> None:
        if not 0 <= strength <= _WHITE // 2:
            raise ValueError(
                f"strength must be 0 … {_WHITE // 2} grey levels, not {strength}: a "
                "frame keeps what twice of it leaves of 255"
            )
        if not vector_strength >= 0:
            raise ValueError(f"vector_strength must not be {vector_strength}")
        channels, height, width = spec.obs_shape
        self._pixels = channels * height * width
        self._strength, self._vector_strength = strength, vector_strength
        self.size = self._pixels + spec.vector_size
        """N, numbers that an env shows"""

    def on_frames(
        self, obs: UInt8[Tensor, "B C H W"], signs: Int8[Tensor, "B N"]
    ) -> UInt8[Tensor, "B C H W"]:
        """Frames with room everywhere, and with noise where the sign is not 0."""
        s = self._strength
        kept = (obs.int() * (_WHITE - 2 * s) + _WHITE // 2) // _WHITE + s
        layer = signs[:, : self._pixels].reshape(obs.shape)
        return (kept + s * layer).byte()

    def on_vectors(
        self, vector: Float32[Tensor, "B V"], signs: Int8[Tensor, "B N"]
    ) -> Float32[Tensor, "B V"]:
        """Vectors with noise where the sign is not 0."""
        return vector + self._vector_strength * signs[:, self._pixels :]
