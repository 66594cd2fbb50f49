"""What a signal reads of every row: the newest frame, or the vector in its place."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Protocol, final, runtime_checkable

from jaxtyping import Float32, Shaped, UInt8
from torch import Tensor

from envs.vector_env import EnvSpec
from ssl_objectives.encoders.encoder import BodyConfig, Encoder, EncoderConfig
from world_models.trajectory import Trajectory
from world_models.vector_encoder import VectorEncoder, VectorMlpConfig

Eyes = EncoderConfig | VectorMlpConfig
"""how a network of a signal sees: an encoder of frames, or one of the vector"""


@dataclass(frozen=True)
class Sight(ABC):
    """Chooses what a signal reads of what is observed.

    Attributes:
        shape: of what is read of one row: (C, H, W), or (N,) numbers of the vector.
    """

    shape: tuple[int, ...]

    def __call__(self, traj: Trajectory) -> Shaped[Tensor, "R B ..."]:
        """Of rows 0 … T.

        Raises:
            ValueError: there is none.
        """
        return self.of(traj.obs, traj.vector)

    @abstractmethod
    def of(
        self, obs: UInt8[Tensor, "R B C H W"], vector: Float32[Tensor, "R B V"] | None
    ) -> Shaped[Tensor, "R B ..."]:
        """Of some rows.

        Raises:
            ValueError: there is none.
        """


@final
@dataclass(frozen=True)
class FrameSight(Sight):
    """The newest frame of every row."""

    shape: tuple[int, int, int]

    def of(
        self, obs: UInt8[Tensor, "R B C H W"], vector: Float32[Tensor, "R B V"] | None
    ) -> UInt8[Tensor, "R B C H W"]:
        """The frames."""
        return obs


@final
@dataclass(frozen=True)
class VectorSight(Sight):
    """`vector[start:stop]` of every row, in units of the world.

    Attributes:
        shape: (stop - start,).
        start: the first number that is read.
    """

    start: int = 0

    def of(
        self, obs: UInt8[Tensor, "R B C H W"], vector: Float32[Tensor, "R B V"] | None
    ) -> Float32[Tensor, "R B N"]:
        """The numbers.

        Raises:
            ValueError: no vector was given.
        """
        if vector is None:
            raise ValueError(
                "this signal reads a vector; give the one that is observed"
            )
        return vector[..., self.start : self.start + self.shape[0]]


@runtime_checkable
class SightConfig(Protocol):
    """Says what a signal without networks reads."""

    def sight(self, spec: EnvSpec) -> Sight:
        """In the worlds of `spec`.

        Raises:
            ValueError: they show nothing of the kind.
        """


@dataclass(frozen=True)
class FramesConfig:
    """Reads the newest frame."""

    def sight(self, spec: EnvSpec) -> FrameSight:
        """In the worlds of `spec`.

        Raises:
            ValueError: their frames are one pixel, and what there is to see is in the
                vector.
        """
        if spec.obs_shape[1:] == (1, 1) and spec.vector_size:
            raise ValueError(
                "this signal reads frames, and those of this world are one pixel that "
                "shows nothing: add --signal-encoder vector, to read the vector (in "
                "Python RndConfig(VectorMlpConfig(), 32), of world_models; for counts "
                "sight=NumbersConfig())"
            )
        return FrameSight(spec.obs_shape)


@dataclass(frozen=True)
class NumbersConfig:
    """Reads numbers of the vector in place of the frame."""

    start: int = 0
    """the first number that is read"""
    stop: int | None = None
    """the first that is no more; none: all are"""

    def __post_init__(self) -> None:
        if self.start < 0 or (self.stop is not None and self.stop <= self.start):
            raise ValueError(
                f"numbers are read from start to stop, not {self.start} to {self.stop}"
            )

    def sight(self, spec: EnvSpec) -> VectorSight:
        """In the worlds of `spec`.

        Raises:
            ValueError: their vector has not so many numbers, or there is none.
        """
        size = spec.vector_size
        if not size:
            raise ValueError(
                "this signal reads a vector, and this world shows none, only pixels: "
                "leave --signal-encoder vector out"
            )
        stop = size if self.stop is None else self.stop
        if self.start >= stop or stop > size:
            raise ValueError(
                f"the signal reads numbers {self.start} to {stop} of the vector, and "
                f"this world's has {size}"
            )
        return VectorSight((stop - self.start,), self.start)


def sight_of(eyes: Eyes | BodyConfig, spec: EnvSpec) -> Sight:
    """What networks with such eyes read in the worlds of `spec`.

    Raises:
        ValueError: the worlds show nothing of the kind.
    """
    if isinstance(eyes, VectorMlpConfig):
        return NumbersConfig(eyes.start, eyes.stop).sight(spec)
    return FramesConfig().sight(spec)


def encoder_of(eyes: Eyes, spec: EnvSpec) -> Encoder | VectorEncoder:
    """The encoder of what `sight_of` reads: `[*, *shape]` to `[*, D]`.

    Raises:
        ValueError: the worlds show nothing of the kind, or frames too small for it.
    """
    sight = sight_of(eyes, spec)
    if isinstance(eyes, VectorMlpConfig):
        whole = replace(eyes, start=0, stop=None)
        return whole.of_vector(sight.shape[0], spec.obs_shape)
    try:
        return eyes.build(spec.obs_shape)
    except ValueError as error:
        raise ValueError(
            f"curiosity's own encoder (--signal-encoder): {error}"
        ) from error
