"""One demonstration: frames of somebody doing it, and its steps where known."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor

from ssl_objectives.encoders.depths import Depths
from ssl_objectives.refusal import ConfigError


@dataclass(frozen=True)
class Demonstration:
    """Frames from the beginning of a task to where it is done.

    Attributes:
        frames: in order, from T moments.
        steps: which step each frame belongs to, counted from 0, where somebody knows;
            nothing learns from it.
        name: for people.

    Raises:
        ConfigError: no bytes, fewer than two frames, or labels for another number of
            them.
    """

    frames: UInt8[Tensor, "T C H W"]
    steps: Int64[Tensor, "num"] | None = None
    name: str = ""

    def __post_init__(self) -> None:
        kind = getattr(self.frames, "dtype", type(self.frames).__name__)
        if kind is not torch.uint8 or self.frames.ndim != 4:
            raise ConfigError(
                f"The demonstration {self.name or 'given'} must be a torch tensor of "
                "bytes (uint8, 0 to 255) of shape [T, C, H, W], and this is "
                f"{kind} {list(getattr(self.frames, 'shape', ()))}. Of an array "
                "[T, H, W, C]: torch.from_numpy(x).permute(0, 3, 1, 2)."
            )
        if len(self.frames) < 2:
            raise ConfigError(
                f"The demonstration {self.name or 'given'} has {len(self.frames)} "
                "frames. Leave it out: nothing can be seen to happen in fewer than two."
            )
        if self.steps is not None and len(self.steps) != len(self.frames):
            raise ConfigError(
                f"The demonstration {self.name or 'given'} has {len(self.frames)} "
                f"frames and {len(self.steps)} labels of steps. Give one for each."
            )

    def __len__(self) -> int:
        return len(self.frames)


def features_of(
    demos: Sequence[Demonstration], depths: Depths
) -> list[Float32[Tensor, "_ F"]]:
    """What is seen in the frames of each demonstration.

    Raises:
        ConfigError: no demonstration, or frames of another shape.
    """
    if not demos:
        raise ConfigError("Nothing was demonstrated. Give at least one demonstration.")
    for demo in demos:
        if not isinstance(demo, Demonstration):
            raise ConfigError(
                f"Each demonstration is a Demonstration(frames), and not a "
                f"{type(demo).__name__}."
            )
        shape = tuple(demo.frames.shape[1:])
        if shape != depths.image_shape:
            raise ConfigError(
                f"The demonstration {demo.name or 'given'} has frames of shape {shape} "
                f"(channels, height, width), and the encoder looks at "
                f"{depths.image_shape}. Resize them, or take another encoder."
            )
    device = next(depths.parameters(), torch.zeros(0)).device
    return [depths(x.frames.to(device)) for x in demos]
