"""A hard-coded gaze for each group of a world, from where the world is now."""

from collections.abc import Mapping
from sys import maxsize
from typing import NamedTuple, final

import torch
from jaxtyping import Bool, Float32, Int64, UInt8
from torch import Tensor

from envs.attention.world import AttentionState, AttentionWorld
from envs.behaviours.groups import GROUPS
from envs.gaze import MIDDLE
from envs.native_env import NativeWorld, Outcome
from envs.vector_env import FactSpec

LOOK, TURN_AWAY = 40, 20
"""a wary group is looked at for 40 steps, then not for 20, and so on"""


class WatchingState(NamedTuple):
    """An `AttentionState`, and the time."""

    heading: Int64[Tensor, "B"]
    quadrant: Int64[Tensor, "B 4"]
    watched: Bool[Tensor, "B 4"]
    doing: Float32[Tensor, "B F"]
    clock: Int64[Tensor, "B"]  # steps since the gaze was fixed


@final
class Watching(NativeWorld[WatchingState]):
    """Four copies of each of B worlds, with the gaze on another group in each.

    Env 4b + g goes on from world b, and keeps its gaze in the middle of the quadrant of
    group g, whatever the action. A gaze on a wary group (peekaboo), whose actor answers
    to it, turns to the opposite quadrant for 20 steps out of 60, which is time to go
    home: so the actor is seen there, hiding, peeking, and there again. Episodes have no
    end.

    Args:
        world: the rules.
        state: where the B worlds are now; it is read only.
    """

    max_episode_steps = maxsize

    def __init__(self, world: AttentionWorld, state: AttentionState) -> None:
        self.world = world
        self.obs_shape, self.actions = world.obs_shape, world.actions
        self.vector_size = world.vector_size
        wary = [x.behaviour.wary for x in world.kinds for _ in range(x.count)]
        device = state.heading.device
        quadrant = state.quadrant.flatten()  # of the group that a copy watches
        middle = torch.tensor(MIDDLE, device=device)
        self._look, self._away = middle[quadrant], middle[(quadrant + 2) % GROUPS]
        self._wary = torch.tensor(wary, device=device).repeat(len(state.heading))
        self._first = AttentionState(*[x.repeat_interleave(GROUPS, 0) for x in state])

    @property
    def facts(self) -> Mapping[str, FactSpec]:
        """Those of the world."""
        return self.world.facts

    def start(
        self,
        num_envs: int,
        generator: torch.Generator,
        previous: WatchingState | None,
    ) -> WatchingState:
        """Where the worlds were, with the gaze on the groups; later whatever is."""
        if previous is not None:
            return previous
        return self._at(torch.zeros_like(self._look), self._first.doing)

    def transition(
        self,
        state: WatchingState,
        action: Int64[Tensor, "B"],
        generator: torch.Generator,
    ) -> Outcome:
        """All objects move as they do in the world."""
        doing = self.world.go_on(_plain(state), generator)
        after = self._at(state.clock + 1, doing)
        nothing = torch.zeros_like(after.heading, dtype=torch.float32)
        return Outcome(after, nothing, torch.zeros_like(self._wary))

    def _at(
        self, clock: Int64[Tensor, "B"], doing: Float32[Tensor, "B F"]
    ) -> WatchingState:
        """The gaze at that time, on objects that do that."""
        aside = self._wary & (clock % (LOOK + TURN_AWAY) >= LOOK)
        heading = torch.where(aside, self._away, self._look)
        quadrant = self._first.quadrant
        watched = self.world.watched(heading, quadrant)
        return WatchingState(heading, quadrant, watched, doing, clock)

    def render(self, state: WatchingState) -> UInt8[Tensor, "B C S S"]:
        """What the gaze sees, as in the world."""
        return self.world.render(_plain(state))

    def sense(self, state: WatchingState) -> Float32[Tensor, "B V"]:
        """What the agent may see, as in the world."""
        return self.world.sense(_plain(state))

    def describe(self, state: WatchingState) -> Mapping[str, Tensor]:
        """Facts, as in the world."""
        return self.world.describe(_plain(state))


def _plain(state: WatchingState) -> AttentionState:
    return AttentionState(*state[:-1])
