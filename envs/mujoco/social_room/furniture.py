"""The room in MuJoCo's XML: floor, walls, one head with an eye, and all the others."""

from collections.abc import Sequence

from envs.behaviours.behaviour import Form, Look
from envs.behaviours.peekaboo import BEHIND
from envs.mujoco.social_room.layout import MIDDLE, Layout

FOVY = 70.0
"""degrees that a frame takes in, from below to above and from left to right"""
HIGH = 6.0
"""of the walls, in metres"""
FLOORS = (
    (122, 84, 84),
    (82, 120, 86),
    (80, 98, 138),
    (134, 122, 78),
    (112, 84, 128),
    (78, 122, 126),
    (140, 104, 78),
    (104, 104, 104),
)
"""colours of what is on the floor of each sector"""
_WALLS = ((150, 156, 160), (162, 156, 148), (150, 160, 150), (160, 150, 158))


def room(layout: Layout, looks: Sequence[Sequence[Look]]) -> str:
    """The scene; body "g m" is object m of group g, and all but the head lie in order.

    The agent's own head is of a group of geoms that only the camera above is shown.

    Nothing collides: whoever moves does so by rules that keep to their boxes.
    """
    walls = "".join(_wall(layout, i) for i in range(4))
    floors = "".join(_floor(layout, i) for i in range(layout.num))
    others = "".join(
        _other(f"{g} {m}", look, layout.half)
        for g, group in enumerate(looks)
        for m, look in enumerate(group)
    )
    return f"""
    <mujoco model="social room">
      <option timestep="0.1" gravity="0 0 0"/>
      <visual>
        <headlight ambient="0.5 0.5 0.5" diffuse="0.3 0.3 0.3" specular="0 0 0"/>
      </visual>
      <default><geom contype="0" conaffinity="0"/></default>
      <worldbody>
        <light name="lamp" directional="true" dir="-0.4 0.3 -1" castshadow="false"
          ambient="0 0 0" diffuse="0.5 0.5 0.5" specular="0 0 0"/>
        <geom name="ground" type="plane" size="20 20 1" rgba="{_rgba((96, 94, 92))}"/>
        <camera name="above" pos="0 0 {1.8 * layout.wall}" xyaxes="0 -1 0 1 0 0"
          fovy="60"/>
        {walls}
        {floors}
        <body name="head" mocap="true">
          <camera name="eye" xyaxes="0 -1 0 0 0 1" fovy="{FOVY}"/>
          <geom type="sphere" size="0.3" rgba="0.95 0.95 0.9 1" group="3"/>
          <geom type="capsule" fromto="0.2 0 0 0.7 0 0" size="0.1" rgba="0.1 0.1 0.1 1"
            group="3"/>
        </body>
        {others}
      </worldbody>
    </mujoco>"""


def tall(look: Look, half: float) -> float:
    """How high an object is, in metres."""
    match look.form:
        case Form.ACTOR:
            return 4.5 * look.radius * half
        case Form.THING:
            return 2 * look.radius * half
        case Form.COVER:
            return half


def _wall(layout: Layout, side: int) -> str:
    across, along = ((layout.wall, 0.0), (0.0, layout.wall))[side % 2]
    sign = 1 if side < 2 else -1
    sizes = (0.1, layout.wall) if side % 2 == 0 else (layout.wall, 0.1)
    return (
        f'<geom name="wall {side}" type="box" rgba="{_rgba(_WALLS[side])}" '
        f'pos="{sign * across} {sign * along} {HIGH / 2}" '
        f'size="{sizes[0]} {sizes[1]} {HIGH / 2}"/>'
    )


def _floor(layout: Layout, sector: int) -> str:
    turn = 360 / layout.num * (sector + 0.5)
    return (
        f'<body name="floor {sector}" euler="0 0 {turn}"><geom name="floor {sector}" '
        f'type="box" pos="{MIDDLE} 0 0" size="{layout.half} {layout.half} 0.01" '
        f'rgba="{_rgba(FLOORS[sector])}"/></body>'
    )


def _other(name: str, look: Look, half: float) -> str:
    """A body whose frame is on the floor below it, and whose x is where it faces."""
    r, rgba = look.radius * half, _rgba(look.colour)
    match look.form:
        case Form.ACTOR:
            pale = _rgba([(x + 255) // 2 for x in look.colour])
            geoms = (
                f'<geom type="capsule" fromto="0 0 {r} 0 0 {2.3 * r}" size="{r}" '
                f'rgba="{rgba}"/>'
                f'<geom type="sphere" pos="0 0 {3.7 * r}" size="{0.8 * r}" '
                f'rgba="{pale}"/>'
                f'<geom type="sphere" pos="{0.75 * r} 0 {3.7 * r}" size="{0.22 * r}" '
                f'rgba="0.08 0.08 0.08 1"/>'
            )
        case Form.THING:
            geoms = f'<geom type="box" pos="0 0 {r}" size="{r} {r} {r}" rgba="{rgba}"/>'
        case Form.COVER:
            # An actor of radius r is wholly inside where the rules say it is hidden.
            geoms = (
                f'<geom type="cylinder" pos="0 0 {half / 2}" '
                f'size="{(0.15 + BEHIND) * half} {half / 2}" rgba="{rgba}"/>'
            )
    return f'<body name="{name}" mocap="true">{geoms}</body>'


def _rgba(colour: Sequence[int]) -> str:
    return " ".join(f"{x / 255:.4g}" for x in colour) + " 1"
