"""The chain: a little at the near end, much at the far one."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple, final

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from envs.native_env import NativeVectorEnv, NativeWorld, Outcome
from envs.toys.cells import lit
from envs.vector_env import DiscreteActions, FactSpec

LEFT, RIGHT = range(2)
LITTLE, MUCH = 0.001, 1.0
"""what a step against the left end and against the right end pays"""
EXTRA = 9
"""an episode has so many steps more than the chain has links"""


class ChainState(NamedTuple):
    """Where the agent is, from 0 at the left."""

    link: Int64[Tensor, "B"]


@final
class ChainWorld(NativeWorld[ChainState]):
    """N links in a row; the agent begins at the second and goes left or right.

    The chain of bootstrapped DQN (arXiv 1602.04621): acting left at the left end pays
    0.001, acting right at the right end 1, and an episode has N + 9 steps. Whoever
    learns from what random play finds learns to go left.

    Deviation: the frame shows the link that the agent is at, as one white square of N,
    where the paper's agents are told it in two other ways.

    Attributes:
        optimal_return: of an episode: N - 2 steps to the right end, and 11 against it.
        chance: that random play is ever paid at the right end in an episode.
    """

    actions = DiscreteActions(2, ("left", "right"))
    facts: ClassVar[dict[str, FactSpec]] = {
        "link": FactSpec((), torch.int64, unit="tiles")
    }

    def __init__(self, config: "ChainConfig", device: torch.device | str) -> None:
        self.length, self.pixels = config.length, config.pixels
        self.obs_shape = (1, config.pixels, config.length * config.pixels)
        self.max_episode_steps = config.length + EXTRA
        self._device = device
        self.optimal_return = MUCH * (self.max_episode_steps - (config.length - 2))

    @property
    def chance(self) -> float:
        """By the distribution over links, step by step: exact but for rounding."""
        place = torch.zeros(self.length, dtype=torch.float64)
        place[1] = 1.0
        found = 0.0
        for _ in range(self.max_episode_steps):
            found += 0.5 * float(place[-1])  # who was paid is followed no further
            after = torch.zeros_like(place)
            after[1:] += 0.5 * place[:-1]
            after[:-1] += 0.5 * place[1:]
            after[0] += 0.5 * place[0]
            place = after
        return found

    def start(
        self, num_envs: int, generator: torch.Generator, previous: ChainState | None
    ) -> ChainState:
        """At the second link."""
        return ChainState(torch.ones(num_envs, dtype=torch.int64, device=self._device))

    def transition(
        self,
        state: ChainState,
        action: Int64[Tensor, "B"],
        generator: torch.Generator,
    ) -> Outcome:
        """One link to a side, as far as there are any; the ends pay."""
        link, last = state.link, self.length - 1
        left_end = (link == 0) & (action == LEFT)
        right_end = (link == last) & (action == RIGHT)
        reward = left_end * LITTLE + right_end * MUCH
        after = (link + 2 * action - 1).clamp(0, last)
        return Outcome(ChainState(after), reward.float(), torch.zeros_like(left_end))

    def render(self, state: ChainState) -> UInt8[Tensor, "B 1 height width"]:
        """The agent's link, white."""
        return lit(state.link, 1, self.length, self.pixels)

    def describe(self, state: ChainState) -> dict[str, Tensor]:
        """The link."""
        return {"link": state.link}


@dataclass(frozen=True)
class ChainConfig:
    """A chain of N links: a little at the near end, much at the far one."""

    length: int = 20
    """N: links; an episode has N + 9 steps."""
    pixels: int = 1
    """Per side of a link."""

    def __post_init__(self) -> None:
        if self.length < 3 or self.pixels < 1:
            raise ValueError(
                "length must be at least 3 and pixels at least 1, not "
                f"{self.length} and {self.pixels}"
            )

    def build(self, num_envs: int, device: torch.device | str) -> NativeVectorEnv:
        """Build B chains on a device."""
        return NativeVectorEnv(ChainWorld(self, device), num_envs, device)
