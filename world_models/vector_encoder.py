"""The encoder of worlds that show numbers: latents of a vector in place of pixels."""

from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

from jaxtyping import Float32
from torch import Tensor, nn

from ssl_objectives.encoders.precision import Precision


@final
class VectorEncoder(nn.Module):
    """Latents of `vector[start:stop]`, over any batch axes; pixels are not read.

    Args:
        network: from these numbers to `size` numbers; `nn.Identity` leaves them as
            they are.
        start, stop: which numbers of the vector.
        size: D.
        image_shape: (C, H, W) of the frames that are there and not looked at.
    """

    precision = Precision.FLOAT32

    def __init__(
        self,
        network: nn.Module,
        start: int,
        stop: int,
        size: int,
        image_shape: tuple[int, int, int],
    ) -> None:
        super().__init__()
        self.network = network
        self.start, self.stop, self.size = start, stop, size
        self.image_shape = image_shape

    def forward(
        self, vector: Float32[Tensor, "*batch V"] | None
    ) -> Float32[Tensor, "*batch D"]:
        """Encode vectors.

        Raises:
            ValueError: there is none.
        """
        if vector is None:
            raise ValueError(
                "this encoder reads the vector of a world, and none was given; give "
                "the one observed, or take an encoder of pixels"
            )
        latent: Tensor = self.network(vector[..., self.start : self.stop])
        return latent


@runtime_checkable
class VectorEncoderConfig(Protocol):
    """Describes an encoder of the vector that a world shows besides pixels."""

    def of_vector(
        self, vector_size: int, image_shape: tuple[int, int, int]
    ) -> VectorEncoder:
        """Build it.

        Args:
            vector_size: V.
            image_shape: of the frames that it leaves alone.
        """


@dataclass(frozen=True)
class VectorMlpConfig:
    """Reads numbers of the vector in place of pixels, with an MLP."""

    start: int = 0
    """the first number that is read"""
    stop: int | None = None
    """the first that is no more; none: all are"""
    hidden: tuple[int, ...] = (64,)
    """units of the hidden layers; none: the numbers themselves are the latent"""
    size: int = 64
    """D, the latent's size, behind hidden layers"""
    bounded: bool = False
    """hidden units are tanh, of both signs, in place of ReLU: what has mean zero then
    does not move the latent to one side"""

    def __post_init__(self) -> None:
        if self.start < 0 or (self.stop is not None and self.stop <= self.start):
            raise ValueError(
                f"numbers are read from start to stop, not {self.start} to {self.stop}"
            )
        if self.size < 1 or any(x < 1 for x in self.hidden):
            raise ValueError(
                f"layers must have units: hidden {self.hidden}, size {self.size}"
            )

    def of_vector(
        self, vector_size: int, image_shape: tuple[int, int, int]
    ) -> VectorEncoder:
        """Build the encoder.

        Raises:
            ValueError: the world's vector has not so many numbers.
        """
        stop = vector_size if self.stop is None else self.stop
        if not vector_size:
            raise ValueError(
                "this world shows no vector, only pixels: take an encoder of pixels, "
                "such as --encoder nature"
            )
        if self.start >= stop or stop > vector_size:
            raise ValueError(
                f"the encoder reads numbers {self.start} to {stop} of the vector, and "
                f"this world's has {vector_size}"
            )
        inputs, layers = stop - self.start, list[nn.Module]()
        for units in self.hidden:
            layers += [
                nn.Linear(inputs, units),
                nn.Tanh() if self.bounded else nn.ReLU(),
            ]
            inputs = units
        if layers:
            layers.append(nn.Linear(inputs, self.size))
            inputs = self.size
        network = nn.Sequential(*layers) if layers else nn.Identity()
        return VectorEncoder(network, self.start, stop, inputs, image_shape)
