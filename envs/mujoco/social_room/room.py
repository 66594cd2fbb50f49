"""The social room: others who do as they do, and a gaze that turns amid them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, final

import mujoco
import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor

from envs.behaviours.behaviour import MOST
from envs.behaviours.groups import Kind
from envs.behaviours.together import Together
from envs.chance import Keyed
from envs.gaze import FREQUENCIES, HEADINGS, compass
from envs.mujoco.physics import Bodies, Told
from envs.mujoco.renderers.renderer import Poses
from envs.mujoco.social_room.frustum import within
from envs.mujoco.social_room.furniture import FOVY, room, tall
from envs.mujoco.social_room.layout import Layout
from envs.mujoco.social_room.legs import Legs, Standing, Walking
from envs.mujoco.social_room.styles import Styles
from envs.mujoco.stage import Judged, Stage
from envs.vector_env import FactSpec

LEAST, MOST_SECTORS = 4, 8
_SAW_IT_MOVE = 1e-3  # metres in a step, beyond which somebody turns to where it goes


class SocialState(NamedTuple):
    """The gaze, which group stands where, what all do, and how all look."""

    heading: Int64[Tensor, "B"]  # in steps of 12 degrees
    place: Float32[Tensor, "B 2"]  # of the agent, in metres from the middle
    sector: Int64[Tensor, "B n"]  # in which each group stands
    watched: Bool[Tensor, "B n"]  # the group that the gaze is on
    doing: Float32[Tensor, "B F"]  # states of all groups, side by side
    facing: Float32[Tensor, "B N"]  # where each object looks, in radians
    style: Float32[Tensor, "B S"]


@final
class SocialRoom(Stage[SocialState]):
    """An agent in the middle of a room turns its gaze among groups of others.

    After γ-Progress (Kim et al. 2020, arXiv 2007.07853), in three dimensions. In each
    sector a group follows rules of its own, those of the attention world, seen or
    unseen. Which group stands in which sector, and what makes groups differ, is drawn
    per world when it first begins. Nothing is ever rewarded. The end of an episode cuts
    time only.

    What the agent may feel (`sense`): sin and cos of 1, 2, 4 and 8 times its heading;
    its place in metres, if it walks; with `coordinates` also, as in the attention
    world, which group is in view, one-hot, x and y by group and object, and which of
    them are seen.

    Args:
        kinds: the groups by behaviour, four to eight in all.
        coordinates: whether the vector has them.
        varied: each world has colours, a lamp and an eye of its own.
        poses: tell `positions` and `facing` of all objects, and where the eye is.
        walks: the agent can walk, see `Walking`; else it stands in the middle.
        max_episode_steps: steps until an episode is cut.
        device: where all of it lies.

    Raises:
        ValueError: there are fewer groups, or more, or an episode has no step.
    """

    camera, above = "eye", "above"
    substeps = 1
    lasting = True

    def __init__(
        self,
        kinds: Sequence[Kind],
        coordinates: bool,
        varied: bool,
        poses: bool,
        walks: bool,
        max_episode_steps: int,
        device: torch.device | str,
    ) -> None:
        if max_episode_steps < 1:
            raise ValueError(
                f"max_episode_steps must be 1 or more, not {max_episode_steps}"
            )
        self.groups = groups = Together(kinds, device)
        if not LEAST <= groups.num <= MOST_SECTORS:
            raise ValueError(
                f"{LEAST} to {MOST_SECTORS} groups stand in as many sectors: not "
                f"{groups.num}"
            )
        self.coordinates, self.varied, self.poses = coordinates, varied, poses
        self.max_episode_steps = max_episode_steps
        self.layout = Layout(groups.num, device)
        self.xml = room(self.layout, groups.looks)
        model = mujoco.MjModel.from_xml_string(self.xml)
        self._styles = Styles(model, device)
        self._eye = int(model.camera(self.camera).id)
        felt = groups.num * (1 + 3 * MOST) if coordinates else 0
        self.legs: Legs = Walking(self.layout, device) if walks else Standing()
        self.actions = self.legs.actions
        self.vector_size = 2 * len(FREQUENCIES) + self.legs.felt + felt
        self._turns = torch.tensor(self.legs.turns, device=device)
        self._compass = compass(device)
        self._object = groups.exist.flatten().nonzero()[:, 0]  # those that there are
        heights = [
            [tall(look, self.layout.half) / 2 for look in group]
            + [0.0] * (MOST - len(group))
            for group in groups.looks
        ]
        self._middle = torch.tensor(heights, device=device)

    @property
    def facts(self) -> Mapping[str, FactSpec]:
        """See `describe`."""
        whole, num = torch.int64, self.groups.num
        facts = {
            "in_view": FactSpec((), whole, self.groups.names),
            "heading": FactSpec((), whole),
            "sector": FactSpec((num,), whole),
            "places": FactSpec((num, MOST, 2), torch.float32),
            "there": FactSpec((num, MOST), torch.bool),
            "seen": FactSpec((num, MOST), torch.bool),
        }
        if self.poses:
            facts["positions"] = FactSpec((num, MOST, 3), torch.float32, unit="m")
            facts["facing"] = FactSpec((num, MOST), torch.float32)
            facts["eye"] = FactSpec((3,), torch.float32, unit="m")
        return facts

    def start(
        self, num: int, chance: Keyed, previous: SocialState | None
    ) -> tuple[SocialState, Told]:
        """A room of its own for each world; all look at the agent."""
        sector = chance.uniform(num, self.groups.num).argsort(1)
        heading = (HEADINGS * chance.uniform(num)).long()
        doing = self.groups.start(num, chance)
        style = chance.uniform(num, self._styles.size)
        if not self.varied:
            style = torch.full_like(style, 0.5)
        at = self._at(doing, sector)
        facing = torch.atan2(-at[..., 1], -at[..., 0])
        place = torch.zeros(num, 2, device=chance.device)
        watched = self.layout.watched(heading, sector, place)
        state = SocialState(heading, place, sector, watched, doing, facing, style)
        return state, self.told(state)

    def act(
        self,
        state: SocialState,
        bodies: Bodies,
        action: Int64[Tensor, "B"],
        chance: Keyed,
    ) -> tuple[SocialState, Told]:
        """All objects move; those that mind the gaze saw it where it was."""
        heading = (state.heading + self._turns[action]) % HEADINGS
        doing = self.groups.step(state.doing, state.watched, chance)
        way = self._at(doing, state.sector) - self._at(state.doing, state.sector)
        moves = way.abs().amax(-1) > _SAW_IT_MOVE
        facing = torch.atan2(way[..., 1], way[..., 0])
        facing = torch.where(moves, facing, state.facing)
        place = self.legs.walk(state.place, self.layout.angle(heading), action)
        after = state._replace(place=place, doing=doing, facing=facing)
        after = self.turned(after, heading)
        return after, self.told(after)

    def turned(self, state: SocialState, heading: Int64[Tensor, "B"]) -> SocialState:
        """The same with the gaze elsewhere."""
        watched = self.layout.watched(heading, state.sector, state.place)
        return state._replace(heading=heading, watched=watched)

    def told(self, state: SocialState) -> Told:
        """What puts head and bodies where the rules have them, as the XML has them."""
        at = self._at(state.doing, state.sector)
        on_floor = torch.cat([at, torch.zeros_like(at[..., :1])], -1)
        high = self._styles.eye(state.style)
        head = torch.cat([state.place, high.unsqueeze(1)], 1).unsqueeze(1)
        yaw, pitch = (
            self.layout.angle(state.heading) / 2,
            self._styles.pitch(state.style) / 2,
        )
        turned = torch.stack(
            [
                yaw.cos() * pitch.cos(),
                -yaw.sin() * pitch.sin(),
                yaw.cos() * pitch.sin(),
                yaw.sin() * pitch.cos(),
            ],
            1,
        )
        half = state.facing / 2
        flat = torch.zeros_like(half)
        upright = torch.stack([half.cos(), flat, flat, half.sin()], -1)
        return Told(
            mocap_pos=torch.cat([head, on_floor], 1),
            mocap_quat=torch.cat([turned.unsqueeze(1), upright], 1),
        )

    def judge(self, state: SocialState, bodies: Bodies) -> Judged:
        """Nothing is paid, and nothing ends."""
        nothing = torch.zeros_like(state.heading, dtype=torch.float32)
        return Judged(state, nothing, torch.zeros_like(state.heading, dtype=torch.bool))

    def sense(self, state: SocialState, bodies: Bodies) -> Float32[Tensor, "B V"]:
        """The heading and, if so, group in view and coordinates: see the class."""
        felt = self._compass.index_select(0, state.heading)
        if self.legs.felt:
            felt = torch.cat([felt, state.place], 1)
        if not self.coordinates:
            return felt
        seen = self.seen(state, bodies)
        where = self.groups.coordinates(state.doing, seen)
        return torch.cat([felt, state.watched, where.flatten(1), seen.flatten(1)], 1)

    def describe(self, state: SocialState, bodies: Bodies) -> dict[str, Tensor]:
        """The group in view, the heading, and all that goes on, seen or not.

        `sector` is where each group stands; `places` by group and object are local to
        the group's box; `there` tells those that exist and are not hidden; `seen` those
        of them whose middle is in the frame, whatever stands before it. Of `poses`:
        `positions` on the floor in metres, `facing` in radians, 0 for what does not
        exist, and `eye`.
        """
        told = {
            "in_view": state.watched.byte().argmax(1),
            "heading": state.heading,
            "sector": state.sector,
            "places": self.groups.places(state.doing),
            "there": self.groups.there(state.doing),
            "seen": self.seen(state, bodies),
        }
        if self.poses:
            num = len(state.heading), self.groups.num, MOST
            told["positions"] = self._everywhere(bodies)
            facing = torch.zeros(num, device=state.facing.device).flatten(1)
            facing[:, self._object] = state.facing
            told["facing"] = facing.view(num)
            told["eye"] = bodies.camera_pos[:, self._eye]
        return told

    def seen(self, state: SocialState, bodies: Bodies) -> Bool[Tensor, "B n M"]:
        """Which objects are there, with their middle in the frame."""
        point = self._everywhere(bodies)
        point = torch.cat(
            [point[..., :2], point[..., 2:] + self._middle[..., None]], -1
        )
        eye = bodies.camera_pos[:, self._eye], bodies.camera_mat[:, self._eye]
        return self.groups.there(state.doing) & within(point, *eye, FOVY)

    def shown(self, state: SocialState, poses: Poses) -> Poses:
        """The colours and the lamp of each world, where they differ."""
        return self._styles.worn(state.style, poses) if self.varied else poses

    def _at(
        self, doing: Float32[Tensor, "B F"], sector: Int64[Tensor, "B n"]
    ) -> Float32[Tensor, "B N 2"]:
        """X and y in the room, in metres, of all objects that there are."""
        metres = self.layout.metres(self.groups.places(doing), sector)
        return metres.flatten(1, 2).index_select(1, self._object)

    def _everywhere(self, bodies: Bodies) -> Float32[Tensor, "B n M 3"]:
        """Positions by group and object, as the physics have them; 0 of nobody."""
        num = len(bodies.body_pos), self.groups.num, MOST
        at = torch.zeros(*num, 3, device=bodies.body_pos.device).flatten(1, 2)
        at[:, self._object] = bodies.body_pos[:, -len(self._object) :]
        return at.view(*num, 3)
