"""The contract of noise: pure batched rules, laid between an agent and any world."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import torch
from jaxtyping import Bool, Float32, Shaped, UInt8
from torch import Tensor

from envs.vector_env import ActionSpace, DiscreteActions, EnvSpec, FactSpec

S = TypeVar("S", bound=tuple[Any, ...])  # a NamedTuple of tensors [B, ...]

NOISE = FactSpec((), torch.bool, event=True)
"""the fact `noise`: whether a row shows noise that was drawn for it"""


class WorldNoise(ABC, Generic[S]):
    """Rules of a noise as functions of a batched state: no loops over envs.

    A state is a NamedTuple of tensors with leading axis B. `NoisyVectorEnv` lays the
    noise over a world, and adds seeding, masked resets and checkpoints. What is drawn
    for a row is in the state, so that a row can be shown again.

    Attributes:
        actions: what an agent can do; None for what the world accepts.
    """

    actions: ActionSpace | None = None

    @property
    def facts(self) -> Mapping[str, FactSpec]:
        """What `describe` tells; most noises say it in a class variable.

        Several noises around one world may tell `noise`: its rows are fresh where any
        of them says so.
        """
        return {}

    @abstractmethod
    def start(self, num_envs: int, generator: torch.Generator) -> S:
        """States before the first rows of all."""

    @abstractmethod
    def advance(
        self,
        state: S,
        action: Shaped[Tensor, "B ..."],
        begins: Bool[Tensor, "B"],
        generator: torch.Generator,
    ) -> S:
        """The state for the next row, drawn before the world steps.

        Args:
            state: of the row before.
            action: what the agent does.
            begins: where the next row begins an episode; the action is ignored there.
            generator: of all draws, as many whatever the states are.
        """

    def done(
        self, state: S, action: Shaped[Tensor, "B ..."]
    ) -> Shaped[Tensor, "B ..."]:
        """What the world is told when the agent does `action`."""
        return action

    def show(self, state: S, obs: UInt8[Tensor, "B C H W"]) -> UInt8[Tensor, "B C H W"]:
        """The frames with noise; `obs` is left as it is."""
        return obs

    def sense(self, state: S, vector: Float32[Tensor, "B V"]) -> Float32[Tensor, "B V"]:
        """The vectors with noise; `vector` is left as it is."""
        return vector

    def describe(self, state: S) -> Mapping[str, Shaped[Tensor, "B ..."]]:
        """Ground truth as declared in `facts`."""
        return {}


@runtime_checkable
class WorldNoiseConfig(Protocol):
    """Describes a noise, and builds it for any world."""

    def build(self, spec: EnvSpec) -> WorldNoise[Any]:
        """Build it for B worlds that offer what `spec` says.

        Raises:
            ValueError: it does not go with such worlds, or a number is out of range.
        """


def discrete(spec: EnvSpec, noise: str) -> DiscreteActions:
    """The actions of a world, for a noise that asks which one was chosen.

    Raises:
        ValueError: they are continuous.
    """
    if isinstance(spec.actions, DiscreteActions):
        return spec.actions
    raise ValueError(
        f"{noise} asks which action was chosen, and the actions of this world are "
        "continuous: take a world with discrete actions, or another noise"
    )


def existing(action: int, space: DiscreteActions) -> int:
    """The same action, looked at.

    Raises:
        ValueError: the world has no such action.
    """
    if not 0 <= action < space.n:
        raise ValueError(
            f"no_op must be an action of the world, 0 … {space.n - 1}, not {action}"
        )
    return action
