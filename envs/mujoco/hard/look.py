"""How a batch of worlds looks, to be changed geom by geom."""

from dataclasses import replace
from typing import final

import mujoco
import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from envs.mujoco.renderers.renderer import Poses


@final
class Geoms:
    """Geoms of a scene by name, and their colours as the XML has them.

    Args:
        xml: the scene.
        device: of the table of colours.
    """

    def __init__(self, xml: str, device: torch.device | str) -> None:
        model = mujoco.MjModel.from_xml_string(xml)
        self.number = {model.geom(i).name: i for i in range(model.ngeom)}
        self.rgba: Float32[Tensor, "G 4"] = torch.from_numpy(model.geom_rgba.copy()).to(
            device
        )


@final
class Look:
    """Poses whose geoms are put elsewhere, painted and hidden; the others are kept.

    Args:
        poses: as the physics have them.
        geoms: of the scene.
    """

    def __init__(self, poses: Poses, geoms: Geoms) -> None:
        self.eye, self.turned = poses.camera_pos, poses.camera_mat
        self._poses, self._number = poses, geoms.number
        self._pos = poses.geom_pos.clone()
        self._rgba = geoms.rgba.repeat(len(self._pos), 1, 1)

    @property
    def poses(self) -> Poses:
        """What came of it."""
        return replace(self._poses, geom_pos=self._pos, geom_rgba=self._rgba)

    def put(self, geom: str, place: Float32[Tensor, "B 2"]) -> None:
        """Over a place on the floor, as high as it was."""
        self._pos[:, self._number[geom], :2] = place

    def lift(
        self, geom: str, pos: Float32[Tensor, "B 3"], where: Bool[Tensor, "B"]
    ) -> None:
        """Anywhere, in some of the worlds."""
        number = self._number[geom]
        self._pos[:, number] = torch.where(
            where.unsqueeze(1), pos, self._pos[:, number]
        )

    def paint(self, geom: str, rgb: Float32[Tensor, "B 3"]) -> None:
        """In another colour."""
        self._rgba[:, self._number[geom], :3] = rgb

    def hide(self, geom: str, where: Bool[Tensor, "B"]) -> None:
        """In some of the worlds."""
        number = self._number[geom]
        self._rgba[:, number, 3] = self._rgba[:, number, 3].masked_fill(where, 0.0)
