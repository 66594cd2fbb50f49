"""The gradient step of a world model on trajectories, and its state."""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ssl_objectives.distributed import average_gradients
from ssl_objectives.learn.optimizer import OptimizerConfig, follow_schedule
from world_models.belief import Carry
from world_models.latent_dynamics import LatentDynamics
from world_models.trajectory import Trajectory


class ModelTrainer:
    """Descends a world model's loss; where the trajectories come from is not its own.

    With several processes each takes its own envs, and all compute the loss of all of
    them (`LatentDynamics.loss`); gradients are averaged.

    Args:
        model: on the device it is trained on.
        optimizer: what turns gradients into new weights, and its schedule.
        steps: gradient steps of the whole run, for the schedule.
        burn_in: transitions in front of each trajectory that only lead up to the rest.
    """

    def __init__(
        self,
        model: LatentDynamics,
        optimizer: OptimizerConfig,
        steps: int,
        burn_in: int = 0,
    ) -> None:
        self.model, self.burn_in = model, burn_in
        self.total_steps, self.steps = steps, 0
        self.trained = [x for x in model.parameters() if x.requires_grad]
        self.optimizer = optimizer.build(model)
        self.schedule, self.max_norm = optimizer, optimizer.max_norm

    def step(
        self, traj: Trajectory, carry: Carry | None = None
    ) -> dict[str, Float[Tensor, ""]]:
        """One gradient step; metrics stay on the device.

        Args:
            traj: T transitions of B envs.
            carry: of their first rows; None: an empty memory.
        """
        model = self.model
        carry = model.start(traj.first.shape[1]) if carry is None else carry
        loss = model.loss(traj, carry, burn_in=self.burn_in)
        total = loss.mean()
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        average_gradients(self.trained)
        norm = nn.utils.clip_grad_norm_(self.trained, self.max_norm or torch.inf)
        done = (self.steps + 0.5) / self.total_steps
        follow_schedule(self.optimizer, self.schedule, done)
        self.optimizer.step()
        model.after_update(loss)
        model.belief.follow(traj)
        self.steps += 1
        return {
            "loss/world_model": total.detach(),
            "world_model/gradient_norm": norm,
            **{f"world_model/{name}": x for name, x in loss.told().items()},
        }

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on as if nothing had happened."""
        return {
            "modules": dict(self.model.state_dict()),
            "optimizer": self.optimizer.state_dict(),
            "steps": self.steps,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that `state_dict` gave."""
        self.model.load_state_dict(state["modules"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.steps = int(state["steps"])
