"""A stage, its physics and what draws it, as one world behind the contract."""

from collections.abc import Mapping
from typing import Any, NamedTuple, final

import torch
from jaxtyping import Bool, Float32, Float64, Int64, Shaped, UInt8
from torch import Tensor

from envs.chance import Keyed, mixed
from envs.guide import Guide
from envs.mujoco.physics import Bodies, Physics
from envs.mujoco.pictures import Pictures
from envs.mujoco.stage import Stage, StageGuide
from envs.native_env import NativeWorld, Outcome
from envs.vector_env import FactSpec

_BEGINS, _GOES_ON = 0, 1  # two sequences of keys, so that neither disturbs the other


class MujocoState(NamedTuple):
    """All of B worlds: their keys and clocks, physics, and what the rules remember."""

    key: Int64[Tensor, "B"]  # of all that is drawn in a world
    episode: Int64[Tensor, "B"]
    step: Int64[Tensor, "B"]  # since the world was first begun
    sim: Float64[Tensor, "B R"]
    bodies: Bodies
    own: Any


@final
class MujocoWorld(NativeWorld[MujocoState]):
    """Any stage as a world of `NativeVectorEnv`, which resets, limits and saves it.

    World number i draws all of its numbers from a key of the seed and i. So it is the
    same, whatever others are beside it, and however many.

    Args:
        stage: the rules.
        physics: of its model.
        pictures: what is drawn of it.
        joints: tell `qpos` and `qvel`, positions and velocities of all joints as
            MuJoCo's data have them; of a scene without joints there are none.
    """

    keyed = True

    def __init__(
        self,
        stage: Stage[Any],
        physics: Physics,
        pictures: Pictures,
        joints: bool = False,
    ) -> None:
        self.stage, self.physics, self.pictures = stage, physics, pictures
        model = physics.model
        told = {"qpos": model.nq, "qvel": model.nv} if joints and model.nq else {}
        self._joints = {x: FactSpec((num,), torch.float32) for x, num in told.items()}
        self.obs_shape, self.actions = pictures.obs_shape, stage.actions
        self.max_episode_steps = stage.max_episode_steps
        self.vector_size = stage.vector_size
        self.about = "; ".join(filter(None, (pictures.about, physics.about)))

    @property
    def facts(self) -> Mapping[str, FactSpec]:
        """Those of the stage, of its joints, and of its pictures."""
        return {**self._joints, **self.stage.facts, **self.pictures.facts}

    def start(
        self, num_envs: int, generator: torch.Generator, previous: MujocoState | None
    ) -> MujocoState:
        """The first time worlds of their own; then new episodes, or what there is."""
        if previous is None:
            number = torch.arange(num_envs, device=generator.device)
            key = mixed(generator.initial_seed(), number)
            own, episode, step = (
                None,
                torch.zeros_like(number),
                torch.zeros_like(number),
            )
        elif self.stage.lasting:
            return previous
        else:
            key, own, step = previous.key, previous.own, previous.step
            episode = previous.episode + 1
        chance = Keyed(mixed(key, _BEGINS, episode))
        own, told = self.stage.start(num_envs, chance, own)
        sim, bodies = self.physics.go(self.physics.reference(num_envs), told, 0)
        return MujocoState(key, episode, step, sim, bodies, own)

    def transition(
        self,
        state: MujocoState,
        action: Shaped[Tensor, "B ..."],
        generator: torch.Generator,
    ) -> Outcome:
        """The rules act, the physics go on, the rules judge."""
        chance = Keyed(mixed(state.key, _GOES_ON, state.step))
        own, told = self.stage.act(state.own, state.bodies, action, chance)
        sim, bodies = self.physics.go(state.sim, told, self.stage.substeps)
        judged = self.stage.judge(own, bodies)
        after = MujocoState(
            state.key, state.episode, state.step + 1, sim, bodies, judged.state
        )
        return Outcome(after, judged.reward, judged.terminated, judged.truncated)

    def render(self, state: MujocoState) -> UInt8[Tensor, "B C H W"]:
        """What the scene's camera sees."""
        return self.pictures.frames(self.stage, state.own, state.bodies)

    def sense(self, state: MujocoState) -> Float32[Tensor, "B V"] | None:
        """What the stage tells the agent."""
        return self.stage.sense(state.own, state.bodies)

    def describe(self, state: MujocoState) -> Mapping[str, Tensor]:
        """What the stage tells of itself, what its joints do, and its pictures."""
        return {
            **{name: getattr(state.bodies, name) for name in self._joints},
            **self.stage.describe(state.own, state.bodies),
            **self.pictures.describe(self.stage, state.own, state.bodies),
        }

    def guide(self) -> Guide | None:
        """The stage's, asked about whole states."""
        guide = self.stage.guide()
        return None if guide is None else _OfStage(guide)

    def close(self) -> None:
        """Release threads, windows and memory."""
        self.physics.close()
        self.pictures.close()


@final
class _OfStage:
    """A stage's guide as one of its world."""

    def __init__(self, guide: StageGuide) -> None:
        self._guide = guide

    def best(self, state: MujocoState) -> Bool[Tensor, "B A"]:
        return self._guide.best(state.own, state.bodies)
