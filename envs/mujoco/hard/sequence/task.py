"""Sequence: a panel shows colours one after another, and pads ask for them."""

from collections.abc import Mapping
from typing import NamedTuple, final

import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor

from envs.chance import Keyed
from envs.mujoco.hard.colours import COLOURS, NAMES
from envs.mujoco.hard.layouts import FRONT, Spots, draw_layouts
from envs.mujoco.hard.look import Look
from envs.mujoco.hard.task import WALK, Dot, Errand, Task
from envs.mujoco.physics import Bodies
from envs.mujoco.walking.course import distance, face
from envs.mujoco.walking.gaits import AHEAD, STAY, Steps
from envs.mujoco.walking.walker import Walker
from envs.vector_env import FactSpec

ON = 0.45
"""metres from the middle of a pad or the station, within which a walker is on it"""
READY, LIT, DARK = 6, 3, 1
"""steps for which the panel is white, then shows a colour, then is dark"""
_WHITE = len(NAMES)  # among what the panel shows, behind the colours; dark is last
_WIDE = 0.5  # metres from the middle of pads that the guide keeps
_PALE = 0.45  # of a pad's colour, while it asks for nothing
_DARK = (0.08, 0.08, 0.1)


class SequenceState(NamedTuple):
    """What is remembered of each hall."""

    layout: Int64[Tensor, "B"]
    wanted: Int64[Tensor, "B m"]  # the sequence, as numbers of pads
    clock: Int64[Tensor, "B"]  # steps that the show has lasted; it stays at its end
    on: Int64[Tensor, "B"]  # the pad that the walker is on; n for none
    right: Int64[Tensor, "B"]  # pads so far that were the right ones


