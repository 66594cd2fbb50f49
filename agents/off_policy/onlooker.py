"""A world model that looks on while somebody else acts."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float32
from torch import Tensor

from agents.experience import Experience
from world_models.belief import Carry
from world_models.context import Context
from world_models.latent_dynamics import LatentDynamics


class Onlooker:
    """The memory of a world model, from rollout to rollout, apart from the policy's.

    Args:
        model: whose belief it is.
        num_envs: B.
    """

    def __init__(self, model: LatentDynamics, num_envs: int) -> None:
        self.model, self.num_envs = model, num_envs
        self.begin()

    def begin(self) -> None:
        """Forget everything."""
        self.carry = self.handed_on = self.model.start(self.num_envs)

    @torch.no_grad()
    def see(
        self, experience: Experience
    ) -> tuple[Experience, Float32[Tensor, "T B S"]]:
        """A rollout with the model's carries in place of the policy's; its beliefs.

        The next rollout is seen from where this one ends: call it once for each, in
        their order.
        """
        traj, context = experience.traj, experience.context
        if context is not None:
            context = Context(context.traj, self.handed_on)
        begin, beliefs = self.carry, []
        # the carry of the next context is met on the way
        split = traj.num_steps - experience.overlap
        for start, stop in ((0, split), (split, traj.num_steps)):
            self.handed_on = self.carry if start == split else self.handed_on
            if start < stop:
                seen = self.model.belief.along(traj.steps(start, stop), self.carry)
                beliefs.append(seen.belief)
                self.carry = seen.carry
        mine = replace(experience, carry=begin, end=self.carry, context=context)
        return mine, torch.cat(beliefs)

    def state_dict(self) -> dict[str, Any]:
        """Both carries."""
        return {
            "carry": dict(vars(self.carry)),
            "handed_on": dict(vars(self.handed_on)),
        }

    def load_state_dict(self, state: Mapping[str, Any], device: torch.device) -> None:
        """Go on."""
        self.carry = _carry(state["carry"], device)
        self.handed_on = _carry(state["handed_on"], device)


def _carry(tree: Mapping[str, Tensor], device: torch.device) -> Carry:
    return Carry(**{name: x.to(device) for name, x in tree.items()})
