"""Push: a block on a plate holds the gate open."""

from collections.abc import Mapping
from typing import NamedTuple, final

import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor

from envs.chance import Keyed
from envs.mujoco.hard.layouts import Spots, draw_layouts
from envs.mujoco.hard.look import Look
from envs.mujoco.hard.task import WALK, Dot, Errand, Task
from envs.mujoco.physics import Bodies
from envs.mujoco.walking.course import face
from envs.mujoco.walking.gaits import Steps
from envs.mujoco.walking.walker import RADIUS, Walker
from envs.vector_env import FactSpec

HALF = 0.35
"""half a side of the block, in metres"""
PLATE = 0.35
"""metres along x and y from the plate's middle, within which something is on it"""
_SPOTS = Spots(margins=(1.15, 1.0), apart=1.5)
_ALIGNED = 0.25  # metres beside the plate's axis, to which the guide pushes the block
_BEHIND = 0.9  # metres from the block's middle to where the guide gets behind it
_WIDE = 0.72  # metres from the block's middle that it keeps on the way there
_BLOCK, _UP, _DOWN = (0.85, 0.5, 0.2), (0.8, 0.2, 0.5), (0.3, 0.85, 0.45)


class PushState(NamedTuple):
    """What is remembered of each hall."""

    layout: Int64[Tensor, "B"]
    block: Bool[Tensor, "B"]  # it is on the plate
    walker: Bool[Tensor, "B"]  # and so is the walker


@final
class Push(Task[PushState]):
    """The gate is open as long as something is on the plate: the walker, or the block.

    Who steps off it sees the gate shut, and is too far from it to slip through. So the
    block has to be pushed there. It slides along x or y, is not turned, and stops when
    nobody pushes; from a corner nobody gets it away again.

    Args:
        seeds: a hall for each.
        device: where all of it lies.
    """

    bodies = f"""
        <body name="block" pos="0 0 {HALF}">
          <joint type="slide" axis="1 0 0" damping="20"/>
          <joint type="slide" axis="0 1 0" damping="20"/>
          <geom name="block" type="box" size="{HALF} {HALF} {HALF}" mass="0.3"
            condim="1" contype="1" conaffinity="1"
            rgba="{" ".join(map(str, _BLOCK))} 1"/>
        </body>"""
    things = '<geom name="plate" type="box" size="0.45 0.45 0.02" pos="0 0 0.02"/>'

    def __init__(self, seeds: range, device: torch.device | str) -> None:
        self.layouts = draw_layouts(_SPOTS, seeds, device)
        self.gait = Steps(device)
        self._up, self._down = (torch.tensor(c, device=device) for c in (_UP, _DOWN))
        self._block = torch.tensor(_BLOCK, device=device)

    @property
    def facts(self) -> Mapping[str, FactSpec]:
        """See `describe`."""
        return {
            "block": FactSpec((2,), torch.float32, unit="m"),
            "plate": FactSpec((2,), torch.float32, unit="m"),
            "held": FactSpec((), torch.int64, ("free", "held"), tally=True),
        }

    def start(self, layout: Int64[Tensor, "B"], chance: Keyed) -> PushState:
        """Nothing is on the plate."""
        none = torch.zeros_like(layout, dtype=torch.bool)
        return PushState(layout, none, none)

    def qpos(self, layout: Int64[Tensor, "B"]) -> Float32[Tensor, "B 2"]:
        """The block, where the layout has it."""
        return self.layouts.things[layout, 0]

    def judge(self, state: PushState, bodies: Bodies) -> PushState:
        """Who is on the plate."""
        plate = self._plate(state)
        return state._replace(
            block=_on(_block(bodies), plate), walker=_on(Walker.place(bodies), plate)
        )

    def opened(self, state: PushState) -> Bool[Tensor, "B"]:
        """Somebody or something is on the plate."""
        return state.block | state.walker

    def steps(self, state: PushState) -> Int64[Tensor, "B"]:
        """One: the block is on the plate."""
        return state.block.long()

    def describe(self, state: PushState, bodies: Bodies) -> dict[str, Tensor]:
        """Where the `block` and the `plate` are; the block has it `held`."""
        return {
            "block": _block(bodies),
            "plate": self._plate(state),
            "held": state.block.long(),
        }

    def paint(self, state: PushState, look: Look) -> None:
        """The plate is red; green where it is held."""
        look.put("plate", self._plate(state))
        look.paint("plate", self._colour(state))

    def dots(self, state: PushState, bodies: Bodies) -> list[Dot]:
        """The plate, and the block on top."""
        block = self._block.expand(len(state.layout), -1)
        return [
            Dot(self._plate(state), 0.5, self._colour(state)),
            Dot(_block(bodies), HALF, block),
        ]

    def errand(self, state: PushState, bodies: Bodies) -> Errand:
        """Get behind the block and push it along x, then along y."""
        place, block = Walker.place(bodies), _block(bodies)
        to = self._plate(state) - block
        along_x = to[:, 0].abs() > _ALIGNED
        zero = torch.zeros_like(to[:, 0])
        x = torch.where(along_x, to[:, 0].sign(), zero)
        y = torch.where(along_x, zero, to[:, 1].sign())
        way = torch.stack([x, y], 1)
        off = place - block
        ahead = (off * way).sum(1)
        aside = (off - ahead.unsqueeze(1) * way).abs().amax(1)
        behind = (ahead < -HALF - 0.5 * RADIUS) & (aside < HALF - 0.1) & (ahead > -1.5)
        push = face(Walker.facing(bodies), way)
        return Errand(
            block - _BEHIND * way,
            block.unsqueeze(1),
            _WIDE,
            torch.where(behind, push, WALK),
            state.block,
        )

    def _plate(self, state: PushState) -> Float32[Tensor, "B 2"]:
        return self.layouts.things[state.layout, 1]

    def _colour(self, state: PushState) -> Float32[Tensor, "B 3"]:
        return torch.where(self.opened(state).unsqueeze(1), self._down, self._up)


def _block(bodies: Bodies) -> Float32[Tensor, "B 2"]:
    return bodies.qpos[:, 3:5]


def _on(place: Float32[Tensor, "B 2"], plate: Float32[Tensor, "B 2"]) -> Tensor:
    return ((place - plate).abs() < PLATE).all(1)
