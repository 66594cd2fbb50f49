"""Rooms: a maze to be explored on foot, as rules around the physics."""

from collections.abc import Mapping
from math import pi, sqrt
from typing import final

import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor

from envs.chance import Keyed
from envs.mujoco.physics import Bodies, Told
from envs.mujoco.renderers.renderer import Poses
from envs.mujoco.rooms.guide import RoomsGuide
from envs.mujoco.rooms.look import Look
from envs.mujoco.rooms.map import Map
from envs.mujoco.rooms.plan import Plan
from envs.mujoco.rooms.scene import Scene
from envs.mujoco.rooms.state import RoomsState
from envs.mujoco.rooms.walls import Around, Walls
from envs.mujoco.stage import Judged, Stage
from envs.mujoco.walking.boxes import Boxes
from envs.mujoco.walking.gaits import HEADINGS, TURN, Gait, Steps
from envs.mujoco.walking.television import HIGH, Television
from envs.mujoco.walking.walker import SUBSTEPS, Walker
from envs.vector_env import FactSpec

TOUCH = 0.5
"""metres from the walker's middle to that of a key or the goal, at which it has it"""
UNLOCK = 0.8
"""metres to the middle of a door, at which it opens for who has its key"""
PUSHED = 0.25
"""metres from where it stood at first, from which on a box counts as pushed"""
_ABOUT = 0.5  # metres from the middle of the first room, at most, where episodes begin


