"""The contract of vector envs: steps, autoreset, action spaces and configs."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from math import isfinite
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float32, Shaped, UInt8
from torch import Tensor

EnvState = dict[str, Any]
"""What an env puts into a checkpoint: nested dicts of tensors, numbers, text, bytes."""


class WorldError(ValueError):
    """A world does what it should not; the message says what, for people.

    Commands print it, and end: it is nothing that this library could mend.
    """


@dataclass(frozen=True)
class DiscreteActions:
    """Actions `0 … n-1`; `names[i]` says what action `i` does, where known."""

    n: int
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class ContinuousActions:
    """Real vectors: whoever acts does so in [-1, 1], the world in `low` to `high`.

    Attributes:
        low: least value of each of the A components.
        high: greatest value of each.

    Raises:
        ValueError: there are no components, or not as many bounds above as below, or a
            bound is not finite or below the one it should be above.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.low or len(self.low) != len(self.high):
            raise ValueError(
                f"Actions need as many bounds above as below, at least one: not "
                f"{self.low} and {self.high}"
            )
        if not all(
            isfinite(a) and isfinite(b) and a <= b
            for a, b in zip(self.low, self.high, strict=True)
        ):
            raise ValueError(
                f"Actions need finite bounds from below to above, not {self.low} to "
                f"{self.high}"
            )

    @property
    def size(self) -> int:
        """A, the number of components."""
        return len(self.low)

    def to_bounds(
        self, action: Float32[Tensor, "*batch A"]
    ) -> Float32[Tensor, "*batch A"]:
        """What a world does when told `action`: clipped to [-1, 1], then rescaled.

        -1 becomes `low` and 1 becomes `high`, exactly.
        """
        low, high = self._bounds(action.device)
        share = (action.clamp(-1, 1) + 1) / 2
        # Not low + share * (high - low): that misses `high` by a rounding, and envs
        # that check their bounds would refuse it.
        return (low * (1 - share) + high * share).clamp(low, high)

    def from_bounds(
        self, done: Float32[Tensor, "*batch A"]
    ) -> Float32[Tensor, "*batch A"]:
        """The action in [-1, 1] that `to_bounds` makes `done` of.

        A component whose bounds are equal has none, and becomes 0.
        """
        low, high = self._bounds(done.device)
        # Halved, so that the widest bounds do not overflow.
        middle, reach = low / 2 + high / 2, high / 2 - low / 2
        action = (done - middle) / reach.where(reach > 0, 1)
        return action.clamp(-1, 1).masked_fill(reach <= 0, 0)

    def _bounds(self, device: torch.device) -> tuple[Tensor, Tensor]:
        return bound(self.low, device), bound(self.high, device)


@cache
def bound(bounds: tuple[float, ...], device: torch.device) -> Tensor:
    """`[A]`, kept: the host would wait for every copy of numbers to a GPU."""
    with torch.inference_mode(False):  # it may be used where gradients are taken
        return torch.tensor(bounds, dtype=torch.float32, device=device)


ActionSpace = DiscreteActions | ContinuousActions


