"""A task in its hall, as rules around the physics."""

from collections.abc import Mapping
from math import pi
from typing import Any, NamedTuple, final

import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor

from envs.chance import Keyed
from envs.mujoco.hard.guide import HallGuide
from envs.mujoco.hard.hall import Hall
from envs.mujoco.hard.layouts import FRONT
from envs.mujoco.hard.look import Geoms, Look
from envs.mujoco.hard.map import Map
from envs.mujoco.hard.task import Task
from envs.mujoco.physics import Bodies, Told
from envs.mujoco.renderers.renderer import Poses
from envs.mujoco.stage import Judged, Stage
from envs.mujoco.walking.gaits import HEADINGS, TURN
from envs.mujoco.walking.walker import SUBSTEPS, Walker
from envs.vector_env import FactSpec

TOUCH = 0.5
"""metres from the walker's middle to the goal's, at which it is reached"""
_ABOUT = 0.2  # metres along x and y, at most, that episodes begin aside


class HallState(NamedTuple):
    """What is remembered of each world beside its bodies."""

    layout: Int64[Tensor, "B"]
    own: Any  # of the task


@final
class HallStage(Stage[HallState]):
    """A walker in a hall whose gate opens when a task is done.

    The goal behind the gate gives 1 and ends the episode; nothing else is ever paid. An
    episode begins in one of the layouts, in the front room, looking anywhere.

    Args:
        task: what opens the gate.
        overview: tell `overview`.
        max_episode_steps: steps until an episode is cut.
        device: where all of it lies.

    Raises:
        ValueError: an episode has no step.
    """

    camera, substeps = Walker.camera, SUBSTEPS

    def __init__(
        self,
        task: Task[Any],
        overview: bool,
        max_episode_steps: int,
        device: torch.device | str,
    ) -> None:
        if max_episode_steps < 1:
            raise ValueError(
                f"max_episode_steps must be 1 or more, not {max_episode_steps}"
            )
        self.task, self.layouts = task, task.layouts
        self.max_episode_steps, self.actions = max_episode_steps, task.gait.actions
        self.hall = Hall(task.bodies, task.things)
        self.xml = self.hall.xml
        self.map = Map(device) if overview else None
        self._geoms = Geoms(self.xml, device)

    @property
    def facts(self) -> Mapping[str, FactSpec]:
        """See `describe`."""
        whole = torch.int64
        facts = {
            "place": FactSpec((2,), torch.float32, unit="m"),
            "facing": FactSpec((2,), torch.float32),
            "gate": FactSpec((2,), torch.float32, unit="m"),
            "goal": FactSpec((2,), torch.float32, unit="m"),
            "opened": FactSpec((), whole, ("shut", "open"), tally=True),
            "steps": FactSpec((), whole, tally=True),
            "layout": FactSpec((), whole),
            **self.task.facts,
        }
        if self.map is not None:
            facts["overview"] = FactSpec(self.map.shape, torch.uint8)
        return facts

    def start(
        self, num: int, chance: Keyed, previous: HallState | None
    ) -> tuple[HallState, Told]:
        """In the front of a layout, with nothing done."""
        drawn = chance.uniform(num, 4)
        layout = (drawn[:, 0] * self.layouts.num).long()
        heading = (drawn[:, 1] * HEADINGS).floor() * TURN - pi
        place = self.layouts.start[layout] + _ABOUT * (2 * drawn[:, 2:] - 1)
        state = HallState(layout, self.task.start(layout, chance))
        qpos = [place, heading.unsqueeze(1)]
        more = self.task.qpos(layout)
        if more is not None:
            qpos.append(more)
        return state, Told(qpos=torch.cat(qpos, 1), mocap_pos=self._mocap(state))

    def act(
        self,
        state: HallState,
        bodies: Bodies,
        action: Int64[Tensor, "B"] | Float32[Tensor, "B A"],
        chance: Keyed,
    ) -> tuple[HallState, Told]:
        """It turns and walks, or does what the task has beside that."""
        after = state._replace(own=self.task.act(state.own, bodies, action))
        told = Walker.steered(bodies, *self.task.gait.of(action))
        return after, told._replace(mocap_pos=self._mocap(after))

    def judge(self, state: HallState, bodies: Bodies) -> Judged:
        """What it came to, and whether that is the goal."""
        after = state._replace(own=self.task.judge(state.own, bodies))
        way = self.layouts.goal[state.layout] - Walker.place(bodies)
        reached = way.square().sum(1) < TOUCH**2
        return Judged(after, reached.float(), reached)

    def describe(self, state: HallState, bodies: Bodies) -> dict[str, Tensor]:
        """Where all is, and how far the task has come.

        `place` in metres from the middle of the front room, x towards the gate, and
        `facing`, the unit vector ahead; where the `gate` and the `goal` are, and
        whether the gate is `opened`; the `steps` that are done now, those of the task
        and, as the last, to be in the back room; the number of the `layout`; and what
        the task tells.
        """
        place = Walker.place(bodies)
        gate = self._gate(state)
        behind = place[:, 0] > FRONT
        told = {
            "place": place,
            "facing": Walker.facing(bodies),
            "gate": torch.stack([torch.full_like(gate, FRONT), gate], 1),
            "goal": self.layouts.goal[state.layout],
            "opened": self._opened(state).long(),
            "steps": self.task.steps(state.own) + behind,
            "layout": state.layout,
            **self.task.describe(state.own, bodies),
        }
        if self.map is not None:
            told["overview"] = self.map.draw(
                gate,
                self.layouts.goal[state.layout],
                self._opened(state),
                self.task.dots(state.own, bodies),
                place,
                Walker.facing(bodies),
            )
        return told

    def shown(self, state: HallState, poses: Poses) -> Poses:
        """The hall of each world, and the task's things in it."""
        look = Look(poses, self._geoms)
        goal = self.layouts.goal[state.layout]
        self.hall.paint(look, self._gate(state), goal, self._opened(state))
        self.task.paint(state.own, look)
        return look.poses

    def guide(self) -> HallGuide:
        """Who knows the task."""
        return HallGuide(self.task)

    def _gate(self, state: HallState) -> Float32[Tensor, "B"]:
        return self.layouts.gate[state.layout]

    def _opened(self, state: HallState) -> Bool[Tensor, "B"]:
        return self.task.opened(state.own)

    def _mocap(self, state: HallState) -> Float32[Tensor, "B 3 3"]:
        return Hall.mocap(self._gate(state), self._opened(state))
