"""Somebody who walks on a floor, and bumps into things: its body and its eye."""

from math import cos, pi, radians, sin
from typing import final

import torch
from jaxtyping import Float32
from torch import Tensor

from envs.mujoco.physics import Bodies, Told

RADIUS = 0.25
"""metres from the walker's axis to its surface"""
EYE = 1.2
"""metres from the floor to the eye"""
FOVY = 80.0
"""degrees that a frame takes in, from below to above and from left to right"""
TIME_STEP, SUBSTEPS = 0.0125, 8
"""seconds of a time step of the physics, and how many a step of the world has"""
STEP = TIME_STEP * SUBSTEPS
"""seconds in a step of the world"""
FIRM = 'solimp="0.99 0.999 0.001"'
"""of geoms that hardly give way; of walls, too, or they are half as firm"""
_LOOKS_DOWN = radians(8)
_FORCE = 60.0  # newtons for each metre per second that the walker is too slow by


@final
class Walker:
    """A walker without weight to lift: it slides over the floor, upright.

    Its three joints are the scene's first: x and y in metres, and the heading in
    radians, 0 along x and to the left where positive. Whoever steers it gives it a
    heading and a speed, both at once; from then on motors hold the speed, and contacts
    decide where that leads. It is round and smooth: it glides along walls, and nothing
    that it touches turns it.

    `body` goes first in a scene's `worldbody`, `motors` into its `actuator`. A ball at
    the height of shins is what touches, since MuJoCo knows where balls meet boxes
    without searching. What can be seen of it is of group 3, which frames do not show.
    """

    body = f"""
        <body name="walker">
          <joint name="walker x" type="slide" axis="1 0 0"/>
          <joint name="walker y" type="slide" axis="0 1 0"/>
          <joint name="walker heading" type="hinge" axis="0 0 1"/>
          <camera name="eye" pos="0 0 {EYE}" fovy="{FOVY}"
            xyaxes="0 -1 0 {sin(_LOOKS_DOWN):.6f} 0 {cos(_LOOKS_DOWN):.6f}"/>
          <geom name="shins" type="sphere" size="{RADIUS}" pos="0 0 {RADIUS}" mass="1"
            condim="1" contype="1" conaffinity="1" {FIRM} group="3"/>
        </body>"""
    motors = f"""
        <velocity joint="walker x" kv="{_FORCE}"/>
        <velocity joint="walker y" kv="{_FORCE}"/>"""
    camera = "eye"

    @staticmethod
    def place(bodies: Bodies) -> Float32[Tensor, "B 2"]:
        """X and y, in metres."""
        return bodies.qpos[:, :2]

    @staticmethod
    def facing(bodies: Bodies) -> Float32[Tensor, "B 2"]:
        """The unit vector ahead."""
        heading = bodies.qpos[:, 2]
        return torch.stack([heading.cos(), heading.sin()], 1)

    @staticmethod
    def seen_from(
        bodies: Bodies, place: Float32[Tensor, "B n 2"]
    ) -> Float32[Tensor, "B n 2"]:
        """Places as the walker has them: metres ahead, and to the left."""
        x, y = Walker.facing(bodies).unsqueeze(1).unbind(-1)
        right, up = (place - bodies.qpos[:, None, :2]).unbind(-1)
        return torch.stack([x * right + y * up, x * up - y * right], -1)

    @staticmethod
    def steered(
        bodies: Bodies, stride: Float32[Tensor, "B"], turn: Float32[Tensor, "B"]
    ) -> Told:
        """What the physics are told so that it walks for a step of the world.

        Args:
            bodies: where everything is now.
            stride: metres that it goes in this step if nothing is in its way.
            turn: radians by which it turns first.
        """
        heading = (bodies.qpos[:, 2] + turn + pi) % (2 * pi) - pi
        speed = (stride / STEP).unsqueeze(1) * torch.stack(
            [heading.cos(), heading.sin()], 1
        )
        qpos, qvel = bodies.qpos.clone(), bodies.qvel.clone()
        qpos[:, 2] = heading
        qvel[:, :2], qvel[:, 2] = speed, 0.0
        return Told(qpos=qpos, qvel=qvel, ctrl=speed)
