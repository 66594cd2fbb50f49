"""A combination lock: the right button four times in a row; chance rarely opens it."""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor

from agents.curiosity.signals import SignalConfig
from agents.off_policy_agent import OffPolicyAgent
from agents.off_policy_build import OffPolicyAgentConfig
from agents.policy.dqn import DqnConfig
from agents.policy.off_policy import OffPolicyConfig
from agents.policy.ppo import RewardStream
from agents.study import StudyConfig
from envs.native_env import NativeVectorEnv, NativeWorld, Outcome
from envs.vector_env import DiscreteActions, FactSpec
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.precision import Precision
from world_models.cores.frame_stack import FrameStackConfig
from world_models.cores.recurrent import RecurrentConfig
from world_models.model_config import ModelConfig
from world_models.predictor import LatentHeadConfig
from world_models.presets import byol_explore

PLACES, BUTTONS = 4, 3
RIGHT = (2, 0, 1, 1)
"""the button that leads on from each place; every other leads back to the first"""

PATCH = PatchConfig(16, patch=2, precision=Precision.FLOAT32)
MODEL = byol_explore(horizon=2, predictor=LatentHeadConfig(13))
CURIOUS = RewardStream(0.5, 0.9, episodic=False)
OPENS = RewardStream(1.0, 0.9)
NOTHING = RewardStream(0.0, 0.9)


class Place(NamedTuple):
    """How many buttons in a row were right."""

    place: Int64[Tensor, "B"]


class Lock(NativeWorld[Place]):
    """Reward 1 and a new episode where it opens; also told as a vector."""

    obs_shape = (1, 4, 10)  # a bright column of two pixels shows the place
    actions = DiscreteActions(BUTTONS)
    facts: ClassVar[dict[str, FactSpec]] = {"place": FactSpec((), torch.int64)}
    max_episode_steps = 25
    vector_size = PLACES

    def start(
        self, num_envs: int, generator: torch.Generator, previous: Place | None
    ) -> Place:
        return Place(torch.zeros(num_envs, dtype=torch.int64, device=generator.device))

    def transition(
        self, state: Place, action: Int64[Tensor, "B"], generator: torch.Generator
    ) -> Outcome:
        right = torch.tensor(RIGHT, device=action.device)[state.place] == action
        place = (state.place + 1) * right
        opened = place == PLACES
        return Outcome(Place(place.clamp(max=PLACES - 1)), opened.float(), opened)

    def render(self, state: Place) -> UInt8[Tensor, "B C H W"]:
        column = torch.arange(10, device=state.place.device) // 2
        lit = (column == state.place[:, None])[:, None, None]
        return (255 * lit).byte().expand(-1, *self.obs_shape).contiguous()

    def sense(self, state: Place) -> Float32[Tensor, "B V"]:
        return F.one_hot(state.place, PLACES).float()

    def describe(self, state: Place) -> dict[str, Tensor]:
        return {"place": state.place}


@dataclass(frozen=True)
class LockConfig:
    """The lock, as a world of a run."""

    def build(self, num_envs: int, device: torch.device | str) -> NativeVectorEnv:
        return NativeVectorEnv(Lock(), num_envs, device)


def off_policy(
    policy: OffPolicyConfig | None = None,
    model: ModelConfig | None = MODEL,
    curiosity: Any = None,
    seed: int = 3,
    also: tuple[SignalConfig, ...] = (),
    num_envs: int = 3,
    core: Any = None,
    **changes: Any,
) -> OffPolicyAgent:
    """A small agent in three locks, begun."""
    parts: dict[str, Any] = {
        "extrinsic": OPENS,
        "intrinsic": CURIOUS,
        "num_steps": 9,
        "study": StudyConfig(
            capacity=6, learning_starts=50, updates_per_rollout=2, batch=7
        ),
    }
    config = OffPolicyAgentConfig(
        encoder=PATCH,
        core=core or RecurrentConfig(11),
        policy=policy or dqn(),
        **(parts | changes),
    )
    env = LockConfig().build(num_envs, "cpu")
    agent = config.build(env, model, curiosity, seed, also)
    agent.begin()
    return agent


def dqn(core: Any = None, **changes: Any) -> DqnConfig:
    """A small one."""
    small: dict[str, Any] = {
        "encoder": PATCH,
        "core": core or FrameStackConfig(2),
        "hidden": (16,),
        "updates_per_rollout": 2,
        "batch": 5,
        "epsilon": 0.1,
        "epsilon_rate": 0.004,
    }
    return DqnConfig(**(small | changes))
