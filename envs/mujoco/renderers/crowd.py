"""A room full of bodies, to measure renderers by."""

from math import pi, tau
from typing import final

import mujoco
import torch
from torch import Tensor

from envs.mujoco.renderers.renderer import Poses

WALLS = 4.0
"""metres from the middle of the room to its walls"""
BODIES = ("sphere", "capsule", "cylinder", "ellipsoid", "box")
"""shapes that stand in it, in turn"""


@final
class Crowd:
    """A floor, four walls, and bodies that lie about anew in every world.

    Args:
        num_geoms: G, floor and walls included.
        shapes: of the bodies, in turn; None: all shapes that have an inside.

    Raises:
        ValueError: no room for floor and walls.
    """

    def __init__(self, num_geoms: int = 20, shapes: tuple[str, ...] = BODIES) -> None:
        if num_geoms < 5:
            raise ValueError(f"Floor and walls are 5 geoms, not {num_geoms}")
        around = ((1, 0), (-1, 0), (0, 1), (0, -1))
        geoms = ['<geom type="plane" size="0 0 1" rgba=".45 .5 .45 1"/>']
        for x, y in around:
            half = f"{WALLS if y else 0.1} {WALLS if x else 0.1} 1"
            geoms.append(
                f'<geom type="box" pos="{WALLS * x} {WALLS * y} 1" size="{half}" '
                f'rgba=".6 .6 .7 1"/>'
            )
        for i in range(num_geoms - len(geoms)):
            hue = [0.5 + 0.4 * ((i * k) % 7 - 3) / 3 for k in (1, 2, 3)]
            colour = " ".join(f"{x:.2f}" for x in hue)
            geoms.append(
                f'<geom type="{shapes[i % len(shapes)]}" size=".25 .3 .2" '
                f'rgba="{colour} 1"/>'
            )
        lights = '<light type="directional" pos="0 0 3" dir=".3 .2 -1"/>'
        self.model = mujoco.MjModel.from_xml_string(
            f"<mujoco><worldbody><camera/>{lights}{''.join(geoms)}</worldbody></mujoco>"
        )

    def poses(
        self, num_worlds: int, generator: torch.Generator, device: torch.device | str
    ) -> Poses:
        """Bodies anywhere in the room, upright, and a camera at eye level among them.

        Args:
            num_worlds: B.
            generator: on the CPU.
            device: of the result.
        """
        data = mujoco.MjData(self.model)
        mujoco.mj_forward(self.model, data)
        num_geoms = self.model.ngeom

        def uniform(low: float, high: float, *shape: int) -> Tensor:
            return low + (high - low) * torch.rand(*shape, generator=generator)

        place = torch.from_numpy(data.geom_xpos).float().repeat(num_worlds, 1, 1)
        bodies = (num_worlds, num_geoms - 5)
        reach = 0.8 * WALLS
        place[:, 5:, :2] = uniform(-reach, reach, *bodies, 2)
        place[:, 5:, 2] = uniform(0.3, 1.2, *bodies)
        turned = torch.from_numpy(data.geom_xmat).float().view(1, -1, 3, 3)
        turned = turned.repeat(num_worlds, 1, 1, 1)
        turned[:, 5:] = _about_z(uniform(0.0, tau, *bodies))
        eye = uniform(-0.5, 0.5, num_worlds, 3)
        eye[:, 2] += 1
        # A camera that looks along x, turned about the vertical axis.
        level = torch.tensor([[0.0, 0, -1], [-1, 0, 0], [0, 1, 0]])
        axes = _about_z(uniform(-pi, pi, num_worlds)) @ level
        return Poses(
            place.to(device), turned.to(device), eye.to(device), axes.to(device)
        )


def _about_z(angle: Tensor) -> Tensor:
    """`[*batch, 3, 3]`: rotations about the vertical axis, in radians."""
    cos, sin, nothing = angle.cos(), angle.sin(), torch.zeros_like(angle)
    rows = [cos, -sin, nothing, sin, cos, nothing, nothing, nothing, nothing + 1]
    result: Tensor = torch.stack(rows, -1).unflatten(-1, (3, 3))
    return result
