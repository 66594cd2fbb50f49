"""What actions cost, as a world model imagines them."""

from typing import final

import torch
from jaxtyping import Float32, Shaped
from torch import Tensor

from world_models.latent_dynamics import LatentDynamics
from world_models.planning.distance import GoalDistance

_ON_CPU, _ON_GPU = 512, 65_536  # rows at once: what lies in a cache; what fills a GPU


@final
class GoalCost:
    """The distance to a goal that each of B x N action sequences is imagined to leave.

    All envs and samples go through the model as rows of one batch, in portions that a
    cache holds.

    Args:
        model: imagines; it should be in evaluation mode.
        belief: of now.
        goal: latents to reach, from `LatentDynamics.goal`.
        distance: between what is imagined and the goal.
        rows: imagined at once; None: 512 on a CPU, 65,536 on a GPU.
    """

    def __init__(
        self,
        model: LatentDynamics,
        belief: Float32[Tensor, "B S"],
        goal: Float32[Tensor, "B P"],
        distance: GoalDistance,
        rows: int | None = None,
    ) -> None:
        self.model, self.belief, self.goal = model, belief, goal
        self.distance = distance
        self.rows = rows or (_ON_CPU if belief.device.type == "cpu" else _ON_GPU)

    @torch.no_grad()
    def __call__(self, action: Shaped[Tensor, "H B N ..."]) -> Float32[Tensor, "B N"]:
        """See `ActionCost`."""
        envs, samples = action.shape[1:3]
        told = action.flatten(1, 2)
        begun = self.belief.repeat_interleave(samples, 0)
        goal = self.goal.repeat_interleave(samples, 0)
        each = [
            self.distance(
                self.model.imagine(
                    begun[i : i + self.rows], told[:, i : i + self.rows]
                ),
                goal[i : i + self.rows],
            )
            for i in range(0, envs * samples, self.rows)
        ]
        return torch.cat(each).view(envs, samples)
