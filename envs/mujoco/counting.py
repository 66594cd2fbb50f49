"""A test world in which the physics count: a marker's place says env, episode, step."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple, final

import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from envs.chance import Keyed
from envs.mujoco.drawn import Drawn
from envs.mujoco.physics import Bodies, Told
from envs.mujoco.stage import Judged, Stage
from envs.native_env import NativeVectorEnv
from envs.vector_env import DiscreteActions, FactSpec

PIXELS = 41
SUBSTEPS, TIME_STEP = 4, 0.01
_SPEED = 1 / (SUBSTEPS * TIME_STEP)
_FAR = 40.0  # metres from the camera to the markers, where they count 0
_AXES = ("env", "episode", "step")


def _marker(axis: str, right: int) -> str:
    """A plate in front of the camera, which comes nearer by a metre a count."""
    return f"""
    <body name="{axis}" pos="{_FAR} {-right} 0">
      <joint name="{axis}" type="slide" axis="-1 0 0"/>
      <geom type="box" size="0.1 0.5 9" mass="1" contype="0" conaffinity="0"/>
    </body>"""


class CountingState(NamedTuple):
    """What the rules count: the physics have to come to the same."""

    env: Int64[Tensor, "B"]
    episode: Int64[Tensor, "B"]


@final
class CountingStage(Stage[CountingState]):
    """Three plates in front of a camera; the third comes a metre nearer in each step.

    Nobody pushes it: it was given its speed when the episode began. So a step of the
    physics that is left out, done twice, or done in another env, shows. Episodes have 3
    to 13 steps; even ones terminate, odd ones are truncated. The reward of the
    transition into step s is s. The vector is the three places.
    """

    xml = f"""
    <mujoco>
      <option timestep="{TIME_STEP}" gravity="0 0 0"/>
      <worldbody>
        <camera name="eye" pos="0 0 0" xyaxes="0 -1 0 0 0 1" fovy="6"/>
        {"".join(_marker(x, i - 1) for i, x in enumerate(_AXES))}
      </worldbody>
    </mujoco>"""
    camera = "eye"
    substeps = SUBSTEPS
    actions = DiscreteActions(5)
    max_episode_steps = 1_000
    vector_size = 3
    facts: ClassVar[dict[str, FactSpec]] = {
        name: FactSpec((), torch.int64) for name in _AXES
    }

    def start(
        self, num: int, chance: Keyed, previous: CountingState | None
    ) -> tuple[CountingState, Told]:
        """Step 0 of the next episode."""
        env = torch.arange(num, device=chance.device)
        episode = torch.zeros_like(env) if previous is None else previous.episode + 1
        none = torch.zeros_like(env)
        place = torch.stack([env, episode, none], 1).float()
        speed = torch.stack([none, none, none + _SPEED], 1).float()
        return CountingState(env, episode), Told(qpos=place, qvel=speed)

    def act(
        self,
        state: CountingState,
        bodies: Bodies,
        action: Int64[Tensor, "B"],
        chance: Keyed,
    ) -> tuple[CountingState, Told]:
        """Nothing."""
        return state, Told()

    def judge(self, state: CountingState, bodies: Bodies) -> Judged:
        """Over when the marker has come as far as the episode is long."""
        step = bodies.qpos[:, 2].round()
        over = step >= 3 + (7 * state.env + 5 * state.episode) % 11
        even = state.episode % 2 == 0
        return Judged(state, step, over & even, over & ~even)

    def sense(self, state: CountingState, bodies: Bodies) -> Float32[Tensor, "B 3"]:
        """Where the markers are."""
        return bodies.qpos

    def describe(self, state: CountingState, bodies: Bodies) -> dict[str, Tensor]:
        """The numbers that the places say."""
        numbers = bodies.qpos.round().long().unbind(1)
        return dict(zip(_AXES, numbers, strict=True))


def counted(depth: Float32[Tensor, "B 41 41"]) -> Int64[Tensor, "B 3"]:
    """(env, episode, step), as pictures show them: by how far the plates are."""
    columns = [PIXELS // 4, PIXELS // 2, PIXELS - 1 - PIXELS // 4]
    return (_FAR - 0.1 - depth[:, PIXELS // 2, columns]).round().long()


@dataclass(frozen=True)
class MujocoCountingConfig:
    """The counting world of MuJoCo, for tests of data paths."""

    def build(self, num_envs: int, device: torch.device | str) -> NativeVectorEnv:
        """Build B counting worlds."""
        drawn = Drawn(PIXELS, depth=True, joints=True)
        world = drawn.world(CountingStage(), device)
        return NativeVectorEnv(world, num_envs, device)
