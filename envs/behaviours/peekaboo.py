"""An actor that hides from the gaze, and peeks."""

from math import pi
from typing import ClassVar, final

import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from envs.behaviours.behaviour import SPEED, Behaviour, Form, Look, anywhere, away_from
from envs.chance import Chance

PATIENCE = 3
"""steps under the gaze that the actor bears before it hides"""
HIDDEN, PEEK = 12, 8
"""then it makes for the cover for 12 steps, for its peephole for 8, and so on"""
HURRY = 0.2
"""how far it goes in one step on the way to the cover; else `SPEED`"""
BEHIND = 0.15
"""it is hidden where it is nearer than this to the middle of the cover"""
PEEPHOLE = 0.4
"""how far from the middle of the cover it peeks"""
COVER = 0.5
"""covers are within ±0.5"""
LEAST = 0.6
"""how far its home is from its cover, at least"""


@final
class Peekaboo(Behaviour):
    """An actor at home, until it is looked at; then it goes behind a cover.

    It bears the gaze for 3 steps, makes for the cover and stays there until 12 have
    passed, makes for its peephole and stays there until 8 have passed, and goes on like
    that, hiding and peeking, as long as it is watched. As soon as it is not, it makes
    for its home. So it answers to the gaze, and a steady gaze never sees it come home.

    Args:
        stochastic: where around the cover the peephole is, is drawn for each time it
            hides; else it stays where it is, and nothing is left to chance.
        aside: the peephole is left or right of the cover (along x), where a gaze from
            afar (along y) sees it; else in any direction.
    """

    looks: ClassVar[tuple[Look, ...]] = (
        Look((250, 190, 90), 0.15),
        Look((125, 95, 200), 0.22, Form.COVER),
    )
    size = 9  # the actor, the cover, home, the peephole, steps under the gaze so far
    elusive = True
    wary = True

    def __init__(self, stochastic: bool, aside: bool = False) -> None:
        self.stochastic, self.aside = stochastic, aside

    def start(self, num: int, chance: Chance) -> Float32[Tensor, "num F"]:
        """At home, at some distance from the cover."""
        cover = anywhere((num,), chance, COVER)
        home = away_from(cover, LEAST, chance)
        never = torch.zeros_like(cover[:, :1])
        peephole = self._peepholes(cover, chance)
        return torch.cat([home, cover, home, peephole, never], 1)

    def step(
        self,
        state: Float32[Tensor, "num F"],
        watched: Bool[Tensor, "num"],
        chance: Chance,
    ) -> Float32[Tensor, "num F"]:
        """A step to the home, the cover or the peephole."""
        actor, cover, home, peephole, gazed = state.split((2, 2, 2, 2, 1), 1)
        gazed = (gazed + 1) * watched.unsqueeze(1)
        since = (gazed - PATIENCE - 1) % (HIDDEN + PEEK)
        flees = gazed > PATIENCE
        hides = flees & (since < HIDDEN)
        if self.stochastic:
            begins = flees & (since == 0)
            peephole = torch.where(begins, self._peepholes(cover, chance), peephole)
        aim = torch.where(hides, cover, torch.where(flees, peephole, home))
        speed = torch.where(hides, HURRY, SPEED)
        way = aim - actor
        length = torch.linalg.vector_norm(way, dim=-1, keepdim=True)
        actor = torch.addcdiv(actor, way * speed, torch.maximum(length, speed))
        return torch.cat([actor, cover, home, peephole, gazed], 1)

    def seen(self, state: Float32[Tensor, "num F"]) -> Bool[Tensor, "num 2"]:
        """The cover always, the actor where it is not behind it."""
        way = state[:, :2] - state[:, 2:4]
        apart = torch.linalg.vector_norm(way, dim=-1, keepdim=True) >= BEHIND
        return torch.cat([apart, torch.ones_like(apart)], 1)

    def _peepholes(
        self, cover: Float32[Tensor, "num 2"], chance: Chance
    ) -> Float32[Tensor, "num 2"]:
        """Places around covers, in uniform directions, or beside them."""
        turn = chance.uniform(len(cover), 1)
        if self.aside:
            turn = (2 * turn).floor() / 2
        angle = 2 * pi * turn
        return cover + PEEPHOLE * torch.cat([angle.cos(), angle.sin()], 1)
