"""How the agent moves: it stands, or it walks about between the boxes."""

from abc import ABC, abstractmethod
from typing import ClassVar, final

import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from envs.gaze import ACTIONS, TURNS
from envs.mujoco.social_room.layout import MIDDLE, Layout
from envs.vector_env import DiscreteActions

STRIDE = 0.25
"""metres in one step"""


class Legs(ABC):
    """What actions there are, and where they lead; the gaze is turned by others.

    Attributes:
        actions: the nine turns, and whatever else.
        turns: by how many headings each action turns.
        felt: numbers that the agent feels of its place.
    """

    actions: ClassVar[DiscreteActions]
    turns: ClassVar[tuple[int, ...]]
    felt: ClassVar[int]

    @abstractmethod
    def walk(
        self,
        place: Float32[Tensor, "B 2"],
        angle: Float32[Tensor, "B"],
        action: Int64[Tensor, "B"],
    ) -> Float32[Tensor, "B 2"]:
        """The place after an action, in metres, of whoever looks at an angle."""


@final
class Standing(Legs):
    """The agent stays in the middle."""

    actions = DiscreteActions(len(ACTIONS), ACTIONS)
    turns = TURNS
    felt = 0

    def walk(
        self,
        place: Float32[Tensor, "B 2"],
        angle: Float32[Tensor, "B"],
        action: Int64[Tensor, "B"],
    ) -> Float32[Tensor, "B 2"]:
        """See `Legs.walk`."""
        return place


@final
class Walking(Legs):
    """The agent also walks 0.25 m ahead or back, along its gaze.

    It stays within a circle that touches no box: where a step would lead out of it, it
    comes to its edge. So it never walks into anybody.
    """

    actions = DiscreteActions(len(ACTIONS) + 2, (*ACTIONS, "walk ahead", "walk back"))
    turns = (*TURNS, 0, 0)
    felt = 2

    def __init__(self, layout: Layout, device: torch.device | str) -> None:
        self.reach = MIDDLE - layout.half - 0.5
        strides = [0.0] * len(ACTIONS) + [STRIDE, -STRIDE]
        self._strides = torch.tensor(strides, device=device)

    def walk(
        self,
        place: Float32[Tensor, "B 2"],
        angle: Float32[Tensor, "B"],
        action: Int64[Tensor, "B"],
    ) -> Float32[Tensor, "B 2"]:
        """See `Legs.walk`."""
        stride = self._strides[action].unsqueeze(1)
        there = place + stride * torch.stack([angle.cos(), angle.sin()], 1)
        far = torch.linalg.vector_norm(there, dim=1, keepdim=True)
        held: Tensor = there * (self.reach / far.clamp_min(1e-6)).clamp(max=1)
        return held
