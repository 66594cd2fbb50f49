"""The deep sea: a treasure that only one sequence of actions in 2^N finds."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple, final

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from envs.native_env import NativeVectorEnv, NativeWorld, Outcome
from envs.toys.cells import lit
from envs.vector_env import DiscreteActions, FactSpec

TREASURE = 1.0
"""what the treasure pays"""


class DeepSeaState(NamedTuple):
    """Where the diver is; in row N the dive is over."""

    row: Int64[Tensor, "B"]
    column: Int64[Tensor, "B"]
    found: Int64[Tensor, "B"]  # 1 where the dive has ended at the treasure


@final
class DeepSeaWorld(NativeWorld[DeepSeaState]):
    """A dive through N rows: each step goes down, and to the left or to the right.

    DeepSea of bsuite (arXiv 1908.03568), the deterministic one. From the top left, N
    steps down, however one acts. A step to the right costs `cost / N`; to go right in
    the last column of the last row pays 1, so that only N steps to the right get there:
    random play does in one dive of 2^N. Which of the two actions goes right is drawn
    for each cell once, so that no single action is worth anything.

    The frame is what bsuite shows: one lit cell of N × N, and none once the dive is
    over.

    Attributes:
        right: the action that goes right, by cell.
        optimal_return: of an episode: `1 - cost`.
        chance: that random play finds the treasure in an episode: `2^-N`.
    """

    actions = DiscreteActions(2)
    facts: ClassVar[dict[str, FactSpec]] = {
        "row": FactSpec((), torch.int64, unit="tiles"),
        "column": FactSpec((), torch.int64, unit="tiles"),
        "found": FactSpec((), torch.int64, tally=True),
    }

    def __init__(self, config: "DeepSeaConfig", device: torch.device | str) -> None:
        self.size, self.pixels, self.cost = config.size, config.pixels, config.cost
        side = config.size * config.pixels
        self.obs_shape = (1, side, side)
        self.max_episode_steps = config.size
        right = torch.ones(config.size**2, dtype=torch.int64)
        if config.mapping_seed is not None:
            seeded = torch.Generator().manual_seed(config.mapping_seed)
            right = torch.randint(2, (config.size**2,), generator=seeded)
        # Looked up by cell: it lies on the device from the start.
        self.right = right.to(device)
        self.optimal_return = TREASURE - config.cost
        self.chance = 2.0**-config.size

    def start(
        self, num_envs: int, generator: torch.Generator, previous: DeepSeaState | None
    ) -> DeepSeaState:
        """At the top left."""
        zero = torch.zeros(num_envs, dtype=torch.int64, device=self.right.device)
        return DeepSeaState(zero, zero.clone(), zero.clone())

    def transition(
        self,
        state: DeepSeaState,
        action: Int64[Tensor, "B"],
        generator: torch.Generator,
    ) -> Outcome:
        """One row down, and one column to a side, as far as there are any."""
        size = self.size
        row = state.row.clamp(max=size - 1)
        right = action == self.right[row * size + state.column]
        last = state.column == size - 1
        found = right & last & (row == size - 1)
        reward = found * TREASURE - right * (self.cost / size)
        column = (state.column + 2 * right.long() - 1).clamp(0, size - 1)
        after = DeepSeaState(row + 1, column, found.long())
        return Outcome(after, reward.float(), row == size - 1)

    def render(self, state: DeepSeaState) -> UInt8[Tensor, "B 1 side side"]:
        """The diver's cell, white; nothing behind the last row."""
        cell = state.row * self.size + state.column
        return lit(cell, self.size, self.size, self.pixels)

    def describe(self, state: DeepSeaState) -> dict[str, Tensor]:
        """Row and column, and whether the dive found the treasure."""
        return {"row": state.row, "column": state.column, "found": state.found}


@dataclass(frozen=True)
class DeepSeaConfig:
    """DeepSea of bsuite: one sequence of N actions in 2^N finds the treasure."""

    size: int = 10
    """N: rows, columns and steps of an episode."""
    pixels: int = 1
    """Per side of a cell."""
    mapping_seed: int | None = 0
    """Draws which action goes right in each cell; None: action 1 does everywhere."""
    cost: float = 0.01
    """Of a whole way to the right, an N-th of it for each step."""

    def __post_init__(self) -> None:
        if self.size < 2 or self.pixels < 1:
            raise ValueError(
                "size must be at least 2 and pixels at least 1, not "
                f"{self.size} and {self.pixels}"
            )
        if not 0.0 <= self.cost < TREASURE:
            raise ValueError(
                f"cost must be from 0 to below what the treasure pays, 1: not "
                f"{self.cost}"
            )

    def build(self, num_envs: int, device: torch.device | str) -> NativeVectorEnv:
        """Build B seas on a device."""
        return NativeVectorEnv(DeepSeaWorld(self, device), num_envs, device)
