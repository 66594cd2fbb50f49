"""The scene in MuJoCo's XML: a walker, walls around it, boxes, and what it seeks."""

from typing import final

from envs.mujoco.rooms.plan import Plan
from envs.mujoco.rooms.walls import LOCKS, Walls
from envs.mujoco.walking.boxes import Boxes
from envs.mujoco.walking.indoors import golden_cube, indoors
from envs.mujoco.walking.television import Television

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
        moved += "".join(map(_carried, range(num)))
        self.xml = indoors("rooms", boxes.bodies, moved)


_GOAL = f'<body name="goal" mocap="true">{golden_cube()}</body>'


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
