"""How worlds differ to the eye: colours, the lamp, where the eye is."""

from typing import final

import mujoco
import torch
from jaxtyping import Float32
from torch import Tensor

from envs.mujoco.renderers.renderer import Lights, Poses

EYE, PITCH = 1.5, 0.17
"""metres from the floor to the eye, and radians that it looks down"""
SHADE, HIGHER, STEEPER = 0.35, 0.3, 0.08
"""by how much colours (as a share), eye (metres) and pitch (radians) differ at most"""
_FIXED = 5  # numbers of a style that are not colours


@final
class Styles:
    """Styles are numbers in [0, 1), S for a world; 0.5 throughout is the plain one.

    Two of them place the eye, three the lamp, and each geom has three for its colour.

    Args:
        model: of the scene.
        device: of the worlds.

    Attributes:
        size: S.
    """

    def __init__(self, model: mujoco.MjModel, device: torch.device | str) -> None:
        self.size = _FIXED + 3 * int(model.ngeom)
        self._rgba = torch.from_numpy(model.geom_rgba.copy()).to(device)

    def eye(self, style: Float32[Tensor, "B S"]) -> Float32[Tensor, "B"]:
        """Metres from the floor to the eye."""
        return EYE + HIGHER * _around(style[:, 0])

    def pitch(self, style: Float32[Tensor, "B S"]) -> Float32[Tensor, "B"]:
        """Radians by which the eye looks down."""
        return PITCH + STEEPER * _around(style[:, 1])

    def worn(self, style: Float32[Tensor, "B S"], poses: Poses) -> Poses:
        """The same poses in the colours and the light of each world."""
        shade = 1 + SHADE * _around(style[:, _FIXED:]).view(len(style), -1, 3)
        colour = (self._rgba[:, :3] * shade).clamp(0, 1)
        alpha = self._rgba[:, 3:].expand(len(style), -1, -1)
        x, y, strength = _around(style[:, 2:_FIXED]).unbind(1)
        way = torch.stack([x, y, -torch.ones_like(x)], 1)
        way = way / torch.linalg.vector_norm(way, dim=1, keepdim=True)
        none = torch.zeros_like(way).unsqueeze(1)
        lights = Lights(
            position=none,
            direction=way.unsqueeze(1),
            ambient=none,
            diffuse=(0.5 + 0.3 * strength).view(-1, 1, 1).expand_as(none),
        )
        return Poses(
            poses.geom_pos,
            poses.geom_mat,
            poses.camera_pos,
            poses.camera_mat,
            torch.cat([colour, alpha], 2),
            lights,
        )


def _around(number: Float32[Tensor, "*batch"]) -> Float32[Tensor, "*batch"]:
    """From [0, 1) to [-1, 1)."""
    return 2 * number - 1
