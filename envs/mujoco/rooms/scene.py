"""The scene in MuJoCo's XML: a walker, walls around it, boxes, and what it seeks."""

from typing import final

from envs.mujoco.rooms.plan import Plan
from envs.mujoco.rooms.walls import HIGH, LOCKS, Walls
from envs.mujoco.walking.boxes import Boxes
from envs.mujoco.walking.television import Television
from envs.mujoco.walking.walker import FIRM, TIME_STEP, Walker

KEY_HIGH = 0.75
"""metres from the floor to a key"""


@final
class Scene:
    """Who is in a scene, and in which order.

    Bodies that nothing moves but `Told` come as walls, keys, goal, television; of
    those, only walls are met by bodies.

    Args:
        plan: the mazes.
        walls: around the walker.
        boxes: that are pushed.
        goal: whether there is one.
        tv: whether one hangs there.

    Attributes:
        xml: of all.
        keys: geoms of each key that lies somewhere.
        carried: the geom that shows each key in the walker's hand.
        tv: geoms of the television, none where there is none.
    """

    def __init__(
        self, plan: Plan, walls: Walls, boxes: Boxes, goal: bool, tv: bool
    ) -> None:
        num = plan.num_locks
        self.keys = tuple((f"key {i}", f"shaft {i}") for i in range(num))
        self.tv = Television.names if tv else ()
        self.carried = tuple(f"carried {i}" for i in range(num))
        moved = walls.bodies + "".join(map(_key, range(num)))
        moved += _GOAL if goal else ""
        moved += Television().body if tv else ""
        self.xml = f"""
    <mujoco model="rooms">
      <option timestep="{TIME_STEP}" gravity="0 0 0" integrator="implicitfast"/>
      <visual>
        <headlight ambient="0.45 0.45 0.45" diffuse="0.35 0.35 0.35"
          specular="0 0 0"/>
        <map zfar="60"/>
      </visual>
      <statistic extent="1"/>
      <default>
        <geom contype="0" conaffinity="0" {FIRM}/>
      </default>
      <worldbody>
        <light name="lamp" directional="true" dir="-0.5 0.3 -1" castshadow="false"
          ambient="0 0 0" diffuse="0.4 0.4 0.4" specular="0 0 0"/>
        {Walker.body}
        {boxes.bodies}
        <geom name="floor" type="plane" size="0 0 1" rgba="0.42 0.4 0.38 1"/>
        <geom name="ceiling" type="plane" size="0 0 1" pos="0 0 {HIGH}"
          euler="180 0 0" rgba="0.8 0.8 0.82 1"/>
        {moved}
        {"".join(map(_carried, range(num)))}
      </worldbody>
      <actuator>{Walker.motors}</actuator>
    </mujoco>"""


_GOAL = """
    <body name="goal" mocap="true">
      <geom name="goal" type="box" size="0.22 0.22 0.22" pos="0 0 0.95"
        euler="54.7 0 45" rgba="1 0.82 0.1 1"/>
      <geom name="pillar" type="box" size="0.14 0.14 0.3" pos="0 0 0.3"
        rgba="0.95 0.95 0.95 1"/>
    </body>"""


def _rgba(lock: int) -> str:
    return " ".join(map(str, LOCKS[lock % len(LOCKS)])) + " 1"


def _key(number: int) -> str:
    rgba = _rgba(number)
    return f"""
    <body name="key {number}" mocap="true">
      <geom name="key {number}" type="box" size="0.13 0.13 0.13" pos="0 0 {KEY_HIGH}"
        euler="54.7 0 45" rgba="{rgba}"/>
      <geom name="shaft {number}" type="box" size="0.05 0.05 0.2"
        pos="0 0 {KEY_HIGH - 0.35}" rgba="{rgba}"/>
    </body>"""


def _carried(number: int) -> str:
    return (
        f'<geom name="carried {number}" type="box" size="0.02 0.02 0.02" '
        f'rgba="{_rgba(number)}"/>'
    )
