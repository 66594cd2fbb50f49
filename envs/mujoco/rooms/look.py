"""What of rooms is seen by what the rules remember: walls, keys, the television."""

from dataclasses import replace
from typing import final

import mujoco
import torch
from jaxtyping import Int64
from torch import Tensor

from envs.mujoco.renderers.renderer import Poses
from envs.mujoco.rooms.plan import Plan
from envs.mujoco.rooms.scene import Scene
from envs.mujoco.rooms.state import RoomsState
from envs.mujoco.rooms.walls import Walls

_HAND = (0.055, -0.125, -0.2)
"""metres from the eye to keys in the hand: from each to the next, up, and behind"""


@final
class Look:
    """Places and colours of geoms that follow from what the rules remember.

    Walls are those of the room that the eye is in now, wherever the physics of the
    step that led there had them.

    Args:
        scene: who is in it.
        plan: the mazes.
        walls: around the eye.
        device: where poses lie.

    Attributes:
        keys: numbers of the two geoms of each key that lies somewhere.
        carried: of the geoms that show keys in the hand.
    """

    def __init__(
        self, scene: Scene, plan: Plan, walls: Walls, device: torch.device | str
    ) -> None:
        self._plan, self._walls = plan, walls
        model = mujoco.MjModel.from_xml_string(scene.xml)

        def geoms(*names: str) -> Int64[Tensor, "n"]:
            numbers = [int(model.geom(x).id) for x in names]
            return torch.tensor(numbers, dtype=torch.int64, device=device)

        self._around = geoms(*walls.names)
        self.keys = geoms(*(x for key in scene.keys for x in key))
        self.carried = geoms(*scene.carried)
        self._tv = geoms(*scene.tv)
        self._rgba = torch.from_numpy(model.geom_rgba.copy()).to(device)
        num = plan.num_locks
        apart, up, back = _HAND
        hand = [(apart * (i - (num - 1) / 2), up, back) for i in range(num)]
        self._hand = torch.tensor(hand, device=device).reshape(num, 3)

    def worn(self, state: RoomsState, poses: Poses) -> Poses:
        """The same poses as worlds look in these states."""
        eye = poses.camera_pos
        room = self._plan.room(eye[:, :2])
        around = self._walls.around(state.maze, room, state.opened)
        pos = poses.geom_pos.clone()
        rgba = self._rgba.repeat(len(eye), 1, 1)
        pos[:, self._around], rgba[:, self._around] = around
        if self._plan.num_locks:
            lies = (~state.taken).float().repeat_interleave(2, 1)
            rgba[:, self.keys, 3] = lies
            rgba[:, self.carried, 3] = (state.taken & ~state.opened).float()
            hand = (poses.camera_mat.unsqueeze(1) * self._hand.unsqueeze(1)).sum(-1)
            pos[:, self.carried] = eye.unsqueeze(1) + hand
        if len(self._tv):
            rgba[:, self._tv, :3] = state.tv
        return replace(poses, geom_pos=pos, geom_rgba=rgba)