@final
class Rooms(Stage[RoomsState]):
    """A walker in a maze of coloured rooms, which it sees from within.

    The rules are those of the pixel maze, in three dimensions: a key is taken by
    touching it and carried in the lower part of the frame; a locked door opens for who
    comes near with the key of its colour, which stays in it. Boxes are pushed by
    walking into them. The goal gives 1 and ends the episode; nothing else is ever
    rewarded. An episode begins in the first room, somewhere about its middle, in one
    of the layouts.

    Around the walker stand the walls of the room that it is in, see `Walls`: frames
    are drawn with those of the room that it came to.

    Args:
        plan: the mazes.
        gait: what it can do.
        goal: whether there is one; without, nothing is paid and nothing ends.
        tv: whether a television hangs in each maze.
        overview: tell `overview`.
        max_episode_steps: steps until an episode is cut.
        device: where all of it lies.

    Raises:
        ValueError: an episode has no step.
    """

    camera, substeps = Walker.camera, SUBSTEPS

    def __init__(
        self,
        plan: Plan,
        gait: Gait,
        goal: bool,
        tv: bool,
        overview: bool,
        max_episode_steps: int,
        device: torch.device | str,
    ) -> None:
        if max_episode_steps < 1:
            raise ValueError(
                f"max_episode_steps must be 1 or more, not {max_episode_steps}"
            )
        self.plan, self.gait, self.goal = plan, gait, goal
        self.max_episode_steps, self.actions = max_episode_steps, gait.actions
        self.walls, self.boxes = Walls(plan, device), Boxes(plan.boxes.shape[1])
        self.tv = Television() if tv else None
        self.map = Map(plan, device) if overview else None
        scene = Scene(plan, self.walls, self.boxes, goal, tv)
        self.xml = scene.xml
        self.look = Look(scene, plan, self.walls, device)
        self._number = torch.arange(plan.num_rooms, device=device)
        quarter = sqrt(0.5)
        turned = [[1.0, 0, 0, 0], [quarter, 0, 0, quarter]]
        self._turned = torch.tensor(turned, device=device)

    @property
    def facts(self) -> Mapping[str, FactSpec]:
        """See `describe`."""
        whole, num = torch.int64, self.boxes.num
        facts = {
            "place": FactSpec((2,), torch.float32, unit="m"),
            "facing": FactSpec((2,), torch.float32),
            "room": FactSpec((), whole),
            "rooms": FactSpec((), whole, tally=True),
        }
        if self.plan.num_locks:
            facts["keys"] = FactSpec((), whole, tally=True)
            facts["doors"] = FactSpec((), whole, tally=True)
        if num:
            facts["boxes"] = FactSpec((num, 2), torch.float32, unit="m")
            facts["to_boxes"] = FactSpec((num, 2), torch.float32, unit="m")
            facts["turned"] = FactSpec((num,), torch.float32)
            facts["pushed"] = FactSpec((), whole, tally=True)
        if self.plan.num_layouts > 1:
            facts["layout"] = FactSpec((), whole)
        if self.map is not None:
            facts["overview"] = FactSpec(self.map.shape, torch.uint8)
        return facts

    def start(
        self, num: int, chance: Keyed, previous: RoomsState | None
    ) -> tuple[RoomsState, Told]:
        """In the first room of a layout, with nothing, looking anywhere."""
        drawn = chance.uniform(num, 4)
        maze = (drawn[:, 0] * self.plan.num_layouts).long()
        heading = (drawn[:, 1] * HEADINGS).floor() * TURN - pi
        place = self.plan.start[maze] + _ABOUT * (2 * drawn[:, 2:] - 1)
        walker = torch.cat([place, heading.unsqueeze(1)], 1)
        room = self.plan.room(place)
        none = torch.zeros(
            num, self.plan.num_locks, dtype=torch.bool, device=chance.device
        )
        state = RoomsState(maze, none, none, self._in(room), self._shows(num, chance))
        told = Told(
            qpos=self.boxes.qpos(walker, self.plan.boxes[maze]),
            mocap_pos=self._moved(state, self.walls.around(maze, room, none)),
            mocap_quat=self._quaternions(maze) if self.tv else None,
        )
        return state, told

    def act(
        self,
        state: RoomsState,
        bodies: Bodies,
        action: Int64[Tensor, "B"] | Float32[Tensor, "B A"],
        chance: Keyed,
    ) -> tuple[RoomsState, Told]:
        """It turns and walks, amid the walls of the room that it is in."""
        after = state._replace(tv=self._shows(len(state.maze), chance))
        told = Walker.steered(bodies, *self.gait.of(action))
        around = self._around(state, bodies)
        return after, told._replace(mocap_pos=self._moved(state, around))

    def judge(self, state: RoomsState, bodies: Bodies) -> Judged:
        """What it came to: a room, keys, doors, the goal."""
        place, plan, maze = Walker.place(bodies), self.plan, state.maze
        taken = state.taken | _near(place, plan.keys[maze], TOUCH)
        opened = state.opened | taken & _near(place, plan.doors[maze], UNLOCK)
        visited = state.visited | self._in(plan.room(place))
        after = state._replace(taken=taken, opened=opened, visited=visited)
        reached = torch.zeros_like(maze, dtype=torch.bool)
        if self.goal:
            reached = _near(place, plan.goal[maze].unsqueeze(1), TOUCH)[:, 0]
        return Judged(after, reached.float(), reached)

    def describe(self, state: RoomsState, bodies: Bodies) -> dict[str, Tensor]:
        """Where the walker is, what it has seen and done so far, and where boxes are.

        `place` in metres, from the middle of the first room to the right and up as the
        map has it, `facing` the unit vector ahead; the `room` by its number, row by
        row, and how many `rooms` this episode has been in; `keys` taken and `doors`
        opened; `boxes` in metres, `to_boxes` the same as the walker has them, ahead and
        to its left; `turned` in radians, and how many were `pushed`.
        """
        place, plan = Walker.place(bodies), self.plan
        told = {
            "place": place,
            "facing": Walker.facing(bodies),
            "room": plan.room(place),
            "rooms": state.visited.sum(1),
        }
        if plan.num_locks:
            told["keys"], told["doors"] = state.taken.sum(1), state.opened.sum(1)
        if self.boxes.num:
            told["boxes"] = boxes = self.boxes.place(bodies)
            told["to_boxes"] = Walker.seen_from(bodies, boxes)
            told["turned"] = self.boxes.turned(bodies)
            way = torch.linalg.vector_norm(boxes - plan.boxes[state.maze], dim=-1)
            told["pushed"] = (way > PUSHED).sum(1)
        if plan.num_layouts > 1:
            told["layout"] = state.maze
        if self.map is not None:
            told["overview"] = self.map.draw(
                state.maze,
                state.taken,
                state.opened,
                state.visited,
                self.boxes.place(bodies),
                place,
                Walker.facing(bodies),
                self.goal,
            )
        return told

    def shown(self, state: RoomsState, poses: Poses) -> Poses:
        """With the walls of the room, keys where they are, and the television on."""
        return self.look.worn(state, poses)

    def guide(self) -> RoomsGuide:
        """Who knows the maze.

        Raises:
            ValueError: nothing is paid, or walkers do not take steps.
        """
        if not self.goal:
            raise ValueError("nothing is ever paid in rooms without a goal")
        if not isinstance(self.gait, Steps):
            raise ValueError(
                "the guide of rooms takes steps, and walkers here take real numbers: "
                "leave --world.continuous out, or record another policy"
            )
        return RoomsGuide(self.plan, self.boxes)

    def _around(self, state: RoomsState, bodies: Bodies) -> Around:
        room = self.plan.room(Walker.place(bodies))
        return self.walls.around(state.maze, room, state.opened)

    def _in(self, room: Int64[Tensor, "B"]) -> Bool[Tensor, "B R"]:
        return self._number == room.unsqueeze(1)

    def _shows(self, num: int, chance: Keyed) -> Float32[Tensor, "B cells 3"]:
        if self.tv is None:
            return torch.zeros(num, 0, 3, device=chance.device)
        return self.tv.picture(num, chance)

    def _moved(self, state: RoomsState, around: Around) -> Float32[Tensor, "B _ 3"]:
        """Where everything is that nothing moves but this, as the scene has it."""
        plan, maze = self.plan, state.maze
        parts = [plan.keys[maze]]
        if self.goal:
            parts.append(plan.goal[maze].unsqueeze(1))
        if self.tv is not None:
            parts.append(plan.tv[maze].unsqueeze(1))
        flat = torch.cat(parts, 1)
        high = torch.zeros_like(flat[..., :1])
        if self.tv is not None:
            high[:, -1] = HIGH
        return torch.cat([around.place, torch.cat([flat, high], -1)], 1)

    def _quaternions(self, maze: Int64[Tensor, "B"]) -> Float32[Tensor, "B _ 4"]:
        """All straight, but for the television, which is turned to its wall."""
        num = len(self.walls.names) + self.plan.num_locks + self.goal
        straight = self._turned[:1].expand(len(maze), num, 4)
        tv = self._turned[self.plan.tv_side[maze] % 2]
        return torch.cat([straight, tv.unsqueeze(1)], 1)


def _near(
    place: Float32[Tensor, "B 2"], things: Float32[Tensor, "B n 2"], reach: float
) -> Bool[Tensor, "B n"]:
    way = things - place.unsqueeze(1)
    return way.square().sum(-1) < reach**2
