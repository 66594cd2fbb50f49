"""A yard of one's own, built of a walker and boxes, as the page of rooms says."""

from math import pi
from typing import ClassVar, NamedTuple, final

import pytest
import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from envs.chance import Keyed
from envs.mujoco.drawn import Drawn
from envs.mujoco.physics import Bodies, Told
from envs.mujoco.stage import Judged, Stage
from envs.mujoco.walking.boxes import HALF, Boxes
from envs.mujoco.walking.gaits import STRIDE, TURN, Gait, Glides, Steps
from envs.mujoco.walking.television import Television
from envs.mujoco.walking.walker import FIRM, RADIUS, SUBSTEPS, TIME_STEP, Walker
from envs.native_env import NativeVectorEnv
from envs.vector_env import FactSpec

WALL = 3.0


class YardState(NamedTuple):
    """Nothing but how long it has been."""

    time: Int64[Tensor, "B"]


@final
class Yard(Stage[YardState]):
    """One box 1 m before the walker, and a wall 3 m before it."""

    facts: ClassVar[dict[str, FactSpec]] = {
        "place": FactSpec((2,), torch.float32),
        "facing": FactSpec((2,), torch.float32),
        "box": FactSpec((3,), torch.float32),
    }
    camera, substeps, max_episode_steps = Walker.camera, SUBSTEPS, 1_000

    def __init__(self, gait: Gait, off: float = 0.0) -> None:
        self.gait, self.actions, self.boxes = gait, gait.actions, Boxes(1)
        self.box = torch.tensor([1.0, off])
        self.xml = f"""
        <mujoco>
          <option timestep="{TIME_STEP}" gravity="0 0 0" integrator="implicitfast"/>
          <worldbody>
            {Walker.body}{self.boxes.bodies}
            <geom name="wall" type="box" size="0.1 9 2" pos="{WALL + 0.1} 0 0"
              condim="1" {FIRM}/>
          </worldbody>
          <actuator>{Walker.motors}</actuator>
        </mujoco>"""

    def start(
        self, num: int, chance: Keyed, previous: YardState | None
    ) -> tuple[YardState, Told]:
        walker = torch.zeros(num, 3)
        qpos = self.boxes.qpos(walker, self.box.expand(num, 1, 2))
        return YardState(torch.zeros(num, dtype=torch.int64)), Told(qpos=qpos)

    def act(
        self,
        state: YardState,
        bodies: Bodies,
        action: Int64[Tensor, "B"] | Float32[Tensor, "B A"],
        chance: Keyed,
    ) -> tuple[YardState, Told]:
        told = Walker.steered(bodies, *self.gait.of(action))
        return YardState(state.time + 1), told

    def judge(self, state: YardState, bodies: Bodies) -> Judged:
        never = torch.zeros_like(state.time, dtype=torch.bool)
        return Judged(state, never.float(), never)

    def describe(self, state: YardState, bodies: Bodies) -> dict[str, Tensor]:
        turned = self.boxes.turned(bodies).unsqueeze(-1)
        return {
            "place": Walker.place(bodies),
            "facing": Walker.facing(bodies),
            "box": torch.cat([self.boxes.place(bodies), turned], -1)[:, 0],
        }


def yard(gait: Gait, off: float = 0.0) -> NativeVectorEnv:
    env = NativeVectorEnv(Drawn(0).world(Yard(gait, off), "cpu"), 2)
    env.reset(seed=0)
    return env


def test_speed_and_turn_are_what_was_asked_for() -> None:
    env = yard(Glides())
    row = env.step(torch.tensor([[-0.5, 0.0], [0.25, 1.0]]))
    x, y = row.facts["place"].unbind(1)
    assert x[0].item() == pytest.approx(-0.2, abs=1e-3)
    assert y[0].item() == pytest.approx(0.0, abs=1e-6)
    facing = row.facts["facing"][1]
    assert torch.allclose(facing, torch.tensor([3**0.5 / 2, 0.5]), atol=1e-5)
    assert torch.allclose(row.facts["place"][1], 0.1 * facing, atol=1e-3)


def test_headings_wrap_around() -> None:
    env = yard(Steps("cpu"))
    for _ in range(int(2 * pi / TURN + 0.5)):
        row = env.step(torch.tensor([2, 3]))
    assert torch.allclose(row.facts["facing"], torch.tensor([1.0, 0.0]), atol=1e-5)
    assert not row.facts["place"].any()
    assert env.state.bodies.qpos[:, 2].abs().max() < 0.01


def test_a_box_before_a_wall_stops_the_walker() -> None:
    env = yard(Steps("cpu"))
    for t in range(14):
        row = env.step(torch.ones(2, dtype=torch.int64))
        if t == 2:
            assert 1.2 < row.facts["box"][0, 0] < 1.8
    x = row.facts["place"][:, 0]
    box = row.facts["box"]
    assert ((WALL - HALF - box[:, 0]).abs() < 0.03).all()
    assert ((WALL - 2 * HALF - RADIUS - x).abs() < 0.06).all()
    assert (box[:, 1].abs() < 0.01).all()


def test_a_box_that_is_pushed_off_its_middle_turns() -> None:
    for off in (-0.2, 0.2):
        env = yard(Steps("cpu"), off)
        for _ in range(3):
            row = env.step(torch.ones(2, dtype=torch.int64))
        turned = row.facts["box"][:, 2]
        # It yields at the side that is pushed: away from the walker's line.
        assert (turned.abs() > 0.05).all()
        assert ((turned > 0) == (off > 0)).all()


def test_strides_are_equal_in_all_directions() -> None:
    env = yard(Steps("cpu"))
    env.step(torch.tensor([2, 3]))
    row = env.step(torch.tensor([1, 1]))
    far = torch.linalg.vector_norm(row.facts["place"], dim=1)
    assert torch.allclose(far, torch.tensor(STRIDE), atol=1e-3)


def test_a_television_is_noise() -> None:
    key = Keyed(torch.arange(40))
    tv = Television()
    shown = torch.stack([tv.picture(40, key) for _ in range(50)])
    assert shown.shape == (50, 40, 16, 3)
    assert shown.mean().item() == pytest.approx(0.5, abs=0.01)
    flat = shown.flatten(2) - 0.5
    assert (flat[1:] * flat[:-1]).mean().abs() < 0.002
    assert (
        flat[:, 1:] * flat[:, :-1]
    ).mean().abs() < 0.002  # another one in each world
