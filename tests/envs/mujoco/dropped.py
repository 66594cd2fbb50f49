"""A stage of the tests: balls that fall, from heights that are drawn."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple, final

import torch
from torch import Tensor

from envs.chance import Keyed
from envs.mujoco.drawn import Drawn
from envs.mujoco.physics import Bodies, Told
from envs.mujoco.stage import Judged, Stage
from envs.native_env import NativeVectorEnv
from envs.vector_env import ContinuousActions, FactSpec

XML = """
<mujoco>
  <option timestep="0.02"/>
  <worldbody>
    <geom type="plane" size="5 5 1"/>
    <body name="ball" pos="0 0 0.2">
      <freejoint/>
      <geom type="sphere" size="0.2" mass="1" rgba="1 0.2 0.2 1"/>
    </body>
    <body name="pole" pos="1 0 1">
      <joint name="hinge" type="hinge" axis="0 1 0"/>
      <geom type="capsule" fromto="0 0 0 0 0 0.6" size="0.05" mass="1"/>
    </body>
    <camera name="side" pos="0 -4 1.5" xyaxes="1 0 0 0 0 1" fovy="60"/>
  </worldbody>
  <actuator><motor joint="hinge" gear="2"/></actuator>
</mujoco>"""


class Fall(NamedTuple):
    drift: Tensor  # [B], metres per second


@final
class Dropped(Stage[Fall]):
    """Ends when the ball touches the floor; the reward is where it is, across."""

    xml = XML
    camera = "side"
    substeps = 2
    actions = ContinuousActions((-1.0,), (3.0,))
    max_episode_steps = 20
    vector_size = 2
    facts: ClassVar[dict[str, FactSpec]] = {
        "height": FactSpec((), torch.float32, unit="m")
    }

    def start(
        self, num: int, chance: Keyed, previous: Fall | None
    ) -> tuple[Fall, Told]:
        height, drift = (2 * chance.uniform(num, 2)).unbind(1)
        none = torch.zeros(num)
        upright = [none + 1, none, none, none]
        qpos = torch.stack([none, none, 0.3 + height, *upright, none], 1)
        qvel = torch.zeros(num, 7)
        qvel[:, 0] = drift
        return Fall(drift), Told(qpos=qpos, qvel=qvel)

    def act(
        self, state: Fall, bodies: Bodies, action: Tensor, chance: Keyed
    ) -> tuple[Fall, Told]:
        gust = chance.uniform(len(action), 1)
        return state, Told(ctrl=action + 0.1 * gust)

    def judge(self, state: Fall, bodies: Bodies) -> Judged:
        down = bodies.body_pos[:, 1, 2] < 0.21
        return Judged(state, bodies.body_pos[:, 1, 0], down)

    def sense(self, state: Fall, bodies: Bodies) -> Tensor:
        return torch.stack([bodies.qpos[:, 7], bodies.qvel[:, 6]], 1)

    def describe(self, state: Fall, bodies: Bodies) -> dict[str, Tensor]:
        return {"height": bodies.body_pos[:, 1, 2]}


@dataclass(frozen=True)
class DroppedConfig:
    pixels: int = 16

    def build(self, num_envs: int, device: torch.device | str) -> NativeVectorEnv:
        return NativeVectorEnv(
            Drawn(self.pixels).world(Dropped(), device), num_envs, device
        )