@dataclass(frozen=True)
class FactSpec:
    """Shape (without the env axis) and dtype of one entry of `Step.facts`.

    Attributes:
        names: what the values 0, 1, … of a whole number are called; empty where they
            have no names.
        event: true where something happened at this very step: people are told how
            often, and what curiosity paid for it.
        tally: a number whose value on the last row of an episode says what came of the
            episode; runs log its mean over episodes.
        unit: what its numbers are in: `px` or `tiles` of places, `px/step` of what they
            move by in a step; empty where they have none. Only of a place, a unit
            without `/`, does a probe take differences.

    Raises:
        ValueError: names of values that are no whole numbers, an event that is no
            single bool, or a tally that is not one number per env.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype
    names: tuple[str, ...] = ()
    event: bool = False
    tally: bool = False
    unit: str = ""

    def __post_init__(self) -> None:
        if self.event and (self.dtype is not torch.bool or self.shape):
            raise ValueError(
                f"An event is a single bool, not {self.dtype} {self.shape}"
            )
        number = self.dtype.is_floating_point or self.dtype.is_complex
        if self.names and (number or self.dtype is torch.bool):
            raise ValueError(f"Only whole numbers can have names, not {self.dtype}")
        if self.tally and self.shape:
            raise ValueError(f"A tally is one number per env, not {self.shape} of them")


@dataclass(frozen=True)
class EnvSpec:
    """What a vector env offers: observations, actions, facts, device.

    Attributes:
        num_envs: B, parallel envs in each step.
        obs_shape: (C, H, W) of the single frame a step returns; C is 1 for grey, 3 for
            RGB, and any other number of planes that the world draws.
        actions: what `VectorEnv.step` accepts.
        facts: ground truth that every step carries beside the pixels.
        device: where all returned tensors lie.
        frames_per_step: emulated frames per env step, to convert steps to frames.
        vector_size: V, numbers in `Step.vector`; 0 where there is none.
        about: what the frames are of, and other liberties taken with a world that was
            not made for this library, for people; empty where there is nothing to say.

    Raises:
        ValueError: no envs.
    """

    num_envs: int
    obs_shape: tuple[int, int, int]
    actions: ActionSpace
    device: torch.device
    facts: Mapping[str, FactSpec] = field(default_factory=dict)
    frames_per_step: int = 1
    vector_size: int = 0
    about: str = ""

    def __post_init__(self) -> None:
        if self.num_envs < 1:
            raise ValueError(f"num_envs must be at least 1, not {self.num_envs}")


@dataclass(frozen=True)
class Step:
    """What B envs return from one step (or a reset): observation, reward, flags.

    Autoreset is NEXT_STEP: the final observation of an episode is an ordinary row
    with `terminated` or `truncated` set; the row after it ignores its action, shows
    the first observation of the next episode, has `first` set and reward 0.

    `facts` is ground truth (RAM, rooms, poses, sound) for recording, probing and plots.
    Policies, models and curiosity never read it. `vector` is the opposite: what the
    agent may see beside the pixels (joint angles, dials), in units of the world; None
    exactly where `EnvSpec.vector_size` is 0.
    """

    obs: UInt8[Tensor, "B C H W"]
    reward: Float32[Tensor, "B"]
    terminated: Bool[Tensor, "B"]
    truncated: Bool[Tensor, "B"]
    first: Bool[Tensor, "B"]
    facts: Mapping[str, Shaped[Tensor, "B ..."]] = field(default_factory=dict)
    vector: Float32[Tensor, "B V"] | None = None


class VectorEnv(ABC):
    """B worlds stepped together. The tensors of a returned `Step` are never reused.

    Continuous actions are told in [-1, 1] per component. The env clips what lies
    outside and rescales to its bounds, both by `ContinuousActions.to_bounds`: an action
    of 5 does what 1 does. So a policy need not know the bounds, and all of them are
    within its reach, however wide or narrow they are.
    """

    spec: EnvSpec

    @abstractmethod
    def reset(
        self, seed: int | None = None, mask: Bool[Tensor, "B"] | None = None
    ) -> Step:
        """Begin new episodes.

        Args:
            seed: makes everything that follows repeatable; None continues the stream.
                Envs that begin anew show what they show if all are reset with it.
            mask: which envs begin anew (default: all). The others repeat their latest
                row with reward 0 and no flags set.
        """

    @abstractmethod
    def step(self, action: Shaped[Tensor, "B ..."]) -> Step:
        """Act in all envs: int64 `[B]` for discrete, float32 `[B, A]` for continuous.

        Continuous actions are in [-1, 1]; what lies outside counts as the nearer end.
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


@runtime_checkable
class OverlookedWorld(Protocol):
    """A world that can be shown from above, to people."""

    def with_overview(self) -> "WorldConfig":
        """The same world with a fact `overview`, uint8 [3, H, W]: all of it at once.

        A world that has none after all (a noise around one that has none) is told as
        it is.
        """


@runtime_checkable
class WatchedWorld(Protocol):
    """A world of P parts, each of which can be watched by a hard-coded gaze.

    For asking, behind a run, how well a model predicts each part, wherever the agent
    chose to look.
    """

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts by name."""

    def watching(self, env: VectorEnv, seed: int) -> VectorEnv:
        """P x B worlds that go on from where the B worlds of `env` are now.

        World P b + p is a copy of world b with the gaze on part p, whatever the action.
        `env` is left as it is, its random stream included.

        Args:
            env: built by the same config, and begun.
            seed: of the draws of the copies, which are ready to be stepped;
                `reset()` shows their first row.
        """
