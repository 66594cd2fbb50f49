"""From the row that the envs show to a belief, as acting policies need it."""

import torch
from jaxtyping import Float32
from torch import Tensor

from envs.vector_env import Step
from world_models.belief import BeliefModel, Carry


@torch.no_grad()
def perceive(
    model: BeliefModel, row: Step, carry: Carry
) -> tuple[Float32[Tensor, "B S"], Carry]:
    """The belief at one row, and the carry behind it, still without an action."""
    nothing = carry.action[None][:0]
    vector = None if row.vector is None else row.vector[None]
    seen = model.observe(row.obs[None], nothing, row.first[None], carry, vector)
    return seen.belief[0], seen.carry
