"""Light as MuJoCo has it: ambient, and diffuse by Lambert's law; no shadows."""

from dataclasses import dataclass
from math import cos, radians
from typing import final

import mujoco
import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from envs.mujoco.renderers.ray_caster.seen import turned_back
from envs.mujoco.renderers.ray_caster.shapes.vectors import unit
from envs.mujoco.renderers.renderer import CannotDraw, Lights, Poses


@final
@dataclass(frozen=True)
class Lamp:
    """What a model says of a light that shines from a place.

    Attributes:
        attenuation: constant, linear and quadratic in the distance.
        cutoff: cosine of the angle up to which it shines.
        exponent: of that cosine, by which it is weaker at its rim.
    """

    attenuation: tuple[float, float, float]
    cutoff: float
    exponent: float


@final
class Lighting:
    """How the lights of a model shine upon surfaces.

    Args:
        model: the scene; lights that are not active are left out.
        device: of everything here.

    Raises:
        CannotDraw: a light is an image.
    """

    def __init__(self, model: mujoco.MjModel, device: torch.device) -> None:
        data = mujoco.MjData(model)
        mujoco.mj_forward(model, data)
        kind = mujoco.mjtLightType
        self._lamps: list[tuple[int, Lamp | None]] = []
        for i in np.flatnonzero(model.light_active).tolist():
            if model.light_type[i] == kind.mjLIGHT_IMAGE:
                raise CannotDraw(
                    f"Light {i} is an image, which the ray caster cannot draw: make it "
                    f"a directional light, or use MuJoCo's own renderer."
                )
            far = model.light_type[i] == kind.mjLIGHT_DIRECTIONAL
            self._lamps.append((i, None if far else _lamp(model, i)))

        def tensor(values: np.ndarray) -> Tensor:
            kept = np.array(values, dtype=np.float32)
            return torch.from_numpy(kept).to(device).unsqueeze(0)

        self._lights = Lights(
            tensor(data.light_xpos),
            tensor(data.light_xdir),
            tensor(model.light_ambient),
            tensor(model.light_diffuse),
        )
        head = model.vis.headlight
        on = 1.0 if head.active else 0.0
        self._head = [
            (on * float(a), on * float(b))
            for a, b in zip(head.ambient, head.diffuse, strict=True)
        ]

    def shine(
        self,
        poses: Poses,
        place: tuple[Tensor, Tensor, Tensor],
        normal: Float32[Tensor, "3 8 8 B T"],
    ) -> list[Float32[Tensor, "8 8 B T"]]:
        """Red, green and blue that fall upon surfaces, 1 for full.

        Args:
            poses: of the cameras and lights.
            place: x, y and z of the surfaces, in the camera's frame.
            normal: of the surfaces, likewise.
        """
        # The headlight goes along the optical axis.
        facing = normal[2].clamp_min(0)
        shine = [facing * diffuse + ambient for ambient, diffuse in self._head]
        if not self._lamps:
            return shine
        lights = poses.lights or self._lights
        away = lights.position - poses.camera_pos.unsqueeze(1)
        frame = poses.camera_mat.unsqueeze(1).expand(*away.shape, 3)
        positions = turned_back(frame, away)
        directions = turned_back(frame, lights.direction.expand_as(away))
        for light, lamp in self._lamps:
            along = _columns(directions[:, light])
            if lamp is None:
                power, facing = None, -_dot(normal, along)
            else:
                position = _columns(positions[:, light])
                to = [x - y for x, y in zip(position, place, strict=True)]
                power, facing = _from_place(lamp, torch.stack(to), along, normal)
            facing.clamp_min_(0)
            ambient = _columns(lights.ambient[:, light])
            diffuse = _columns(lights.diffuse[:, light])
            for channel in range(3):
                added = facing * diffuse[channel] + ambient[channel]
                shine[channel] += added if power is None else added.mul_(power)
        return shine


def _lamp(model: mujoco.MjModel, i: int) -> Lamp:
    constant, linear, quadratic = map(float, model.light_attenuation[i])
    spot = model.light_type[i] == mujoco.mjtLightType.mjLIGHT_SPOT
    angle = min(180.0, float(model.light_cutoff[i])) if spot else 180.0
    exponent = float(model.light_exponent[i]) if spot else 0.0
    return Lamp((constant, linear, quadratic), cos(radians(angle)), exponent)


def _from_place(
    lamp: Lamp, to: Tensor, along: list[Tensor], normal: Tensor
) -> tuple[Tensor, Tensor]:
    """How strong a lamp is at each pixel, and how much the surface faces it."""
    towards = unit(to)
    facing = _dot(normal, list(towards))
    constant, linear, quadratic = lamp.attenuation
    power = torch.full_like(facing, constant)
    if linear or quadratic:
        distance = _dot(to, list(to)).sqrt_()
        power += distance * (linear + quadratic * distance)
    power = power.reciprocal_()
    if lamp.cutoff > -1:
        spot = -_dot(towards, along)
        power *= spot >= lamp.cutoff
        power *= spot.clamp_min_(0).pow_(lamp.exponent)
    return power, facing


def _columns(values: Float32[Tensor, "#B 3"]) -> list[Float32[Tensor, "#B 1"]]:
    """Three numbers per world, to be spread over its tiles."""
    return list(values.unsqueeze(-1).unbind(1))


def _dot(a: Float32[Tensor, "3 *batch"], b: list[Tensor]) -> Tensor:
    return (a[0] * b[0]).addcmul_(a[1], b[1]).addcmul_(a[2], b[2])
