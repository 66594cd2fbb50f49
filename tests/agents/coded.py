"""An agent whose rewards say which transition they belong to, and what it received.

The counting world's frames tell env, episode and step, and signals pay numbers made of
them. So whatever reaches a minibatch can be computed again by loops, from frames alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from torch import Tensor

from agents.curiosity.scored import Scored
from agents.curiosity.signal import Curiosity, IntrinsicReward, Surroundings
from agents.curiosity.signals import SignalConfig
from agents.policy.ppo import PpoConfig, RewardStream
from agents.ppo.agent import PpoAgent
from agents.ppo.build import PpoAgentConfig
from agents.ppo.minibatch import Minibatch
from envs.counting import CountingConfig, decode
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.precision import Precision
from world_models.cores.recurrent import RecurrentConfig
from world_models.model_config import ModelConfig

T, B = 11, 6  # episodes of the counting world have 3 to 13 steps

EXTRINSIC = RewardStream(2.0, 0.9, trace=0.8)
STREAMS = (
    RewardStream(1.0, 0.7, trace=0.6, episodic=False),
    RewardStream(0.5, 0.95, trace=0.9, episodic=True),
)
PPO = PpoConfig(num_steps=T, num_epochs=2, num_minibatches=3, learning_rate=1e-3)
SMALL = PpoAgentConfig(
    encoder=PatchConfig(24, precision=Precision.FLOAT32),
    core=RecurrentConfig(17),
    ppo=PPO,
    extrinsic=EXTRINSIC,
    intrinsic=STREAMS[0],
)


def code(obs: Tensor, factor: int) -> Tensor:
    """A number for each frame `[..., 1, 40, 44]` of the counting world."""
    env, episode, step = decode(obs)
    return ((factor * (1 + env) + 3 * episode + 7 * step) % 11).float()


class Coded(Curiosity):
    """Pays `code` of the frame that a transition arrives at."""

    def __init__(self, factor: int, discount: float, warm_up_steps: int) -> None:
        super().__init__()
        self.factor, self.discount = factor, discount
        self.warm_up_steps = warm_up_steps
        self.warmed: list[Tensor] = []

    def reward(self, scored: Scored) -> IntrinsicReward:
        paid = code(scored.traj.obs[1:], self.factor).masked_fill(~scored.valid, 0.0)
        return IntrinsicReward(paid, paid)

    def warm_up(self, obs: Tensor, vector: Tensor | None = None) -> None:
        self.warmed.append(obs)


@dataclass(frozen=True)
class CodedConfig:
    factor: int = 5
    warm_up_steps: int = 0

    def build(self, surroundings: Surroundings) -> Coded:
        return Coded(self.factor, surroundings.discount, self.warm_up_steps)


def coded_agent(
    config: PpoAgentConfig = SMALL,
    model: ModelConfig | None = None,
    seed: int = 3,
    warm_up_steps: int = 0,
) -> PpoAgent:
    """Two signals, each with a stream of its own, in the counting world."""
    agent = config.build(
        CountingConfig().build(B, "cpu"),
        model,
        CodedConfig(5, warm_up_steps),
        seed,
        [SignalConfig(CodedConfig(2), STREAMS[1])],
    )
    agent.begin()
    return agent


@dataclass
class Received:
    """The minibatches of a training step, in order."""

    batches: list[Minibatch] = field(default_factory=list)


@contextmanager
def listening(agent: PpoAgent) -> Iterator[Received]:
    """Note every minibatch that the agent's loss is given."""
    received, own = Received(), agent._loss

    def noting(batch: Minibatch) -> object:
        received.batches.append(batch)
        return own(batch)

    agent._loss = noting  # type: ignore[method-assign, assignment]
    try:
        yield received
    finally:
        agent._loss = own  # type: ignore[method-assign]
