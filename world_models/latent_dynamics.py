"""The world model: beliefs, open-loop predictions of latents, and their loss."""

import torch
from jaxtyping import Bool, Float32, Shaped, UInt8
from torch import Tensor, nn

from ssl_objectives.diagnostics import effective_rank
from ssl_objectives.objective import Objective, TargetKind, Views
from ssl_objectives.parts.targets import EmaTarget
from world_models.belief import BeliefModel, Carry, stack_frames
from world_models.model_loss import ModelLoss, prediction_valid
from world_models.predictor import OpenLoop
from world_models.trajectory import Trajectory


class LatentDynamics(nn.Module):
    """Encoder and belief core, open loop over K actions, target, objective.

    The belief model is shared with the policy by whoever builds both. With
    `objective = Byol()` and an EMA target this is BYOL-Explore's model.

    Args:
        belief: frames and actions to beliefs.
        open_loop: beliefs over actions.
        predictor: beliefs to latents.
        target: network whose latents are predicted.
        objective: compares predictions with targets, per sample.
        horizon: K.

    Raises:
        ValueError: the objective needs something this composition lacks.
    """

    def __init__(
        self,
        belief: BeliefModel,
        open_loop: OpenLoop,
        predictor: nn.Module,
        target: EmaTarget,
        objective: Objective,
        horizon: int,
    ) -> None:
        super().__init__()
        needs = objective.needs
        if needs.target is not TargetKind.EMA or needs.rows or needs.sweep:
            raise ValueError(
                f"{type(objective).__name__} needs {needs}; this model offers an EMA "
                "target and neither row ids nor sweeps. Try Byol()."
            )
        self.belief = belief
        self.open_loop = open_loop
        self.predictor = predictor
        self.target = target
        self.objective = objective
        self.horizon = horizon
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))
        self.updates: Tensor

    def start(self, num_envs: int) -> Carry:
        """The carry before the first row of all."""
        return self.belief.start(num_envs)

    def targets(
        self, obs: UInt8[Tensor, "R B C H W"], first: Bool[Tensor, "R B"], carry: Carry
    ) -> Float32[Tensor, "R B D"]:
        """Latents of the target network, without gradient."""
        with torch.no_grad():
            images, _ = stack_frames(obs, first, carry.frames)
            latent: Tensor = self.target.network(images)
        return latent

    def imagine(
        self,
        belief: Float32[Tensor, "*batch S"],
        action: Shaped[Tensor, "..."],
    ) -> Float32[Tensor, "K *batch D"]:
        """Predicted latents after each of K actions."""
        latent: Tensor = self.predictor(
            self.open_loop(belief, self.belief.embedding(action))
        )
        return latent

    def prediction_loss(
        self,
        belief: Float32[Tensor, "T B S"],
        action: Shaped[Tensor, "T B ..."],
        valid: Bool[Tensor, "T B"],
        target: Float32[Tensor, "T+1 B D"],
    ) -> ModelLoss:
        """Losses of all predictions over 1 … K steps from all T rows, unreduced."""
        embedded = self.belief.embedding(action)
        ahead = self.open_loop.all_starts(belief, embedded, self.horizon)
        usable = prediction_valid(valid, self.horizon)
        loss = self.objective(
            Views(
                z=(None, None),
                p=(self.predictor(ahead), None),
                t=(None, _windows(target, self.horizon)),
                pairs=((0, 1),),
                valid=usable,
            )
        )
        return ModelLoss(loss.per_sample, usable, loss.regularizer, loss.metrics)

    def loss(
        self,
        traj: Trajectory,
        carry: Carry,
        target: Float32[Tensor, "R B D"] | None = None,
    ) -> ModelLoss:
        """Loss on a trajectory; `target` saves recomputing what `targets` gave."""
        if target is None:
            target = self.targets(traj.obs, traj.first, carry)
        observed = self.belief.observe(
            traj.obs[:-1], traj.action[:-1], traj.first[:-1], carry
        )
        return self.prediction_loss(observed.belief, traj.action, traj.valid, target)

    def after_update(self) -> None:
        """Count a gradient step and let the target follow."""
        self.updates += 1
        self.target.follow(self.belief.encoder)

    def rank(self, target: Float32[Tensor, "R B D"]) -> Float32[Tensor, ""]:
        """Effective rank of target latents (at most 1,024 rows): 1 means collapse."""
        rows = target.flatten(0, 1)
        return effective_rank(rows[:: -(-len(rows) // 1024)])


def _windows(
    target: Float32[Tensor, "R B D"], horizon: int
) -> Float32[Tensor, "K R-1 B D"]:
    """`[k, t]` is row t+k+1; rows beyond the window are zero. A view, not a copy."""
    steps = len(target) - 1
    padding = target.new_zeros(horizon - 1, *target.shape[1:])
    rows = torch.cat([target[1:], padding])
    return rows.unfold(0, steps, 1).movedim(-1, 1)
