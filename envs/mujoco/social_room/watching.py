"""A hard-coded gaze for each group of a room, from where the room is now."""

from collections.abc import Mapping
from sys import maxsize
from typing import NamedTuple, final

import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from envs.attention.watching import LOOK, TURN_AWAY
from envs.chance import Keyed
from envs.mujoco.physics import Bodies, Told
from envs.mujoco.renderers.renderer import Poses
from envs.mujoco.social_room.room import SocialRoom, SocialState
from envs.mujoco.stage import Judged, Stage
from envs.vector_env import FactSpec

_STAY = 0


class WatchingState(NamedTuple):
    """A `SocialState`, and the time."""

    room: SocialState
    clock: Int64[Tensor, "B"]  # steps since the gaze was fixed


@final
class Watching(Stage[WatchingState]):
    """n copies of each of B rooms, with the gaze on another group in each.

    Env n b + g goes on from room b, and keeps its gaze on the box of group g, from
    where the agent was, whatever the action. A gaze on a wary group (peekaboo) turns to
    a sector opposite for 20 steps out of 60. Episodes have no end. See
    `envs.attention.watching.Watching`, which does the same in the plane.

    Args:
        room: the rules.
        state: where the B rooms are now; it is read only.
    """

    camera, above = SocialRoom.camera, SocialRoom.above
    substeps, lasting = SocialRoom.substeps, True
    max_episode_steps = maxsize

    def __init__(self, room: SocialRoom, state: SocialState) -> None:
        self.room, self.xml, self.actions = room, room.xml, room.actions
        self.vector_size = room.vector_size
        num, device = room.groups.num, state.heading.device
        wary = [x.behaviour.wary for x in room.groups.kinds for _ in range(x.count)]
        self._wary = torch.tensor(wary, device=device).repeat(len(state.heading))
        sector = state.sector.flatten()  # of the group that a copy watches
        place = state.place.repeat_interleave(num, 0)
        self._look = room.layout.towards(sector, place)
        self._away = room.layout.towards((sector + num // 2) % num, place)
        self._first = SocialState(*[x.repeat_interleave(num, 0) for x in state])

    @property
    def facts(self) -> Mapping[str, FactSpec]:
        """Those of the room."""
        return self.room.facts

    def start(
        self, num: int, chance: Keyed, previous: WatchingState | None
    ) -> tuple[WatchingState, Told]:
        """Where the rooms were, with the gaze on the groups."""
        return self._at(self._first, torch.zeros_like(self._look))

    def act(
        self,
        state: WatchingState,
        bodies: Bodies,
        action: Int64[Tensor, "B"],
        chance: Keyed,
    ) -> tuple[WatchingState, Told]:
        """All objects move as they do in the room."""
        stay = torch.full_like(action, _STAY)
        after, _ = self.room.act(state.room, bodies, stay, chance)
        return self._at(after, state.clock + 1)

    def _at(
        self, room: SocialState, clock: Int64[Tensor, "B"]
    ) -> tuple[WatchingState, Told]:
        """The gaze at that time."""
        aside = self._wary & (clock % (LOOK + TURN_AWAY) >= LOOK)
        turned = self.room.turned(room, torch.where(aside, self._away, self._look))
        return WatchingState(turned, clock), self.room.told(turned)

    def judge(self, state: WatchingState, bodies: Bodies) -> Judged:
        """Nothing is paid, and nothing ends."""
        return self.room.judge(state.room, bodies)._replace(state=state)

    def sense(self, state: WatchingState, bodies: Bodies) -> Float32[Tensor, "B V"]:
        """What the agent may feel, as in the room."""
        return self.room.sense(state.room, bodies)

    def describe(self, state: WatchingState, bodies: Bodies) -> dict[str, Tensor]:
        """Facts, as in the room."""
        return self.room.describe(state.room, bodies)

    def shown(self, state: WatchingState, poses: Poses) -> Poses:
        """Colours and lamps, as in the room."""
        return self.room.shown(state.room, poses)
