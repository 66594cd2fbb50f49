"""Aimless walks: steps of uniform length whose angles scatter around a heading."""

from collections.abc import Mapping
from functools import cache
from math import pi
from typing import final

import torch
from jaxtyping import Float32
from torch import Tensor

from envs.toys.dots import REACH
from envs.vector_env import Step

CONCENTRATION = 0.2
"""κ: a heading is taken 1.5 times as often as the direction opposite to it"""
_QUANTILES = 4096
_FINE = 16 * _QUANTILES


def von_mises(
    shape: tuple[int, ...], concentration: float, generator: torch.Generator
) -> Float32[Tensor, "*shape"]:
    """Angles around 0, in radians, of density `e^(κ cos x) / 2π I₀(κ)`.

    Uniform numbers go through the inverse of the distribution function, tabulated at
    4,097 places: no draw is rejected, so that nobody waits for a GPU.

    Args:
        concentration: κ, 0 (all angles alike) to 10; the table is too coarse beyond.
        generator: of the draws; angles lie on its device.

    Raises:
        ValueError: κ is out of its range.
    """
    if not 0.0 <= concentration <= 10.0:
        raise ValueError(f"concentration must be 0 to 10, not {concentration}")
    angles = inverse_distribution(concentration, generator.device)
    share = torch.rand(shape, generator=generator, device=generator.device)
    at = _QUANTILES * share
    below = at.long().clamp(max=_QUANTILES - 1)
    return torch.lerp(angles[below], angles[below + 1], at - below)


@cache
def inverse_distribution(
    concentration: float, device: torch.device
) -> Float32[Tensor, "places"]:
    """Angles in radians, below which 0, 1/4096, … 1 of all lie; kept on the device."""
    with torch.inference_mode(False):
        angle = torch.linspace(-pi, pi, _FINE + 1, dtype=torch.float64)
        below = torch.cumulative_trapezoid(torch.exp(concentration * angle.cos()))
        below = torch.cat([torch.zeros(1, dtype=torch.float64), below / below[-1]])
        share = torch.linspace(0, 1, _QUANTILES + 1, dtype=torch.float64)
        right = torch.searchsorted(below, share).clamp(1, _FINE)
        left = right - 1
        part = (share - below[left]) / (below[right] - below[left])
        return torch.lerp(angle[left], angle[right], part).float().to(device)


def headings(
    shape: tuple[int, ...], generator: torch.Generator
) -> Float32[Tensor, "*shape"]:
    """Uniform mean directions, in radians."""
    return 2 * pi * torch.rand(shape, generator=generator, device=generator.device)


def wander(
    heading: Float32[Tensor, "*batch"], generator: torch.Generator
) -> Float32[Tensor, "*batch 2"]:
    """One step (x, y) for each heading in radians, 0 to `REACH` pixels long.

    Angles are of von Mises density around the heading, lengths uniform (arXiv
    2211.10831).
    """
    shape = tuple(heading.shape)
    angle = heading + von_mises(shape, CONCENTRATION, generator)
    length = REACH * torch.rand(shape, generator=generator, device=generator.device)
    return length.unsqueeze(-1) * torch.stack([angle.cos(), angle.sin()], -1)


def von_mises_actions(
    num: int, steps: int, generator: torch.Generator
) -> Float32[Tensor, "T B 2"]:
    """The actions of `num` episodes as arXiv 2211.10831 draws them, in [-1, 1].

    Each episode has a heading of its own. A world told such an action moves its dot by
    `REACH` times as many pixels.

    Args:
        steps: T, one less than the frames of an episode.
        generator: of the draws, on the device where actions are wanted.
    """
    heading = headings((num,), generator).expand(steps, num)
    return wander(heading, generator) / REACH


@final
class Wanderer:
    """Acts as `von_mises_actions` in episodes of any length, each with a heading.

    For recordings: `curious record --world moving-dot --policy envs:Wanderer`.
    """

    def __init__(self) -> None:
        self._heading: Float32[Tensor, "B"] | None = None

    def act(self, row: Step, generator: torch.Generator) -> Float32[Tensor, "B 2"]:
        """One action per env, in [-1, 1]; where an episode begins, a new heading."""
        fresh = headings(tuple(row.first.shape), generator)
        if self._heading is None:
            self._heading = fresh
        self._heading = torch.where(row.first, fresh, self._heading)
        return wander(self._heading, generator) / REACH

    def state_dict(self) -> dict[str, Tensor]:
        """The headings of now."""
        return {} if self._heading is None else {"heading": self._heading}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Keep the headings of then."""
        self._heading = state["heading"]
