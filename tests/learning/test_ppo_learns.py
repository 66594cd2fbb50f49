"""Small worlds that PPO must master in seconds, and what it must not master."""

import math
from typing import ClassVar, NamedTuple

import pytest
import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from agents.policy.ppo import PpoConfig, RewardStream
from agents.ppo.agent import PpoAgent
from agents.ppo.build import PpoAgentConfig
from envs.native_env import NativeVectorEnv, NativeWorld, Outcome
from envs.vector_env import (
    ContinuousActions,
    DiscreteActions,
    EnvSpec,
    FactSpec,
    Step,
    VectorEnv,
)
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.precision import Precision
from world_models.cores.frame_stack import FrameStackConfig
from world_models.cores.recurrent import RecurrentConfig

B, T = 12, 10
SHAPE = (1, 4, 10)  # five columns of two pixels
COLUMNS = 5


class Shown(NamedTuple):
    """What is to be done, and how far along the episode is."""

    wanted: Int64[Tensor, "B"]
    step: Int64[Tensor, "B"]


def light(column: Int64[Tensor, "B"], on: Tensor) -> UInt8[Tensor, "B 1 4 10"]:
    """A bright column of two pixels, where `on`."""
    frame = torch.zeros(len(column), *SHAPE, dtype=torch.uint8)
    pixels = torch.arange(SHAPE[2]) // 2 == column[:, None]
    return frame + 255 * (pixels & on[:, None])[:, None, None, :].to(torch.uint8)


class Small(NativeWorld[Shown]):
    """What the worlds below share."""

    obs_shape = SHAPE
    actions: DiscreteActions
    facts: ClassVar[dict[str, FactSpec]] = {}
    max_episode_steps = 8

    def start(
        self, num_envs: int, generator: torch.Generator, previous: Shown | None
    ) -> Shown:
        wanted = torch.randint(self.actions.n, (num_envs,), generator=generator)
        return Shown(wanted, torch.zeros_like(wanted))

    def render(self, state: Shown) -> UInt8[Tensor, "B C H W"]:
        return light(state.wanted, torch.ones_like(state.wanted).bool())


class Imitation(Small):
    """Reward for the action that the picture shows; a new picture each step."""

    actions = DiscreteActions(5)

    def transition(
        self, state: Shown, action: Int64[Tensor, "B"], generator: torch.Generator
    ) -> Outcome:
        right = action == state.wanted
        drawn = self.start(len(action), generator, state)
        after = Shown(drawn.wanted, state.step + 1)
        return Outcome(after, right.float(), torch.zeros_like(right))


class Memory(Small):
    """A picture, then two dark frames; reward for the action it showed, at the end."""

    actions = DiscreteActions(3)

    def transition(
        self, state: Shown, action: Int64[Tensor, "B"], generator: torch.Generator
    ) -> Outcome:
        over = state.step == 2
        right = (action == state.wanted) & over
        return Outcome(state._replace(step=state.step + 1), right.float(), over)

    def render(self, state: Shown) -> UInt8[Tensor, "B C H W"]:
        return light(state.wanted, state.step == 0)


class Corridor(Small):
    """Five cells, the way on different in each; reward at the far end alone."""

    actions = DiscreteActions(2)
    max_episode_steps = 40

    def start(
        self, num_envs: int, generator: torch.Generator, previous: Shown | None
    ) -> Shown:
        place = torch.zeros(num_envs, dtype=torch.int64)
        return Shown(place, place)

    def transition(
        self, state: Shown, action: Int64[Tensor, "B"], generator: torch.Generator
    ) -> Outcome:
        onward = action == torch.tensor([1, 0, 0, 1, 0])[state.wanted]
        place = (state.wanted + 2 * onward.long() - 1).clamp(0, COLUMNS - 1)
        reached = place == COLUMNS - 1
        return Outcome(Shown(place, state.step + 1), reached.float(), reached)


class Pointing(VectorEnv):
    """A lit column says where to point; the reward is minus the squared miss."""

    def __init__(self) -> None:
        actions = ContinuousActions((-1.0, -1.0), (1.0, 1.0))
        self.spec = EnvSpec(B, SHAPE, actions, torch.device("cpu"))
        self.generator = torch.Generator()
        self.column = torch.zeros(B, dtype=torch.int64)

    def _row(self, reward: Tensor, first: bool) -> Step:
        self.column = torch.randint(COLUMNS, (B,), generator=self.generator)
        never = torch.zeros(B, dtype=torch.bool)
        frame = light(self.column, ~never)
        return Step(frame, reward, never, never, torch.full((B,), first))

    def reset(self, seed: int | None = None, mask: Tensor | None = None) -> Step:
        if seed is not None:
            self.generator.manual_seed(seed)
        return self._row(torch.zeros(B), first=True)

    def step(self, action: Tensor) -> Step:
        aim = self.column / 2 - 1
        target = torch.stack([aim, 0.5 - aim**2], -1)
        return self._row(-(action - target).square().sum(-1), first=False)


