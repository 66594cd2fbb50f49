"""The attention world: four quadrants, four groups of objects, and one gaze."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, final

import torch
from jaxtyping import Bool, Float32, Int64, UInt8
from torch import Tensor

from envs.attention.drawing import Drawing, Plan
from envs.behaviours.behaviour import MOST
from envs.behaviours.groups import GROUPS, Kind
from envs.behaviours.together import Together
from envs.chance import Stream
from envs.gaze import ACTIONS, HEADINGS, TURNS, compass, quadrants
from envs.native_env import NativeWorld, Outcome
from envs.vector_env import DiscreteActions, FactSpec


class AttentionState(NamedTuple):
    """Where the gaze goes, which group stands where, and what all of them do."""

    heading: Int64[Tensor, "B"]  # in steps of 12 degrees
    quadrant: Int64[Tensor, "B 4"]  # in which each group stands
    watched: Bool[Tensor, "B 4"]  # the group that the heading looks at
    doing: Float32[Tensor, "B F"]  # states of all groups, side by side


@final
class AttentionWorld(NativeWorld[AttentionState]):
    """A gaze in the middle of four quadrants, one of which it sees.

    After γ-Progress (Kim et al. 2020, arXiv 2007.07853). In each quadrant a group of
    objects follows rules of its own, seen or unseen. Which group stands in which
    quadrant, and the ends, anchors and covers of the groups, are drawn per env when it
    first begins. Nothing is ever rewarded. The end of an episode cuts time only: the
    next one begins where the world stands.

    What the agent may see (`sense`), 60 numbers:

    - 0 to 8: sin and cos of 1, 2, 4 and 8 times the heading, `sin 1, cos 1, sin 2, …`;
    - 8 to 12: which group is in view, one-hot;
    - 12 to 44: x and y by group and object, 0 for what is not seen;
    - 44 to 60: 1 by group and object for what is seen: it exists, it is not hidden, and
      the gaze is on its quadrant.

    Args:
        kinds: the groups by behaviour, four in all; group 0 is of the first kind.
        pixels: S, rows and columns of a frame; 0 draws nothing, [1, 1, 1].
        coordinates: whether the vector has them and their masks; else it is 12 long.
        max_episode_steps: steps until an episode is cut.
        device: where all of it lies.

    Raises:
        ValueError: there are not four groups, one has too many objects or too small a
            state, or a number is out of its range.
    """

    actions = DiscreteActions(len(ACTIONS), ACTIONS)

    def __init__(
        self,
        kinds: Sequence[Kind],
        pixels: int,
        coordinates: bool,
        max_episode_steps: int,
        device: torch.device | str,
    ) -> None:
        groups = Together(kinds, device)
        if groups.num != GROUPS:
            raise ValueError(f"Four groups stand in four quadrants: not {groups.num}")
        if pixels < 0 or 0 < pixels < 8:
            raise ValueError(f"pixels must be 0 or at least 8, not {pixels}")
        if max_episode_steps < 1:
            raise ValueError(
                f"max_episode_steps must be 1 or more, not {max_episode_steps}"
            )
        self.groups, self.kinds, self.names = groups, groups.kinds, groups.names
        self.coordinates, self.max_episode_steps = coordinates, max_episode_steps
        self.obs_shape = (3, pixels, pixels) if pixels else (1, 1, 1)
        self.vector_size = 12 + (3 * GROUPS * MOST if coordinates else 0)
        self._drawing = Drawing(groups.looks, pixels, device) if pixels else None
        self._plan = Plan(groups.looks, device)
        self.above_shape = self._plan.shape
        # Everything looked up by heading, action or group lies on the device.
        self._turns = torch.tensor(TURNS, device=device)
        self._quadrant, self._compass = quadrants(device), compass(device)

    @property
    def facts(self) -> Mapping[str, FactSpec]:
        """See `describe`."""
        whole = torch.int64
        return {
            "in_view": FactSpec((), whole, self.names),
            "heading": FactSpec((), whole),
            "quadrant": FactSpec((GROUPS,), whole),
            "places": FactSpec((GROUPS, MOST, 2), torch.float32),
            "there": FactSpec((GROUPS, MOST), torch.bool),
        }

    def start(
        self,
        num_envs: int,
        generator: torch.Generator,
        previous: AttentionState | None,
    ) -> AttentionState:
        """The first time a world of its own for each env; later whatever there is."""
        if previous is not None:
            return previous
        device = generator.device
        drawn = torch.rand(num_envs, GROUPS, generator=generator, device=device)
        quadrant = drawn.argsort(1)
        shape = (num_envs,)
        heading = torch.randint(HEADINGS, shape, generator=generator, device=device)
        doing = self.groups.start(num_envs, Stream(generator))
        watched = self.watched(heading, quadrant)
        return AttentionState(heading, quadrant, watched, doing)

    def transition(
        self,
        state: AttentionState,
        action: Int64[Tensor, "B"],
        generator: torch.Generator,
    ) -> Outcome:
        """All objects move; those that mind the gaze saw it where it was."""
        heading = (state.heading + self._turns[action]) % HEADINGS
        watched = self.watched(heading, state.quadrant)
        doing = self.go_on(state, generator)
        after = AttentionState(heading, state.quadrant, watched, doing)
        nothing = torch.zeros_like(heading, dtype=torch.float32)
        return Outcome(after, nothing, torch.zeros_like(heading, dtype=torch.bool))

    def go_on(
        self, state: AttentionState, generator: torch.Generator
    ) -> Float32[Tensor, "B F"]:
        """What all groups do next, under the gaze of `state`."""
        return self.groups.step(state.doing, state.watched, Stream(generator))

    def watched(
        self, heading: Int64[Tensor, "B"], quadrant: Int64[Tensor, "B 4"]
    ) -> Bool[Tensor, "B 4"]:
        """Which group stands in the quadrant that a heading looks into."""
        return quadrant == self._quadrant.index_select(0, heading).unsqueeze(1)

    def places(self, state: AttentionState) -> Float32[Tensor, "B 4 M 2"]:
        """Where all objects are, hidden or not; 0 for objects that do not exist."""
        return self.groups.places(state.doing)

    def there(self, state: AttentionState) -> Bool[Tensor, "B 4 M"]:
        """Which objects exist and are not hidden."""
        return self.groups.there(state.doing)

    def render(self, state: AttentionState) -> UInt8[Tensor, "B C S S"]:
        """The quadrant in view, from above; see `Drawing`."""
        if self._drawing is None:
            shape = (len(state.heading), *self.obs_shape)
            return torch.zeros(shape, dtype=torch.uint8, device=state.heading.device)
        env = torch.arange(len(state.heading), device=state.heading.device)
        group = _in_view(state)
        return self._drawing.draw(
            self._quadrant[state.heading],
            group,
            self.places(state)[env, group],
            self.there(state)[env, group],
        )

    def above(self, state: AttentionState) -> UInt8[Tensor, "B 3 H W"]:
        """All four quadrants, and the gaze; see `Plan`."""
        return self._plan.draw(
            state.heading, state.quadrant, self.places(state), self.there(state)
        )

    def sense(self, state: AttentionState) -> Float32[Tensor, "B V"]:
        """Heading, group in view and, if so, the coordinates: see the class."""
        felt = self._compass.index_select(0, state.heading)
        if not self.coordinates:
            return torch.cat([felt, state.watched], 1)
        seen = self.there(state) & state.watched.unsqueeze(-1)
        where = self.groups.coordinates(state.doing, seen)
        return torch.cat([felt, state.watched, where.flatten(1), seen.flatten(1)], 1)

    def describe(self, state: AttentionState) -> dict[str, Tensor]:
        """The group in view, the heading, and all that goes on, seen or not.

        `quadrant` is where each group stands, `places` by group and object are local to
        the group's quadrant, `there` tells those that exist and are not hidden.
        """
        return {
            "in_view": _in_view(state),
            "heading": state.heading,
            "quadrant": state.quadrant,
            "places": self.places(state),
            "there": self.there(state),
        }


def _in_view(state: AttentionState) -> Int64[Tensor, "B"]:
    """The group that is watched, by number."""
    return state.watched.byte().argmax(1)
