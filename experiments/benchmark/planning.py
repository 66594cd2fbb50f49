"""What planning for many envs in one batch saves, beside one env after another.

The same planner, model and draws; only how many envs go through the model at once
differs. With few samples a loop leaves a processor idle, with many it does not.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from envs.two_rooms.world import TwoRoomsWorld
from experiments.benchmark.timing import Arm
from ssl_objectives.encoders.menet import MeNetConfig
from ssl_objectives.encoders.precision import Precision
from world_models.latent_dynamics import LatentDynamics
from world_models.planning.cem import Cem, CemConfig
from world_models.planning.distance import SumOfSteps
from world_models.planning.draws import SeededDraws
from world_models.planning.goal_cost import GoalCost
from world_models.presets import jepa_vicreg

SAMPLES = (8, 200)
HORIZON, LATENT = 24, 64
ON_CPU, ON_GPU = 64, 512  # envs


class PlanArm(Arm):
    """Plans for all envs, so many at once.

    Args:
        name: of the arm.
        model: imagines.
        planner: plans.
        num_envs: B.
        at_once: envs in one call.
    """

    unit = "plans"

    def __init__(
        self,
        name: str,
        model: LatentDynamics,
        planner: Cem,
        num_envs: int,
        at_once: int,
    ) -> None:
        self.name, self.units = name, num_envs
        self.about = (
            f"CEM, {planner.config.num_samples} samples x {planner.config.iterations} "
            f"iterations, {HORIZON} steps of a GRU of {LATENT}, {at_once} envs at once"
        )
        self.model, self.planner, self.at_once = model, planner, at_once
        self.device = next(model.parameters()).device
        self.draws = SeededDraws(0, self.device)
        self.belief = self.draws.normal(num_envs, model.belief.size)
        self.goal = self.draws.normal(num_envs, LATENT)

    @torch.no_grad()
    def update(self) -> None:
        """One plan for every env."""
        plans: list[Tensor] = []
        for i in range(0, self.units, self.at_once):
            here = slice(i, i + self.at_once)
            cost = GoalCost(
                self.model, self.belief[here], self.goal[here], SumOfSteps()
            )
            start = self.planner.start(len(self.belief[here]), self.device)
            plans.append(self.planner(cost, start, self.draws).action)
        torch.cat(plans, 1)

    def details(self) -> dict[str, Any]:
        """Samples, and envs at once."""
        return {
            "samples": self.planner.config.num_samples,
            "envs_at_once": self.at_once,
        }


def plan_arms(
    num_envs: int | None, precision: Precision, device: torch.device, seed: int
) -> Iterator[tuple[Arm, str | None]]:
    """For each number of samples a loop, and the batch that is compared with it.

    Args:
        num_envs: B; None: 64, on a GPU 512.
        precision: of the model.
        device: where.
        seed: of its weights.
    """
    envs = num_envs or (ON_GPU if device.type == "cuda" else ON_CPU)
    world = TwoRoomsWorld()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        eyes = MeNetConfig(LATENT, precision=precision)
        model = jepa_vicreg().of(world.obs_shape, world.actions, eyes).to(device).eval()
    for samples in SAMPLES:
        config = CemConfig(samples, max(1, samples // 10))
        planner = config.of_actions(world.actions, HORIZON)
        loop = f"loop, {samples} samples"
        yield PlanArm(loop, model, planner, envs, 1), None
        yield PlanArm(f"batch, {samples} samples", model, planner, envs, envs), loop
