"""Smooth walks, which cross a room and now and then a door: data for planning."""

from collections.abc import Mapping
from typing import final

import torch
from jaxtyping import Float32
from torch import Tensor

from envs.toys.wander import headings, von_mises
from envs.vector_env import Step

TURN = 5.0
"""κ of the turns between steps: a standard deviation of some 27 degrees"""
PACE, SCATTER = 0.9, 0.4
"""mean and std of steps' lengths, in units of the longest step along an axis"""


@final
class Stroller:
    """Walks on in about the direction it has, at a pace that changes a little.

    Each step turns by a von Mises angle of κ = 5 and has a normal length, at least 0.1
    and at most √2 of the longest along an axis; what leaves the square of actions is
    clipped. So all actions that a planner may try are met, corners included: of others
    a model knows nothing. (PLDM, arXiv 2502.14819, draws lengths likewise, and
    directions around one heading per trajectory; here headings drift, so that nobody
    leans on a wall for a whole episode.)

        curious record --world two-rooms --policy envs:Stroller --out data/rooms
    """

    def __init__(self) -> None:
        self._heading: Float32[Tensor, "B"] | None = None

    def act(self, row: Step, generator: torch.Generator) -> Float32[Tensor, "B 2"]:
        """One action per env, in [-1, 1]; where an episode begins, a new heading."""
        shape = tuple(row.first.shape)
        fresh = headings(shape, generator)
        if self._heading is None:
            self._heading = fresh
        turned = self._heading + von_mises(shape, TURN, generator)
        self._heading = torch.where(row.first, fresh, turned)
        drawn = torch.randn(shape, generator=generator, device=generator.device)
        length = (PACE + SCATTER * drawn).clamp(0.1, 2**0.5).unsqueeze(-1)
        heading = self._heading
        step = length * torch.stack([heading.cos(), heading.sin()], -1)
        return step.clamp(-1.0, 1.0)

    def state_dict(self) -> dict[str, Tensor]:
        """The headings of now."""
        return {} if self._heading is None else {"heading": self._heading}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Keep the headings of then."""
        self._heading = state["heading"]
