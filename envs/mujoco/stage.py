"""A world of MuJoCo, as its author writes it: a scene, and rules around its physics."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, NamedTuple, Protocol, TypeVar, runtime_checkable

from jaxtyping import Bool, Float32, Int64, Shaped
from torch import Tensor

from envs.chance import Keyed
from envs.mujoco.physics import Bodies, Told
from envs.mujoco.renderers.renderer import Poses
from envs.vector_env import ActionSpace, FactSpec

S = TypeVar("S", bound=tuple[Any, ...])  # NamedTuples of tensors [B, ...]


class Judged(NamedTuple):
    """What came of a step, all `[B]`; `truncated` may be None, as in `Outcome`."""

    state: Any
    reward: Float32[Tensor, "B"]
    terminated: Bool[Tensor, "B"]
    truncated: Bool[Tensor, "B"] | None = None


@runtime_checkable
class StageGuide(Protocol):
    """See `envs.guide.Guide`; reads the rules' state and bodies."""

    def best(self, state: Any, bodies: Bodies) -> Bool[Tensor, "B A"]:
        """Which actions lead to the reward."""


class Stage(ABC, Generic[S]):
    """Things, scripted actors, rewards and resets, as functions of a batch of worlds.

    In every step `act` tells the physics what to do, the physics go on for `substeps`
    time steps, and `judge` sees what came of it. A state holds what the rules remember
    beside the physics. What is drawn by chance is drawn per world: from the numbers of
    `chance`, of which each world has its own.

    Attributes:
        xml: the scene in MuJoCo's XML format.
        camera: name of the camera whose pictures are the frames; empty for none.
        above: name of one that sees all of it from above, for people; empty for none.
        substeps: time steps of the physics in a step of the world.
        lasting: an episode's end cuts time alone: the next begins where the world is.
        actions, max_episode_steps, vector_size: see `NativeWorld`.
    """

    xml: str
    camera: str
    above: str = ""
    substeps: int
    actions: ActionSpace
    max_episode_steps: int
    lasting: bool = False
    vector_size: int = 0

    @property
    def facts(self) -> Mapping[str, FactSpec]:
        """What `describe` tells; most stages say it in a class variable."""
        return {}

    @abstractmethod
    def start(self, num: int, chance: Keyed, previous: S | None) -> tuple[S, Told]:
        """First states of new episodes, and how the physics begin.

        Physics begin in the model's reference state; what `Told` holds is put there.
        """

    @abstractmethod
    def act(
        self,
        state: S,
        bodies: Bodies,
        action: Int64[Tensor, "B"] | Float32[Tensor, "B A"],
        chance: Keyed,
    ) -> tuple[S, Told]:
        """What the rules make of an action, and what the physics are told by it."""

    @abstractmethod
    def judge(self, state: S, bodies: Bodies) -> Judged:
        """The state behind the physics, its reward, and whether that is the end."""

    def sense(self, state: S, bodies: Bodies) -> Float32[Tensor, "B V"] | None:
        """What the agent may see beside the pixels, `vector_size` numbers per env."""
        return None

    def describe(self, state: S, bodies: Bodies) -> Mapping[str, Shaped[Tensor, "B _"]]:
        """Ground truth as declared in `facts`."""
        return {}

    def guide(self) -> StageGuide | None:
        """Who knows the way to its reward; see `NativeWorld.guide`."""
        return None

    def shown(self, state: S, poses: Poses) -> Poses:
        """Colours and lights of each world; without them all look as the XML says."""
        return poses
