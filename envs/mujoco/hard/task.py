"""What a task in the hall says: its things, when the gate is open, and what to do."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from jaxtyping import Bool, Float32, Int64, Shaped
from torch import Tensor

from envs.chance import Keyed
from envs.mujoco.hard.layouts import Layouts
from envs.mujoco.hard.look import Look
from envs.mujoco.physics import Bodies
from envs.mujoco.walking.gaits import Gait
from envs.vector_env import FactSpec

T = TypeVar("T", bound=tuple[Any, ...])  # NamedTuples of tensors [B, ...]


class Dot(NamedTuple):
    """A spot on the map, for people."""

    place: Float32[Tensor, "B 2"]
    radius: float  # in metres
    colour: Float32[Tensor, "B 3"]


class Errand(NamedTuple):
    """What the guide is to do next, for each walker."""

    aim: Float32[Tensor, "B 2"]  # where it walks to
    avoid: Float32[Tensor, "B n 2"]  # middles of what it goes round
    wide: float  # metres from those middles that it keeps
    action: Int64[Tensor, "B"]  # done in place of walking; WALK where there is none
    done: Bool[Tensor, "B"]  # nothing is left to do but to go through the gate


WALK = -1
"""no action: walk to the aim"""


class Task(ABC, Generic[T]):
    """Rules of a task as functions of a batch of halls.

    All that the hall has in common is elsewhere: the walker, the walls, the gate that
    is open as long as the task says, the goal behind it and its reward of 1.

    Attributes:
        layouts: where the task's things lie at first.
        gait: what walkers can do.
        bodies: XML of bodies with joints, right behind the walker.
        things: XML of geoms that nobody bumps into.
    """

    layouts: Layouts
    gait: Gait
    bodies: str = ""
    things: str

    @property
    @abstractmethod
    def facts(self) -> Mapping[str, FactSpec]:
        """What `describe` tells."""

    @abstractmethod
    def start(self, layout: Int64[Tensor, "B"], chance: Keyed) -> T:
        """What is remembered when an episode begins."""

    def qpos(self, layout: Int64[Tensor, "B"]) -> Float32[Tensor, "B _"] | None:
        """First positions of the joints of `bodies`; None without any."""
        return None

    def act(self, state: T, bodies: Bodies, action: Int64[Tensor, "B"]) -> T:
        """What an action does beside walking."""
        return state

    @abstractmethod
    def judge(self, state: T, bodies: Bodies) -> T:
        """What is remembered behind the physics."""

    @abstractmethod
    def opened(self, state: T) -> Bool[Tensor, "B"]:
        """Whether the gate is open."""

    @abstractmethod
    def steps(self, state: T) -> Int64[Tensor, "B"]:
        """How many steps of the task are done, up to the gate's opening."""

    @abstractmethod
    def describe(
        self, state: T, bodies: Bodies
    ) -> Mapping[str, Shaped[Tensor, "B ..."]]:
        """Ground truth as declared in `facts`."""

    @abstractmethod
    def paint(self, state: T, look: Look) -> None:
        """Puts the task's things where they are, in their colours."""

    @abstractmethod
    def dots(self, state: T, bodies: Bodies) -> list[Dot]:
        """What the map shows of it, the lowest first."""

    @abstractmethod
    def errand(self, state: T, bodies: Bodies) -> Errand:
        """What the guide does; where it is done, only `avoid` matters."""