@final
class Sequence(Task[SequenceState]):
    """Who stands on the station is shown a sequence of colours, once, on the panel.

    It begins with white, so that there is time to turn to the panel; who leaves the
    station before the end sees it from its beginning when he comes again. Then pads
    glow, and have to be walked over in the sequence's order. With the last one the gate
    opens, for good. At a wrong one they fade, and the station shows it all again.
    The sequence is drawn anew in each episode, no colour twice; pads have the same
    colours everywhere, and other places in each layout.

    Args:
        length: m, colours in a sequence.
        pads: n, how many there are; the first n of `COLOURS`.
        seeds: a hall for each.
        device: where all of it lies.
    """

    def __init__(
        self, length: int, pads: int, seeds: range, device: torch.device | str
    ) -> None:
        spots = Spots(margins=(0.8, *[0.6] * pads), apart=1.3)
        self.layouts = draw_layouts(spots, seeds, device)
        self.gait = Steps(device)
        self.length, self.pads = length, pads
        self.lasts = READY + length * (LIT + DARK)
        self.things = _PANEL + "".join(map(_pad, range(pads)))
        shows = (*COLOURS, (1.0, 1.0, 1.0), _DARK)
        self._shows = torch.tensor(shows, device=device)
        self._number = torch.arange(pads, device=device)
        self._panel = torch.tensor([-FRONT, 0.0], device=device)

    @property
    def facts(self) -> Mapping[str, FactSpec]:
        """See `describe`."""
        whole, names = torch.int64, NAMES[: self.pads]
        return {
            "station": FactSpec((2,), torch.float32, unit="m"),
            "pads": FactSpec((self.pads, 2), torch.float32, unit="m"),
            "sequence": FactSpec((self.length,), whole, names),
            "panel": FactSpec((), whole, (*NAMES, "white", "dark")),
            "shown": FactSpec((), whole, ("no", "yes"), tally=True),
            "right": FactSpec((), whole, tally=True),
        }

    def start(self, layout: Int64[Tensor, "B"], chance: Keyed) -> SequenceState:
        """Nothing was shown."""
        drawn = chance.uniform(len(layout), self.pads)
        zero = torch.zeros_like(layout)
        return SequenceState(
            layout,
            drawn.argsort(1)[:, : self.length],
            zero,
            torch.full_like(layout, self.pads),
            zero,
        )

    def judge(self, state: SequenceState, bodies: Bodies) -> SequenceState:
        """The show goes on for who stands there; pads look who comes."""
        place = Walker.place(bodies)
        watches = distance(self._station(state), place) < ON
        far = distance(self._pads(state), place.unsqueeze(1))
        on = torch.where((far < ON).any(1), far.argmin(1), self.pads)
        asks = self._asks(state)
        entered = asks & (on != state.on) & (on < self.pads)
        good = entered & (on == self._next(state))
        wrong = entered & ~good
        right = (state.right + good).masked_fill(wrong, 0)
        clock = torch.where(watches, state.clock + 1, 0).clamp(max=self.lasts)
        clock = torch.where(state.clock == self.lasts, self.lasts, clock)
        return state._replace(clock=clock.masked_fill(wrong, 0), on=on, right=right)

    def opened(self, state: SequenceState) -> Bool[Tensor, "B"]:
        """All pads were the right ones."""
        return state.right == self.length

    def steps(self, state: SequenceState) -> Int64[Tensor, "B"]:
        """The sequence was shown, and each pad that was right since."""
        return (state.clock == self.lasts).long() + state.right

    def describe(self, state: SequenceState, bodies: Bodies) -> dict[str, Tensor]:
        """Where `station` and `pads` are, the `sequence`, and how far it has come.

        What the `panel` shows, whether the sequence was `shown` to its end, and how
        many pads have been `right` so far.
        """
        return {
            "station": self._station(state),
            "pads": self._pads(state),
            "sequence": state.wanted,
            "panel": self._panel_shows(state),
            "shown": (state.clock == self.lasts).long(),
            "right": state.right,
        }

    def paint(self, state: SequenceState, look: Look) -> None:
        """The panel as it is on, and pads that glow as long as they ask."""
        look.paint("panel", self._shows[self._panel_shows(state)])
        look.put("station", self._station(state))
        colours = self._colours(state)
        for i, place in enumerate(self._pads(state).unbind(1)):
            look.put(f"pad {i}", place)
            look.paint(f"pad {i}", colours[:, i])

    def dots(self, state: SequenceState, bodies: Bodies) -> list[Dot]:
        """The panel at its wall, the station and the pads."""
        panel = self._panel.expand(len(state.layout), -1)
        white = self._shows[_WHITE].expand(len(state.layout), -1)
        dots = [
            Dot(panel, 0.3, self._shows[self._panel_shows(state)]),
            Dot(self._station(state), 0.3, white),
        ]
        pads = zip(
            self._pads(state).unbind(1), self._colours(state).unbind(1), strict=True
        )
        return dots + [Dot(place, ON, colour) for place, colour in pads]

    def errand(self, state: SequenceState, bodies: Bodies) -> Errand:
        """To the station, look at the panel to the end, and then from pad to pad."""
        place, station = Walker.place(bodies), self._station(state)
        asks = state.clock == self.lasts
        row = torch.arange(len(place), device=place.device)
        number = self._next(state)
        pads = self._pads(state)
        aim = torch.where(asks.unsqueeze(1), pads[row, number], station)
        other = asks.unsqueeze(1) & (self._number != number.unsqueeze(1))
        aside = place.unsqueeze(1) - 100.0  # where nothing is in the way
        avoid = torch.where(other.unsqueeze(-1), pads, aside)
        look = face(Walker.facing(bodies), self._panel - place)
        look = torch.where(look == AHEAD, STAY, look)
        watches = ~asks & (distance(station, place) < ON)
        return Errand(
            aim, avoid, _WIDE, torch.where(watches, look, WALK), self.opened(state)
        )

    def _station(self, state: SequenceState) -> Float32[Tensor, "B 2"]:
        return self.layouts.things[state.layout, 0]

    def _pads(self, state: SequenceState) -> Float32[Tensor, "B n 2"]:
        return self.layouts.things[state.layout, 1:]

    def _asks(self, state: SequenceState) -> Bool[Tensor, "B"]:
        return (state.clock == self.lasts) & ~self.opened(state)

    def _next(self, state: SequenceState) -> Int64[Tensor, "B"]:
        """The pad that is asked for; the last one, when all is done."""
        number = state.right.clamp(max=self.length - 1)
        return state.wanted.gather(1, number.unsqueeze(1))[:, 0]

    def _panel_shows(self, state: SequenceState) -> Int64[Tensor, "B"]:
        """White, the number of a colour, or dark, as the clock says."""
        since = state.clock - READY - 1
        which = torch.div(since, LIT + DARK, rounding_mode="floor")
        colour = state.wanted.gather(1, which.clamp(0, self.length - 1).unsqueeze(1))[
            :, 0
        ]
        lit = since % (LIT + DARK) < LIT
        shows = torch.where(lit, colour, _WHITE + 1)
        shows = torch.where(since < 0, _WHITE, shows)
        off = (state.clock == 0) | (state.clock == self.lasts)
        return torch.where(off, _WHITE + 1, shows)

    def _colours(self, state: SequenceState) -> Float32[Tensor, "B n 3"]:
        glow = torch.where(state.clock == self.lasts, 1.0, _PALE)
        return glow.view(-1, 1, 1) * self._shows[: self.pads]


_PANEL = f"""
    <geom name="panel" type="box" size="0.03 0.8 0.5" pos="{-FRONT + 0.03} 0 1.35"/>
    <geom name="station" type="cylinder" size="0.3 0.02" pos="0 0 0.02"
      rgba="0.95 0.95 0.95 1"/>"""


def _pad(number: int) -> str:
    return f'<geom name="pad {number}" type="cylinder" size="0.4 0.02" pos="0 0 0.02"/>'
