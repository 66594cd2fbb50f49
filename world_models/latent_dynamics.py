"""The latent world model: beliefs, open-loop predictions of latents, their loss."""

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float32, Shaped, UInt8
from torch import Tensor, nn

from ssl_objectives.measure.diagnostics import effective_rank, relative_spread
from ssl_objectives.objective import Objective, TargetKind, Views
from ssl_objectives.parts.targets import EmaTarget
from world_models.belief import BeliefModel, Carry, stack_frames
from world_models.model_loss import ModelLoss, prediction_valid
from world_models.predictor import OpenLoop
from world_models.scope import Scope
from world_models.trajectory import Trajectory


class LatentDynamics(nn.Module):
    """A world model: belief model, open loop over K actions, target, objective.

    The belief model is shared with the policy by whoever builds both. With
    `objective = Byol()` and an EMA target this is BYOL-Explore's model; with `VicReg()`
    and no target network a joint-embedding predictive architecture (JEPA).

    Args:
        belief: frames and actions to beliefs.
        open_loop: beliefs over actions.
        predictor: beliefs to latents.
        target: network whose latents are predicted; None predicts those of the encoder
            itself, through which gradient flows as well.
        objective: compares predictions with targets, per sample.
        horizon: K.
        scope: which rows an objective that compares rows may compare.

    Raises:
        ValueError: the objective needs something this composition lacks.
    """

    def __init__(
        self,
        belief: BeliefModel,
        open_loop: OpenLoop,
        predictor: nn.Module,
        target: EmaTarget | None,
        objective: Objective,
        horizon: int,
        scope: Scope = Scope.BATCH,
    ) -> None:
        super().__init__()
        needs = objective.needs
        offered = TargetKind.SHARED if target is None else TargetKind.EMA
        if needs.target is not offered:
            raise ValueError(
                f"{type(objective).__name__} wants targets from {needs.target.value}; "
                f"this model has them from {offered.value}. Byol goes with a target "
                "network (byol-explore); VicReg and InfoNCE without (jepa-vicreg, "
                "contrastive)."
            )
        if not needs.per_sample or needs.rows or needs.sweep or needs.extra:
            raise ValueError(
                f"{type(objective).__name__} needs {needs}; a world model wants a loss "
                "per sample, and has neither row ids nor sweeps nor extra views."
            )
        self.belief = belief
        self.open_loop = open_loop
        self.predictor = predictor
        self.target = target
        self.objective = objective
        self.horizon = horizon
        self.scope = scope
        self._seen: Views | None = None
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))
        self.updates: Tensor

    def start(self, num_envs: int) -> Carry:
        """The carry before the first row of all."""
        return self.belief.start(num_envs)

    def targets(
        self, obs: UInt8[Tensor, "R B C H W"], first: Bool[Tensor, "R B"], carry: Carry
    ) -> Float32[Tensor, "R B D"]:
        """Latents that predictions should hit, without gradient."""
        network = self.belief.encoder if self.target is None else self.target.network
        with torch.no_grad():
            images, _ = stack_frames(obs, first, carry.frames)
            latent: Tensor = network(images)
        return latent

    def see(
        self,
        traj: Trajectory,
        carry: Carry,
        target: Float32[Tensor, "R B D"] | None = None,
    ) -> tuple[Float32[Tensor, "T B S"], Float32[Tensor, "R B D"]]:
        """Beliefs of the T rows acted from, and the latents their predictions aim at.

        With a target network these are `target` (or computed). Without one they are
        the encoder's latents of these very rows, with gradient, whatever is given.
        """
        if self.target is None:
            seen = self.belief.observe(traj.obs, traj.action, traj.first, carry)
            return seen.belief[:-1], seen.latent
        if target is None:
            target = self.targets(traj.obs, traj.first, carry)
        seen = self.belief.observe(
            traj.obs[:-1], traj.action[:-1], traj.first[:-1], carry
        )
        return seen.belief, target

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
        num_unknown: int = 0,
    ) -> ModelLoss:
        """Losses of all predictions over 1 … K steps from all T rows, unreduced.

        Args:
            belief: of the rows acted from.
            action: taken there.
            valid: False where a transition joins two episodes.
            target: latents of all rows.
            num_unknown: rows at the beginning whose target is not known: predictions
                that land there are not valid.
        """
        embedded = self.belief.embedding(action)
        ahead = self.predictor(
            self.open_loop.all_starts(belief, embedded, self.horizon)
        )
        usable = prediction_valid(valid, self.horizon)
        if num_unknown:
            start = torch.arange(len(valid), device=valid.device)
            lands = (
                start + torch.arange(1, self.horizon + 1, device=valid.device)[:, None]
            )
            usable = usable & (lands >= num_unknown).unsqueeze(-1)
        rows = self.scope.rows
        aims = rows(_windows(target, self.horizon))
        views = Views(
            z=(None, aims if self.target is None else None),
            p=(rows(ahead), None),
            t=(None, aims),
            pairs=((0, 1),),
            valid=rows(usable),
        )
        if torch.is_grad_enabled():  # a gradient step may follow: see `after_update`
            self._seen = views.detach()
        loss = self.objective(views)
        assert loss.per_sample is not None
        each = self.scope.restore(loss.per_sample, *valid.shape)
        return ModelLoss(each, usable, loss.regularizer, loss.metrics)

    def loss(
        self,
        traj: Trajectory,
        carry: Carry,
        target: Float32[Tensor, "R B D"] | None = None,
    ) -> ModelLoss:
        """Loss on a trajectory; `target` saves recomputing what `targets` gave."""
        belief, aims = self.see(traj, carry, target)
        return self.prediction_loss(belief, traj.action, traj.valid, aims)

    def after_update(self) -> None:
        """Count a gradient step; let the target follow and the objective observe."""
        self.updates += 1
        if self.target is not None:
            self.target.follow(self.belief.encoder)
        seen, self._seen = self._seen, None
        if seen is not None:
            with torch.no_grad():
                self.objective.observe(seen)

    def diagnose(
        self, target: Float32[Tensor, "R B D"]
    ) -> dict[str, Float32[Tensor, ""]]:
        """Have target latents (at most 1,024 rows) collapsed? See `diagnostics`."""
        rows = target.flatten(0, 1)
        rows = rows[:: -(-len(rows) // 1024)]
        return {
            "world_model/effective_rank": effective_rank(rows),
            "world_model/latent_spread": relative_spread(rows),
        }


def _windows(
    target: Float32[Tensor, "R B D"], horizon: int
) -> Float32[Tensor, "K R-1 B D"]:
    """`[k, t]` is row t+k+1; rows beyond the window are zero. A view, not a copy."""
    steps = len(target) - 1
    padding = target.new_zeros(horizon - 1, *target.shape[1:])
    rows = torch.cat([target[1:], padding])
    return rows.unfold(0, steps, 1).movedim(-1, 1)


@runtime_checkable
class ModelConfig(Protocol):
    """Builds a world model around a belief model."""

    def build(self, belief: BeliefModel) -> LatentDynamics:
        """Build it."""
