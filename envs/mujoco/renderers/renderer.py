"""The contract of renderers: poses of B worlds in, pictures of them out."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float32, Int32, UInt8
from torch import Tensor

from envs.vector_env import WorldError


class CannotDraw(WorldError):
    """A scene, or this machine, has what a renderer cannot do; says what to do."""


@final
@dataclass(frozen=True)
class View:
    """What a camera takes in, the same for all worlds.

    Attributes:
        height: H, rows of a picture.
        width: W, columns.
        fovy: angle from the lower edge to the upper one, in degrees.
        groups: groups of geoms that are shown; MuJoCo's own viewers show 0, 1 and 2.

    Raises:
        ValueError: no pixels, or an angle that is not between 0 and 180 degrees.
    """

    height: int
    width: int
    fovy: float = 45.0
    groups: tuple[int, ...] = (0, 1, 2)

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise ValueError(
                f"A picture needs rows and columns, not {self.height} x {self.width}"
            )
        if not 0 < self.fovy < 180:
            raise ValueError(f"fovy must lie between 0 and 180, not {self.fovy}")


@final
@dataclass(frozen=True)
class Lights:
    """The lights of each world, in the model's order; its kinds of light are kept.

    Attributes:
        position: in metres; a directional light has none, and this is not read.
        direction: unit vectors, along which light goes.
        ambient: red, green and blue that it adds everywhere, 1 for full.
        diffuse: red, green and blue of its light, 1 for full.
    """

    position: Float32[Tensor, "B L 3"]
    direction: Float32[Tensor, "B L 3"]
    ambient: Float32[Tensor, "B L 3"]
    diffuse: Float32[Tensor, "B L 3"]


@final
@dataclass(frozen=True)
class Poses:
    """Where everything is in B worlds, as MuJoCo's data have it, and how it looks.

    G counts all geoms of the model, so that their numbers are MuJoCo's. Tensors lie on
    the renderer's device. Conventions are MuJoCo's: metres, matrices whose columns are
    the axes in world coordinates; a camera looks along -z, with x to the right and y
    upwards.

    Attributes:
        geom_pos: centres (`geom_xpos`).
        geom_mat: orientations (`geom_xmat`).
        camera_pos: where the camera is.
        camera_mat: how it is turned.
        geom_rgba: colours, 1 for full. A geom whose alpha is 0 is not there; any other
            is opaque. None: the model's.
        lights: None: the model's, where they are in its reference pose.
    """

    geom_pos: Float32[Tensor, "B G 3"]
    geom_mat: Float32[Tensor, "B G 3 3"]
    camera_pos: Float32[Tensor, "B 3"]
    camera_mat: Float32[Tensor, "B 3 3"]
    geom_rgba: Float32[Tensor, "B G 4"] | None = None
    lights: Lights | None = None


@final
@dataclass(frozen=True)
class Picture:
    """What the cameras of B worlds see.

    Attributes:
        rgb: frames, as in `Step.obs`.
        depth: metres along the optical axis (not along the ray), as MuJoCo's; where
            there is only sky, the distance of its far plane.
        segmentation: number of the geom that is seen, -1 for sky.
    """

    rgb: UInt8[Tensor, "B 3 H W"]
    depth: Float32[Tensor, "B H W"]
    segmentation: Int32[Tensor, "B H W"]


class Renderer(ABC):
    """Draws the scenes of one model, any number of worlds in a call.

    Attributes:
        view: what its pictures take in.
        device: where poses must lie, and pictures do.
    """

    view: View
    device: torch.device

    @abstractmethod
    def render(self, poses: Poses) -> Picture:
        """Colours, depth and who is seen where."""

    @abstractmethod
    def frames(self, poses: Poses) -> UInt8[Tensor, "B 3 H W"]:
        """Colours alone: the same bytes as `render`'s, for less."""

    def close(self) -> None:  # noqa: B027 - most renderers hold nothing to release
        """Release windows and memory; the renderer is not used afterwards."""
