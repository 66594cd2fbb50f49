"""Torch-native vector envs: pure batched rules, and the loop that steps and resets."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from jaxtyping import Bool, Float32, Int64, Shaped, UInt8
from torch import Tensor

from envs.guide import Guide
from envs.vector_env import (
    ActionSpace,
    ContinuousActions,
    EnvSpec,
    EnvState,
    FactSpec,
    Step,
    VectorEnv,
)

S = TypeVar("S", bound=tuple[Any, ...])  # NamedTuples of tensors [B, ...]


class Outcome(NamedTuple):
    """What one transition of a native world produces, all `[B]`.

    `truncated` may be None: then only the world's step limit truncates.
    """

    state: Any
    reward: Float32[Tensor, "B"]
    terminated: Bool[Tensor, "B"]
    truncated: Bool[Tensor, "B"] | None = None


class NativeWorld(ABC, Generic[S]):
    """Rules of a world as functions of a batched state: no loops over envs, no resets.

    A state is a NamedTuple of tensors with leading axis B, or of such NamedTuples.
    `NativeVectorEnv` adds autoreset, the step limit, seeding, checkpoints and the
    bounds of actions.

    Attributes:
        obs_shape: (C, H, W) of what `render` draws, with any number of channels.
        actions: discrete or continuous.
        max_episode_steps: longer episodes are truncated.
        vector_size: V of what `sense` gives; 0 for nothing.
        about: see `EnvSpec`.
        asides: fields of its states that are kept to be told, and decide nothing.
        keyed: `start` draws nothing from the generator, but from what the states hold:
            it need not be asked where no env begins.
    """

    obs_shape: tuple[int, int, int]
    actions: ActionSpace
    max_episode_steps: int
    vector_size: int = 0
    about: str = ""
    asides: tuple[str, ...] = ()
    keyed: bool = False

    @property
    def facts(self) -> Mapping[str, FactSpec]:
        """What `describe` tells; most worlds say it in a class variable."""
        return {}

    @abstractmethod
    def start(self, num_envs: int, generator: torch.Generator, previous: S | None) -> S:
        """First states of new episodes in all envs, given the states before."""

    @abstractmethod
    def transition(
        self,
        state: S,
        action: Int64[Tensor, "B"] | Float32[Tensor, "B A"],
        generator: torch.Generator,
    ) -> Outcome:
        """Rules: the state after `action`, its reward, and whether that is the end.

        Continuous actions come within the world's own bounds.
        """

    @abstractmethod
    def render(self, state: S) -> UInt8[Tensor, "B C H W"]:
        """Draw all envs at once, into fresh memory."""

    def sense(self, state: S) -> Float32[Tensor, "B V"] | None:
        """What the agent may see beside the pixels, `vector_size` numbers per env."""
        return None

    def describe(self, state: S) -> Mapping[str, Shaped[Tensor, "B ..."]]:
        """Ground truth as declared in `facts`."""
        return {}

    def guide(self) -> Guide | None:
        """Who knows the way to its reward, where somebody does beside `ShortestWay`.

        Raises:
            ValueError: somebody does, but not in a world of such settings.
        """
        return None

    def close(self) -> None:
        """Release threads, windows and memory; the world is not used afterwards."""


class NativeVectorEnv(VectorEnv):
    """Runs a `NativeWorld` in B envs on a device, with the contract's boundaries."""

    def __init__(
        self, world: NativeWorld[Any], num_envs: int, device: torch.device | str = "cpu"
    ) -> None:
        self.world = world
        self.spec = EnvSpec(
            num_envs=num_envs,
            obs_shape=world.obs_shape,
            actions=world.actions,
            device=torch.device(device),
            facts=world.facts,
            vector_size=world.vector_size,
            about=world.about,
        )
        self._generator = torch.Generator(device=self.spec.device)
        self._state: Any = None
        self._ended = torch.zeros(num_envs, dtype=torch.bool, device=device)
        self._elapsed = torch.zeros(num_envs, dtype=torch.int64, device=device)

    @property
    def state(self) -> Any:
        """What the rules know of all envs, whose episode may be over.

        Raises:
            RuntimeError: the env was never reset.
        """
        if self._state is None:
            raise RuntimeError("The worlds have not begun: reset them first")
        return self._state

    def reset(
        self, seed: int | None = None, mask: Bool[Tensor, "B"] | None = None
    ) -> Step:
        """Begin new episodes; see `VectorEnv.reset`."""
        previous = self._state
        if seed is not None:
            self._generator.manual_seed(seed)
            previous = None  # the same seed begins the same way at any time
        if mask is None or self._state is None:
            mask = torch.ones_like(self._ended)
        fresh = self.world.start(self.spec.num_envs, self._generator, previous)
        self._state = (
            fresh if self._state is None else select_rows(mask, fresh, self._state)
        )
        self._elapsed = self._elapsed.masked_fill(mask, 0)
        self._ended = self._ended & ~mask
        return self._row(first=mask.clone())

    def step(self, action: Shaped[Tensor, "B ..."]) -> Step:
        """Act in all envs; see `VectorEnv.step`."""
        begins = self._ended
        if isinstance(self.spec.actions, ContinuousActions):
            action = self.spec.actions.to_bounds(action)
        outcome = self.world.transition(self._state, action, self._generator)
        if self._may_begin(begins):
            fresh = self.world.start(self.spec.num_envs, self._generator, self._state)
            self._state = select_rows(begins, fresh, outcome.state)
        else:
            self._state = outcome.state
        self._elapsed = (self._elapsed + 1).masked_fill(begins, 0)
        terminated = outcome.terminated & ~begins
        truncated = self._elapsed >= self.world.max_episode_steps
        if outcome.truncated is not None:
            truncated = truncated | outcome.truncated
        truncated = truncated & ~terminated & ~begins
        self._ended = terminated | truncated
        return self._row(
            first=begins,
            reward=outcome.reward.masked_fill(begins, 0.0),
            terminated=terminated,
            truncated=truncated,
        )

    def _may_begin(self, begins: Bool[Tensor, "B"]) -> bool:
        """Whether `start` has to be asked: not by waiting for a device that answers."""
        if not self.world.keyed or begins.device.type != "cpu":
            return True
        return bool(begins.any())

    def _row(
        self,
        first: Bool[Tensor, "B"],
        reward: Float32[Tensor, "B"] | None = None,
        terminated: Bool[Tensor, "B"] | None = None,
        truncated: Bool[Tensor, "B"] | None = None,
    ) -> Step:
        never = torch.zeros_like(first)
        return Step(
            obs=self.world.render(self._state),
            reward=torch.zeros_like(first, dtype=torch.float32)
            if reward is None
            else reward,
            terminated=never if terminated is None else terminated,
            truncated=never if truncated is None else truncated,
            first=first,
            facts=self.world.describe(self._state),
            vector=self.world.sense(self._state),
        )

    def state_dict(self) -> EnvState:
        """States, step counts and the random stream.

        Raises:
            RuntimeError: the env was never reset.
        """
        return {
            "state": _saved(self.state),
            "ended": self._ended,
            "elapsed": self._elapsed,
            "generator": self._generator.get_state(),
        }

    def load_state_dict(self, state: EnvState) -> Step:
        """Continue from `state_dict`; returns the observation row (flags unset)."""
        device = self.spec.device
        template = self.world.start(self.spec.num_envs, self._generator, None)
        self._state = _restored(template, state["state"], device)
        self._ended = state["ended"].to(device)
        self._elapsed = state["elapsed"].to(device)
        self._generator.set_state(state["generator"].cpu())
        return self._row(first=torch.zeros_like(self._ended))

    def close(self) -> None:
        """Release what the world holds."""
        self.world.close()


def select_rows(mask: Bool[Tensor, "B"], yes: S, no: S) -> S:
    """Rows of `yes` where `mask`, else rows of `no`, field by field."""
    fields = [
        select_rows(mask, y, n)
        if isinstance(y, tuple)
        else torch.where(mask.view(-1, *[1] * (y.dim() - 1)), y, n)
        for y, n in zip(yes, no, strict=True)
    ]
    return type(yes)(*fields)


def _saved(state: Any) -> EnvState:
    """A state by the names of its fields."""
    return {
        name: _saved(x) if isinstance(x, tuple) else x
        for name, x in state._asdict().items()
    }


def _restored(template: Any, saved: EnvState, device: torch.device) -> Any:
    """A state like `template`, of what `_saved` made of it."""
    return type(template)(
        **{
            name: _restored(getattr(template, name), x, device)
            if isinstance(x, dict)
            else x.to(device)
            for name, x in saved.items()
        }
    )
