"""The contract of what a world model learns from."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch

from envs.vector_env import VectorEnv
from world_models.actions import ActionSpace
from world_models.trajectory import Trajectory


@dataclass(frozen=True)
class Offered:
    """What the trajectories of a source look like: what a model is built for.

    Attributes:
        obs_shape: (C, H, W) of a frame.
        actions: what can be done; trajectories hold continuous actions in [-1, 1].
        vector_size: V, numbers beside the pixels.
        facts: names of the ground truth that trajectories tell.
    """

    obs_shape: tuple[int, int, int]
    actions: ActionSpace
    vector_size: int
    facts: tuple[str, ...]


class Source(ABC):
    """Trajectories to learn from, without end; and others to measure on."""

    offered: Offered

    @abstractmethod
    def next(self) -> Trajectory:
        """This process's share of the next batch."""

    @abstractmethod
    def held_out(self, batch_size: int, part: int) -> Iterator[Trajectory]:
        """Batches that nothing is learned from, the same at every call.

        Args:
            batch_size: trajectories in each, or fewer in the last.
            part: 0 or 1: those that a probe is fitted on, those it is measured on.
        """

    @property
    def env(self) -> VectorEnv | None:
        """The worlds, where there are some."""
        return None

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """All that decides what comes next."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""

    def close(self) -> None:  # noqa: B027 - most hold nothing
        """Let go of worlds."""


@runtime_checkable
class SourceConfig(Protocol):
    """Opens a source of trajectories."""

    def open(
        self, num_steps: int, batch_size: int, seed: int, device: torch.device
    ) -> Source:
        """Open it: T transitions of B envs at a time, shared by all processes.

        Raises:
            ConfigError: what is asked for cannot be had.
            DatasetError: there is no such data set, it is damaged, or it is too small.
        """

    @property
    def about(self) -> str:
        """What is learned from, in a word, for the names of runs."""
