"""A chaser, and a runner that escapes from walls."""

from typing import ClassVar, final

import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from envs.behaviours.behaviour import SPEED, Behaviour, Look, anywhere, towards
from envs.chance import Chance

CHASE = 0.12
"""how far the chaser goes in one step; the runner goes `SPEED`"""
ESCAPE = 0.25
"""how far an escaping runner goes in one step"""
WALL = 0.95
"""a runner is at a wall where its x or y is beyond this"""
NEAR = 0.4
"""a runner at a wall escapes from a chaser that is nearer than this"""
CORNER = 0.7
"""the four points of escape are at (±0.7, ±0.7)"""


@final
class Chasing(Behaviour):
    """A runner flees straight from a chaser that is a little faster.

    At a wall, with the chaser near, the runner chooses one of four points, runs there
    fast and straight, whatever the chaser does, and flees again from there. It chooses
    the one farthest from the chaser.

    Args:
        stochastic: the four points are drawn anew for each escape, uniformly within
            ±0.8; else they are the same always.
        jitter: in the choice, a number uniform in [0, jitter] is added to each of the
            four distances; at 0, without `stochastic`, nothing is left to chance.
        device: of the states.

    Raises:
        ValueError: jitter is negative or not finite.
    """

    looks: ClassVar[tuple[Look, ...]] = (
        Look((90, 220, 120), 0.13),
        Look((240, 60, 150), 0.17),
    )
    size = 7  # the runner, the chaser, whether the runner escapes, and where to

    def __init__(
        self, stochastic: bool, jitter: float, device: torch.device | str
    ) -> None:
        if not 0.0 <= jitter < float("inf"):
            raise ValueError(f"jitter must be 0 or more, not {jitter}")
        self.stochastic, self.jitter = stochastic, jitter
        ends = (-CORNER, CORNER)
        corners = [[x, y] for x in ends for y in ends]
        self._corners = torch.tensor([corners], device=device)

    def start(self, num: int, chance: Chance) -> Float32[Tensor, "num F"]:
        """Both anywhere."""
        places = anywhere((num, 2), chance).flatten(1)
        return torch.cat([places, torch.zeros_like(places[:, :3])], 1)

    def step(
        self,
        state: Float32[Tensor, "num F"],
        watched: Bool[Tensor, "num"],
        chance: Chance,
    ) -> Float32[Tensor, "num F"]:
        """Both move at once: each sees where the other was."""
        runner, chaser, escapes, aim = state.split((2, 2, 1, 2), 1)
        away = runner - chaser
        distance = torch.linalg.vector_norm(away, dim=-1, keepdim=True)
        at_wall = runner.abs().amax(1, keepdim=True) > WALL
        begins = at_wall & (distance < NEAR) & (escapes == 0)
        aim = torch.where(begins, self._choose(chaser, chance), aim)
        escapes = begins | (escapes > 0)
        left = torch.linalg.vector_norm(aim - runner, dim=-1, keepdim=True)
        flees = torch.addcdiv(runner, away, distance.clamp_min(1e-6), value=SPEED)
        there = torch.where(escapes, towards(runner, aim, ESCAPE), flees.clamp(-1, 1))
        after = towards(chaser, runner, CHASE)
        return torch.cat([there, after, escapes & (left > ESCAPE), aim], 1)

    def _choose(
        self, chaser: Float32[Tensor, "num 2"], chance: Chance
    ) -> Float32[Tensor, "num 2"]:
        """Of four points the one that is farthest from the chaser, or seems so."""
        points = self._corners
        if self.stochastic:
            points = anywhere((len(chaser), 4), chance)
        far = torch.linalg.vector_norm(points - chaser.unsqueeze(1), dim=-1)
        if self.jitter > 0:
            far = far + self.jitter * chance.uniform(*far.shape)
        chosen = far.argmax(1).view(-1, 1, 1).expand(-1, 1, 2)
        return points.expand(len(chaser), -1, -1).gather(1, chosen)[:, 0]
