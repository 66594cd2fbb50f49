"""Geoms as a camera sees them: where it is, how it is turned, in each one's frame."""

from typing import NamedTuple

import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from envs.mujoco.renderers.ray_caster.tiles import Rays, Tiles
from envs.mujoco.renderers.renderer import Poses


class Seen(NamedTuple):
    """The geoms of B worlds, each from its own side."""

    origin: Float32[Tensor, "B G 3"]  # the camera in the geom's frame, metres
    axes: Float32[Tensor, "B G 3 3"]  # rows: the geom's axes in the camera's frame

    def rays(
        self, tiles: Tiles, tile: Int64[Tensor, "n"], geom: Int64[Tensor, "n"]
    ) -> Rays:
        """Of pairs of a tile, counted through all worlds, and a geom of its world."""
        row = tile // tiles.num * self.origin.shape[1] + geom
        axes = self.axes.flatten(0, 1).permute(1, 2, 0).reshape(9, -1)
        x_axis, y_axis, z_axis = axes.index_select(1, row).view(3, 3, -1).unbind(1)
        origin = self.origin.flatten(0, 1).t().contiguous().index_select(1, row)
        place = tile % tiles.num
        direction = x_axis * tiles.x[place] + y_axis * tiles.y[place] - z_axis
        return Rays(origin, direction, tiles.pixel * x_axis, -tiles.pixel * y_axis)


def seen(poses: Poses, geoms: Int64[Tensor, "G"]) -> Seen:
    """Some of the model's geoms, from the cameras."""
    turned = poses.geom_mat[:, geoms]
    away = poses.camera_pos.unsqueeze(1) - poses.geom_pos[:, geoms]
    return Seen(
        turned_back(turned, away),
        torch.stack(
            [
                turned_back(turned, poses.camera_mat[:, None, :, i].expand_as(away))
                for i in range(3)
            ],
            -1,
        ),
    )


def turned_back(
    frame: Float32[Tensor, "*batch 3 3"], vector: Float32[Tensor, "*batch 3"]
) -> Float32[Tensor, "*batch 3"]:
    """A vector of the world, in a frame whose axes are the matrix's columns.

    Sums are written out: products of matrices round by the size of the batch, and
    pictures of a world do not depend on how many others there are.
    """
    x, y, z = vector.unsqueeze(-1).unbind(-2)
    return frame[..., 0, :] * x + frame[..., 1, :] * y + frame[..., 2, :] * z
