"""A test world of everything a world may have at once: `--world` of its config.

Five channels, two continuous actions with lopsided bounds, three dials beside the
pixels, and facts that tell which action was applied.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor

from envs.native_env import NativeVectorEnv, NativeWorld, Outcome
from envs.vector_env import ContinuousActions, FactSpec

REACH = 4.0  # places are -4 … 4 in both directions
NEAR = 1.0
SHORTEST, LONGEST = 5, 20
SINK = 1.5  # what the second action must lift to stay


class ProbeState(NamedTuple):
    """Where the probe and its target are, what was applied last, and the time."""

    place: Float32[Tensor, "B 2"]
    target: Float32[Tensor, "B 2"]
    applied: Float32[Tensor, "B 2"]
    step: Int64[Tensor, "B"]
    limit: Int64[Tensor, "B"]


class ProbeWorld(NativeWorld[ProbeState]):
    """A probe that drifts by the first action, and sinks but for the second.

    Each step moves it by `applied[0] / 0.5` and `(applied[1] - 1.5) / 1.5`, which is -1
    to 1 in both directions. The reward is minus the distance to the target, in units of
    the whole width. The episode terminates near the target, not before step 5, and is
    truncated at a step from 8 to 20 that is drawn with its target.
    """

    obs_shape = (5, 40, 44)
    actions = ContinuousActions((-0.5, 0.0), (0.5, 3.0))
    facts: ClassVar[dict[str, FactSpec]] = {
        "place": FactSpec((2,), torch.float32),
        "applied": FactSpec((2,), torch.float32),
        "step": FactSpec((), torch.int64),
    }
    max_episode_steps = LONGEST
    vector_size = 3

    def start(
        self, num_envs: int, generator: torch.Generator, previous: ProbeState | None
    ) -> ProbeState:
        """The probe in the middle, a target somewhere."""
        device = generator.device
        drawn = torch.rand(num_envs, 2, generator=generator, device=device)
        limit = torch.randint(
            8, LONGEST + 1, (num_envs,), generator=generator, device=device
        )
        nowhere = torch.zeros_like(drawn)
        step = torch.zeros_like(limit)
        return ProbeState(nowhere, 6 * drawn - 3, nowhere, step, limit)

    def transition(
        self,
        state: ProbeState,
        action: Float32[Tensor, "B 2"],
        generator: torch.Generator,
    ) -> Outcome:
        """Drift, sink and lift; then pay."""
        x, y = action[:, 0] / 0.5, (action[:, 1] - SINK) / SINK
        place = (state.place + torch.stack([x, y], 1)).clamp(-REACH, REACH)
        away = (state.target - place).norm(dim=1)
        step = state.step + 1
        reached = (away < NEAR) & (step >= SHORTEST)
        moved = state._replace(place=place, applied=action, step=step)
        return Outcome(
            moved, -away / (2 * REACH), reached, ~reached & (step >= state.limit)
        )

    def render(self, state: ProbeState) -> UInt8[Tensor, "B 5 40 44"]:
        """Probe, target, the two actions as brightness, and the time as a bar."""
        _, height, width = self.obs_shape
        device = state.place.device
        rows = torch.arange(height, device=device).view(1, -1, 1)
        columns = torch.arange(width, device=device).view(1, 1, -1)

        def spot(place: Tensor) -> Tensor:
            x, y = (place.view(-1, 2, 1, 1) + REACH).unbind(1)
            near_x = (columns - 2 - x * (width - 5) / (2 * REACH)).abs() <= 2
            return near_x & ((rows - 2 - y * (height - 5) / (2 * REACH)).abs() <= 2)

        whole = torch.ones(len(state.step), height, width, device=device)
        sideways = (state.applied[:, 0] + 0.5).view(-1, 1, 1) * whole
        lift = (state.applied[:, 1] / 3).view(-1, 1, 1) * whole
        bar = (columns < 2 * state.step.view(-1, 1, 1)) * whole
        planes = [spot(state.place), spot(state.target), sideways, lift, bar]
        return torch.stack([(255 * x).byte() for x in planes], 1)

    def sense(self, state: ProbeState) -> Float32[Tensor, "B 3"]:
        """The way to the target in both directions, and the lift applied last."""
        way = (state.target - state.place) / REACH
        return torch.cat([way, state.applied[:, 1:]], 1)

    def describe(self, state: ProbeState) -> dict[str, Tensor]:
        """Place, applied action within bounds, step."""
        return {"place": state.place, "applied": state.applied, "step": state.step}


@dataclass(frozen=True)
class ProbeConfig:
    """A probe that is steered to a target."""

    def build(self, num_envs: int, device: torch.device | str) -> NativeVectorEnv:
        """Build B probes."""
        return NativeVectorEnv(ProbeWorld(), num_envs, device)
