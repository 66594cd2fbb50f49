"""Count-based exploration: what was seen seldom in the whole run is paid."""

from dataclasses import dataclass, field
from typing import final

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from agents.curiosity.counts.keys import Keys
from agents.curiosity.counts.table import CountTable, DirectTable, SortedTable
from agents.curiosity.counts.vector_keys import exact_keys, hashed_keys
from agents.curiosity.normalize import ReturnStdScale, RewardScale
from agents.curiosity.scored import Scored
from agents.curiosity.sight import FramesConfig, SightConfig
from agents.curiosity.signal import Curiosity, IntrinsicReward, Surroundings
from ssl_objectives.distributed import gathered_rows


@final
class Counts(Curiosity):
    """`r_t = n(o_{t+1})^(-1/2)` (#Exploration, arXiv 1611.04717).

    n counts all rows so far, of all envs, those of this rollout included and first rows
    too, as the paper's does per batch.

    Args:
        keys: say which rows are the same.
        table: counts them.
        scale: of what is paid.
    """

    across_processes = True

    def __init__(self, keys: Keys, table: CountTable, scale: RewardScale) -> None:
        super().__init__()
        self.keys, self.table, self.scale = keys, table, scale
        self.warm_up_steps = keys.warm_up_steps
        self.register_buffer("begun", torch.zeros((), dtype=torch.bool))
        self.begun: Tensor

    def warm_up(
        self,
        obs: UInt8[Tensor, "R B C H W"],
        vector: Float32[Tensor, "R B V"] | None = None,
    ) -> None:
        """Show what random play looks like; nothing is counted."""
        self.keys.warm_up(obs, vector)

    @torch.no_grad()
    def reward(self, scored: Scored) -> IntrinsicReward:
        """By counts of this rollout's end; row 0 was counted a rollout ago."""
        keys, valid = self.keys(self.keys.sight(scored.traj)), scored.valid
        everywhere = gathered_rows(keys, 1)
        new = torch.ones_like(everywhere, dtype=torch.bool)
        new[0] = ~self.begun
        self.begun.fill_(True)
        self.table.add(everywhere.flatten(), new.flatten())
        times = self.table.of(keys[1:].flatten()).view(valid.shape)
        raw = times.clamp(min=1).float().rsqrt().masked_fill(~valid, 0.0)
        told = {"distinct": self.table.distinct.float()}
        return IntrinsicReward(raw, self.scale(raw, valid), told)


@dataclass(frozen=True)
class HashCountsConfig:
    """Reward frames whose hash was seen seldom: frames that look alike share one."""

    bits: int = 16
    """length of the hash: 2^bits counts; more tell more frames apart"""
    grid: int = 12
    """squares along each side of the frame, of which the hash knows the brightness"""
    sight: SightConfig = field(default_factory=FramesConfig)
    """what is hashed: frames, or numbers of the vector as they are"""

    def __post_init__(self) -> None:
        if self.grid < 1:
            raise ValueError(f"grid must be at least 1, not {self.grid}")
        if not 1 <= self.bits <= 24:
            raise ValueError(f"bits must be from 1 to 24, not {self.bits}")

    def build(self, surroundings: Surroundings) -> Counts:
        """Build the signal.

        Raises:
            ValueError: the worlds show no such thing.
        """
        spec = surroundings.spec
        scale = ReturnStdScale(spec.num_envs, surroundings.discount)
        keys = hashed_keys(self.sight.sight(spec), self.bits, self.grid)
        return Counts(keys, DirectTable(self.bits), scale)


@dataclass(frozen=True)
class ExactCountsConfig:
    """Reward frames that were seen seldom, each counted by itself."""

    places: int = 1 << 17
    """different frames that are known at a time; beyond, the rarest are forgotten"""
    cell: int = 1
    """side of the squares of pixels that are averaged first; 1: none"""
    levels: int = 256
    """of brightness that are told apart; of a vector: steps from -1 to 1"""
    sight: SightConfig = field(default_factory=FramesConfig)
    """what is counted: frames, or numbers of the vector"""

    def __post_init__(self) -> None:
        check_keys(self.places, self.cell, self.levels)

    def build(self, surroundings: Surroundings) -> Counts:
        """Build the signal.

        Raises:
            ValueError: cells are larger than the frame, or the worlds show no such
                thing.
        """
        spec = surroundings.spec
        scale = ReturnStdScale(spec.num_envs, surroundings.discount)
        keys = exact_keys(self.sight.sight(spec), self.cell, self.levels)
        return Counts(keys, SortedTable(self.places), scale)


def check_keys(places: int, cell: int, levels: int) -> None:
    """Refuse what cannot be counted.

    Raises:
        ValueError: says which number.
    """
    if places < 1 or cell < 1:
        raise ValueError(f"places and cell must be at least 1, not {places}, {cell}")
    if not 2 <= levels <= 256:
        raise ValueError(f"levels must be from 2 to 256, not {levels}")
