"""Where the wall and its door are: the same for ever, or anew for every episode."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol, final, runtime_checkable

import torch
from jaxtyping import Float32
from torch import Tensor


class Layout(NamedTuple):
    """The wall and the door of B envs."""

    wall: Float32[Tensor, "B"]  # x of the wall's middle, pixels
    door: Float32[Tensor, "B"]  # y of the door's middle, pixels


@runtime_checkable
class Layouts(Protocol):
    """Draws where walls and doors are."""

    def draw(self, num_envs: int, generator: torch.Generator) -> Layout:
        """Of as many envs, on the generator's device."""


@final
@dataclass(frozen=True)
class FixedWall:
    """The wall in the middle, the door near its upper end."""

    wall: int = 13
    """column of the wall's middle"""
    door: int = 8
    """row of the door's middle"""

    def __post_init__(self) -> None:
        _check("wall", self.wall, _WALLS)
        _check("door", self.door, _DOORS)

    def draw(self, num_envs: int, generator: torch.Generator) -> Layout:
        """The same for all."""
        wall = torch.full((num_envs,), float(self.wall), device=generator.device)
        return Layout(wall, torch.full_like(wall, float(self.door)))


@final
@dataclass(frozen=True)
class RandomWalls:
    """Wall and door anew for every episode."""

    def draw(self, num_envs: int, generator: torch.Generator) -> Layout:
        """Any column and row that leave room, all alike."""
        device = generator.device

        def any_of(allowed: range) -> Tensor:
            shape = (num_envs,)
            at = torch.randint(
                allowed.start, allowed.stop, shape, generator=generator, device=device
            )
            return at.float()

        return Layout(any_of(_WALLS), any_of(_DOORS))


_WALLS, _DOORS = range(8, 20), range(6, 22)


def _check(name: str, value: int, allowed: range) -> None:
    if value not in allowed:
        raise ValueError(
            f"{name} must be {allowed.start} to {allowed.stop - 1}, not {value}"
        )
