"""Errors of the last rollouts, first in, first out."""

from typing import NamedTuple, final

import torch
from jaxtyping import Bool, Float32, Shaped
from torch import Tensor, nn

from agents.curiosity.signal import Surroundings
from ssl_objectives.distributed import gathered_rows, num_processes
from world_models.actions import embedding_of


class Remembered(NamedTuple):
    """Some of the errors: what went before them, and which places are taken."""

    belief: Float32[Tensor, "N S"]
    action: Shaped[Tensor, "N ..."]
    error: Float32[Tensor, "N"]
    there: Bool[Tensor, "N"]


@final
class RecentErrors(nn.Module):
    """The newest steps of all envs of all processes; in each process alike.

    Args:
        surroundings: tell S, the actions, and how many envs there are.
        steps: that are kept of each env.
    """

    def __init__(self, surroundings: Surroundings, steps: int) -> None:
        super().__init__()
        envs = num_processes() * surroundings.spec.num_envs
        none = embedding_of(surroundings.spec.actions, 1).none(envs)
        self.steps = steps
        self.register_buffer(
            "belief", torch.zeros(steps, envs, surroundings.belief_size)
        )
        self.register_buffer("action", none.expand(steps, *none.shape).clone())
        self.register_buffer("error", torch.zeros(steps, envs))
        self.register_buffer("there", torch.zeros(steps, envs, dtype=torch.bool))
        self.belief: Tensor
        self.action: Tensor
        self.error: Tensor
        self.there: Tensor

    @torch.no_grad()
    def add(
        self,
        belief: Float32[Tensor, "T B S"],
        action: Shaped[Tensor, "T B ..."],
        error: Float32[Tensor, "T B"],
        valid: Bool[Tensor, "T B"],
    ) -> None:
        """Keep a rollout's, over the oldest; what is not valid leaves a gap."""
        new = {"belief": belief, "action": action, "error": error, "there": valid}
        for name, rows in new.items():
            held = getattr(self, name)
            held.copy_(torch.cat([held, gathered_rows(rows, 1)])[-self.steps :])

    @torch.no_grad()
    def drawn(self, num: int, generator: torch.Generator) -> Remembered:
        """Some places, drawn with replacement, gaps among them."""
        places = self.error.numel()
        chosen = torch.randint(
            places, (num,), generator=generator, device=self.error.device
        )
        return Remembered(
            *(
                x.flatten(0, 1)[chosen]
                for x in (self.belief, self.action, self.error, self.there)
            )
        )
