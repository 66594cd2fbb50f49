"""Frames that are probed on: whole episodes in their order, with their facts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float32, Int64, Shaped, UInt8
from torch import Tensor

from ssl_objectives.refusal import DatasetError
from world_models.trajectory import Trajectory

BATCH_BYTES = 128 << 20  # of frames that a world model sees at once


@dataclass(frozen=True)
class Footage:
    """N frames: the rows of each episode lie together, in their order.

    Attributes:
        obs: the frames.
        episode: the number of each row's episode.
        facts: what is true of each row, by name: `[N, …]`, bool, whole or real.
        action: what led into each row, continuous ones in [-1, 1]; on the first row of
            an episode, whatever. None where nobody acted.
        vector: what is seen beside the pixels.
        reward: what leading into each row earned; None where nobody knows.
        units: what facts are in: `px`, `px/step`; a unit without `/` is a place's.
        names: what the values 0, 1, … of a fact are called.
        about: where they come from, in a few words.

    Raises:
        DatasetError: columns of different lengths, or episodes that are interleaved.
    """

    obs: UInt8[Tensor, "N C H W"]
    episode: Int64[Tensor, "N"]
    facts: Mapping[str, Tensor]
    action: Shaped[Tensor, "N ..."] | None = None
    vector: Float32[Tensor, "N V"] | None = None
    reward: Float32[Tensor, "N"] | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    about: str = "frames"

    def __post_init__(self) -> None:
        lengths = {"episode": len(self.episode)}
        lengths |= {k: len(x) for k, x in self.facts.items()}
        wrong = {k: n for k, n in lengths.items() if n != len(self.obs)}
        if wrong:
            name, number = next(iter(wrong.items()))
            raise DatasetError(
                f"There are {len(self.obs):,} frames, but {number:,} rows of {name!r}. "
                "Give one row for each frame."
            )
        if len(self.begins) != len(self.episode.unique()):
            raise DatasetError(
                "Frames of different episodes are mixed up. Put the rows of each "
                "episode together, in the order in which they came."
            )

    def __len__(self) -> int:
        """N, the number of frames."""
        return len(self.obs)

    @property
    def first(self) -> Bool[Tensor, "N"]:
        """True on the first row of each episode."""
        first = torch.ones_like(self.episode, dtype=torch.bool)
        first[1:] = self.episode[1:] != self.episode[:-1]
        return first

    @property
    def begins(self) -> Int64[Tensor, "E"]:
        """The first row of each episode."""
        return self.first.nonzero().flatten()

    @property
    def step(self) -> Int64[Tensor, "N"]:
        """How many rows of its episode lie before each row."""
        lengths = torch.diff(self.begins, append=torch.tensor([len(self)]))
        return torch.arange(len(self)) - self.begins.repeat_interleave(lengths)

    def seen_from(
        self, past: int = 0
    ) -> Iterator[tuple[Trajectory, Int64[Tensor, "R B"], Bool[Tensor, "R B"]]]:
        """Episodes side by side as trajectories, about equally long ones together.

        Args:
            past: further frames that are stacked on each, which take memory, too.

        Yields:
            A trajectory; which row of the footage each of its rows is; and where it is
            one: episodes that are shorter than the longest of their batch repeat their
            last row.

        Raises:
            DatasetError: nobody acted.
        """
        if self.action is None:
            raise DatasetError(
                f"In {self.about} nobody acts, and a world model reads actions. Give "
                "recorded data with actions, or a world: --world NAME"
            )
        begins = self.begins
        lengths = torch.diff(begins, append=torch.tensor([len(self)]))
        order = lengths.argsort(stable=True, descending=True)
        frame = self.obs[0].numel() * (1 + past)
        while len(order):
            longest = max(2, int(lengths[order[0]]))
            some = max(1, BATCH_BYTES // (longest * frame))
            chosen, order = order[:some], order[some:]
            age = torch.arange(longest).unsqueeze(1)
            there = age < lengths[chosen]
            row = begins[chosen] + torch.minimum(age, lengths[chosen] - 1)
            yield self._at(row), row, there

    def _at(self, row: Int64[Tensor, "R B"]) -> Trajectory:
        assert self.action is not None
        steps, envs = row.shape[0] - 1, row.shape[1]
        first = torch.zeros(row.shape, dtype=torch.bool)
        first[0] = True
        no = torch.zeros(steps, envs, dtype=torch.bool)
        return Trajectory(
            action=self.action[row[1:]],
            reward=torch.zeros(steps, envs),
            terminated=no,
            truncated=no,
            obs=self.obs[row],
            first=first,
            vector=None if self.vector is None else self.vector[row],
        )
