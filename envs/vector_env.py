"""The contract of vector envs: steps, autoreset, action spaces and configs."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float32, Shaped, UInt8
from torch import Tensor

EnvState = dict[str, Any]
"""What an env puts into a checkpoint: nested dicts of tensors, numbers, text, bytes."""


@dataclass(frozen=True)
class DiscreteActions:
    """Actions `0 … n-1`; `names[i]` says what action `i` does, where known."""

    n: int
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class ContinuousActions:
    """Real vectors between `low` and `high`, one bound per component."""

    low: tuple[float, ...]
    high: tuple[float, ...]


ActionSpace = DiscreteActions | ContinuousActions


@dataclass(frozen=True)
class FactSpec:
    """Shape (without the env axis) and dtype of one entry of `Step.facts`."""

    shape: tuple[int, ...]
    dtype: torch.dtype


@dataclass(frozen=True)
class EnvSpec:
    """What a vector env offers: observations, actions, facts, device.

    Attributes:
        num_envs: B, parallel envs in each step.
        obs_shape: (C, H, W) of the single frame a step returns; C is 1 or 3.
        actions: what `VectorEnv.step` accepts.
        facts: ground truth that every step carries beside the pixels.
        device: where all returned tensors lie.
        frames_per_step: emulated frames per env step, to convert steps to frames.
    """

    num_envs: int
    obs_shape: tuple[int, int, int]
    actions: ActionSpace
    device: torch.device
    facts: Mapping[str, FactSpec] = field(default_factory=dict)
    frames_per_step: int = 1
    vector_size: int = 0


@dataclass(frozen=True)
class Step:
    """What B envs return from one step (or a reset): observation, reward, flags.

    Autoreset is NEXT_STEP: the final observation of an episode is an ordinary row
    with `terminated` or `truncated` set; the row after it ignores its action, shows
    the first observation of the next episode, has `first` set and reward 0.

    `facts` is ground truth (RAM, rooms, poses, sound) for recording, probing and plots.
    Policies, models and curiosity never read it.
    """

    obs: UInt8[Tensor, "B C H W"]
    reward: Float32[Tensor, "B"]
    terminated: Bool[Tensor, "B"]
    truncated: Bool[Tensor, "B"]
    first: Bool[Tensor, "B"]
    facts: Mapping[str, Shaped[Tensor, "B ..."]] = field(default_factory=dict)
    vector: Float32[Tensor, "B V"] | None = None


class VectorEnv(ABC):
    """B worlds stepped together. The tensors of a returned `Step` are never reused."""

    spec: EnvSpec

    @abstractmethod
    def reset(
        self, seed: int | None = None, mask: Bool[Tensor, "B"] | None = None
    ) -> Step:
        """Begin new episodes.

        Args:
            seed: makes everything that follows repeatable; None continues the stream.
            mask: which envs begin anew (default: all). The others repeat their latest
                row with reward 0 and no flags set.
        """

    @abstractmethod
    def step(self, action: Shaped[Tensor, "B ..."]) -> Step:
        """Act in all envs: int64 `[B]` for discrete, float32 `[B, A]` for continuous.

        The action of an env whose episode ended on the previous row is ignored.
        """

    def state_dict(self) -> EnvState | None:
        """Everything needed to go on bit for bit, or None where the backend cannot.

        A run resumed on a backend that returns None begins with fresh episodes.
        """
        return None

    def load_state_dict(self, state: EnvState) -> Step:
        """Continue from `state_dict`; returns the row the envs show.

        Raises:
            RuntimeError: the backend cannot restore its state.
        """
        raise RuntimeError(f"{type(self).__name__} cannot restore a saved state")

    def close(self) -> None:  # noqa: B027 - most backends hold nothing to release
        """Release threads, windows and memory; the env is not used afterwards."""


@runtime_checkable
class WorldConfig(Protocol):
    """Describes a world, and builds a vector env of B of them."""

    def build(self, num_envs: int, device: torch.device | str) -> VectorEnv:
        """Build B worlds whose tensors lie on `device`."""


@runtime_checkable
class ObservableWorld(Protocol):
    """A world with a variant that also tells the truth beside the pixels."""

    def with_facts(self) -> "WorldConfig":
        """The same world with all facts that evaluation can use."""