def build(
    env: VectorEnv,
    core: FrameStackConfig | RecurrentConfig,
    discount: float = 0.9,
    entropy_coeff: float = 0.01,
    seed: int = 1,
    precision: Precision = Precision.FLOAT32,
) -> PpoAgent:
    config = PpoAgentConfig(
        encoder=PatchConfig(32, patch=2, width=8, precision=precision),
        core=core,
        ppo=PpoConfig(
            T,
            num_epochs=3,
            num_minibatches=2,
            learning_rate=5e-3,
            clip=0.2,
            entropy_coeff=entropy_coeff,
        ),
        extrinsic=RewardStream(1.0, discount),
    )
    agent = config.build(env, None, None, seed=seed)
    agent.begin()
    return agent


def late_reward(agent: PpoAgent, rollouts: int) -> float:
    """Mean reward per valid transition of six rollouts after training on some."""
    for _ in range(rollouts):
        agent.train_step()
    total = count = 0.0
    for _ in range(6):
        traj = agent.collector.collect()[0].traj
        total += traj.reward.sum().item()
        count += traj.valid.sum().item()
    return total / count


def test_it_learns_to_do_what_it_sees() -> None:
    agent = build(NativeVectorEnv(Imitation(), B), FrameStackConfig(1))
    assert late_reward(agent, 0) < 0.35
    assert late_reward(agent, 15) > 0.9


@pytest.mark.parametrize(
    ("core", "remembers"),
    [
        (RecurrentConfig(24), True),
        (FrameStackConfig(3), True),  # just enough frames
        (FrameStackConfig(1), False),
    ],
    ids=["recurrent", "three frames", "one frame"],
)
def test_only_a_memory_remembers(
    core: FrameStackConfig | RecurrentConfig, remembers: bool
) -> None:
    agent = build(NativeVectorEnv(Memory(), B), core)
    share = 3 * late_reward(agent, 28)  # of episodes, each of three transitions
    assert share > 0.9 if remembers else share < 0.5


@pytest.mark.parametrize("discount", [0.9, 0.0])
def test_reward_at_the_end_teaches_the_way_to_it(discount: float) -> None:
    """Unless the future counts nothing: then only the last step is learned."""
    agent = build(NativeVectorEnv(Corridor(), B), FrameStackConfig(1), discount, 0.0)
    steps = 1 / max(late_reward(agent, 14), 1e-9)
    assert steps < 5 if discount else steps > 6


def test_it_learns_to_point() -> None:
    agent = build(Pointing(), FrameStackConfig(1), 0.0, entropy_coeff=0.0)
    assert late_reward(agent, 0) < -1
    assert late_reward(agent, 36) > -0.3
    assert agent.actor.policy.log_std is not None
    assert agent.actor.policy.log_std.max() < math.log(0.5) - 0.3


@pytest.mark.slow
@pytest.mark.parametrize(("world", "rollouts"), [(Imitation, 10), (Corridor, 14)])
def test_bf16_in_the_encoder_reaches_the_same_return(
    world: type[Small], rollouts: int
) -> None:
    """Within the noise of five seeds, half-way up and at the top."""

    def rewards(precision: Precision) -> Tensor:
        found = []
        for seed in range(5):
            env = NativeVectorEnv(world(), B)
            core = FrameStackConfig(1)
            agent = build(env, core, 0.9, 0.0, seed=seed, precision=precision)
            found.append(late_reward(agent, rollouts))
        return torch.tensor(found)

    full, low = rewards(Precision.FLOAT32), rewards(Precision.BFLOAT16)
    assert not torch.equal(full, low)  # it really was another format
    noise = ((full.var() + low.var()) / len(full)).sqrt()
    assert (full.mean() - low.mean()).abs() < 3 * noise, (full, low)
    untrained = late_reward(build(NativeVectorEnv(world(), B), FrameStackConfig(1)), 0)
    assert full.mean() > untrained + 5 * noise
