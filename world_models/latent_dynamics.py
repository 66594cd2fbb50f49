"""The latent world model: beliefs, open-loop predictions of latents, their loss."""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float32, Shaped, UInt8
from torch import Tensor, nn

from ssl_objectives.objective import Objective, Views
from ssl_objectives.parts.targets import EmaTarget
from ssl_objectives.refusal import ConfigError
from world_models.belief import BeliefModel, Carry
from world_models.context import Context
from world_models.diagnosis import diagnosis
from world_models.fits import check_objective_fits
from world_models.frames import stack_frames
from world_models.model_loss import PREDICTION, ModelLoss, prediction_valid
from world_models.predictor import Ahead, OpenLoop, Predictor
from world_models.scope import Groups, Scope
from world_models.terms.term import Term, Unrolled
from world_models.trajectory import Trajectory


class Seen(NamedTuple):
    """What a model makes of a trajectory before it predicts.

    Attributes:
        belief: of the T rows acted from.
        latent: of the rows that were encoded with gradient: T, or T+1 where these
            latents are the targets too; None where beliefs were given.
        target: latents that predictions aim at, of all T+1 rows.
    """

    belief: Float32[Tensor, "T B S"]
    latent: Float32[Tensor, "R B D"] | None
    target: Float32[Tensor, "R B D"]


class LatentDynamics(nn.Module):
    """A world model: belief model, open loop over K actions, target, objective.

    The belief model is shared with the policy by whoever builds both. With
    `objective = Byol()` and an EMA target this is BYOL-Explore's model; with `VicReg()`
    and no target network a joint-embedding predictive architecture (JEPA).

    Args:
        belief: frames and actions to beliefs.
        open_loop: beliefs over actions.
        predictor: beliefs to latents; may see what came, and have an adversary.
        target: network whose latents are predicted; None predicts those of the encoder
            itself, through which gradient flows as well.
        objective: compares predictions with targets, per sample.
        horizon: K.
        scope: which rows an objective that compares rows may compare.
        group: rows compared at once, at most: scores of all against all grow with its
            square.
        terms: what the model learns beside its predictions.

    Raises:
        ValueError: the objective needs something this composition lacks.
    """

    def __init__(
        self,
        belief: BeliefModel,
        open_loop: OpenLoop,
        predictor: Predictor,
        target: EmaTarget | None,
        objective: Objective,
        horizon: int,
        scope: Scope = Scope.BATCH,
        group: int = 512,
        terms: Iterable[Term] = (),
    ) -> None:
        super().__init__()
        check_objective_fits(objective, target is not None)
        if group < 2:
            raise ValueError(f"group must be at least 2 rows, not {group}")
        self.belief = belief
        self.open_loop = open_loop
        self.predictor = predictor
        self.target = target
        self.objective = objective
        self.horizon = horizon
        self.scope, self.group = scope, group
        self.terms: Iterable[Term] = nn.ModuleList(terms)  # type: ignore[assignment]  # torch's list is not generic
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
    ) -> Seen:
        """Beliefs of the T rows acted from, and the latents their predictions aim at.

        With a target network these are `target` (or computed). Without one they are
        the encoder's latents of these very rows, with gradient, whatever is given.
        """
        if self.target is None:
            seen = self.belief.throughout(traj, carry)
            return Seen(seen.belief[:-1], seen.latent, seen.latent)
        if target is None:
            target = self.targets(traj.obs, traj.first, carry)
        seen = self.belief.along(traj, carry)
        return Seen(seen.belief, seen.latent, target)

    def imagine(
        self,
        belief: Float32[Tensor, "*batch S"],
        action: Shaped[Tensor, "..."],
    ) -> Float32[Tensor, "K *batch D"]:
        """Predicted latents after each of K actions."""
        embedded = self.belief.embedding(action)
        after = self.open_loop(belief, embedded)
        return self.predictor(Ahead(belief, after, embedded)).latent  # type: ignore[no-any-return]  # modules are called untyped

    def predict(
        self,
        seen: Seen,
        action: Shaped[Tensor, "T B ..."],
        valid: Bool[Tensor, "T B"],
        num_context: int = 0,
    ) -> ModelLoss:
        """Losses of all predictions over 1 … K steps from all T rows, unreduced.

        Args:
            seen: from `see`.
            action: taken in these rows.
            valid: False where a transition joins two episodes.
            num_context: transitions in front that only lead up to what counts:
                predictions that land there are not valid.
        """
        embedded = self.belief.embedding(action)
        after = self.open_loop.all_starts(seen.belief, embedded, self.horizon)
        aims = _windows(seen.target, self.horizon)
        acted = _windows(torch.cat([embedded[:1], embedded]), self.horizon)
        usable = prediction_valid(valid, self.horizon, num_context)
        ahead = Ahead(seen.belief, after, acted, aims.detach(), usable)
        prediction = self.predictor(ahead)
        groups = self._groups(valid.shape[0], valid.shape[1], num_context)
        views = Views(
            z=(None, groups.split(aims) if self.target is None else None),
            p=(groups.split(prediction.latent), None),
            t=(None, groups.split(aims)),
            pairs=((0, 1),),
            valid=groups.split(usable),
        )
        loss = self.objective(views)
        assert loss.per_sample is not None
        whole = ModelLoss(
            {PREDICTION: groups.join(loss.per_sample), **prediction.terms},
            usable,
            loss.regularizer,
            {PREDICTION: 1.0, **prediction.weights},
            num_context,
            loss.metrics,
            views.detach(),
            prediction.adversary,
        )
        unrolled = Unrolled(seen.latent, ahead, action, valid, usable)
        for term in self.terms:
            added = term(unrolled)
            if taken := added.terms.keys() & whole.terms.keys():
                raise ConfigError(
                    f"two terms of this world model are called {', '.join(taken)}; "
                    "each name can be there once"
                )
            whole = replace(
                whole,
                terms={**whole.terms, **added.terms},
                regularizer=whole.regularizer + added.regularizer,
                weights={**whole.weights, **added.weights},
                metrics={**whole.metrics, **added.metrics},
            )
        return whole

    def loss(
        self,
        traj: Trajectory,
        carry: Carry,
        target: Float32[Tensor, "R B D"] | None = None,
        burn_in: int = 0,
    ) -> ModelLoss:
        """Loss on a trajectory.

        Args:
            traj: T transitions.
            carry: of its first row; from a replay it is that of an older model.
            target: what `targets` gave, where it is known.
            burn_in: transitions in front from which only the memory is brought up to
                date, without gradient (R2D2); the loss is that of the others.

        Raises:
            ValueError: nothing is left behind the burn-in.
        """
        if burn_in:
            if burn_in >= traj.num_steps:
                raise ValueError(
                    f"a burn-in of {burn_in} leaves nothing of {traj.num_steps} steps"
                )
            with torch.no_grad():
                before = traj.steps(0, burn_in)
                carry = self.belief.along(before, carry).carry
            traj = traj.steps(burn_in, traj.num_steps)
            target = None if target is None else target[burn_in:]
        seen = self.see(traj, carry, target)
        return self.predict(seen, traj.action, traj.valid)

    @torch.no_grad()
    def surprise(
        self,
        traj: Trajectory,
        carry: Carry,
        context: Context | None = None,
        target: Float32[Tensor, "R B D"] | None = None,
        belief: Float32[Tensor, "T B S"] | None = None,
        envs_at_once: int | None = None,
    ) -> ModelLoss:
        """The unreduced loss on a fresh rollout, with the context across the seam.

        Args:
            traj: the rollout.
            carry: of its first row.
            context: what came before; predictions made there land in the rollout.
            target: what `targets` gave, where it is known.
            belief: of rows 0 … T-1, or of the context's rows too, where they are known
                and still true.
            envs_at_once: scored together. As many as a minibatch of training has take
                no more memory than that, and an objective that compares rows compares
                as many of them; None scores all at once.
        """
        if target is None:
            target = self.targets(traj.obs, traj.first, carry)
        if belief is None:
            belief = self.belief.along(traj, carry).belief
        action, valid, num_context = traj.action, traj.valid, 0
        if context is not None:
            num_context = context.traj.num_steps
            if len(belief) == len(valid):
                before = self.belief.along(context.traj, context.carry)
                belief = torch.cat([before.belief, belief])
            # what lands inside the context itself was paid a rollout ago
            unknown = target.new_zeros(num_context, *target.shape[1:])
            target = torch.cat([unknown, target])
            action = torch.cat([context.traj.action, action])
            valid = torch.cat([context.traj.valid, valid])
        size = envs_at_once or valid.shape[1]
        portions = zip(
            *(x.split(size, 1) for x in (belief, target, action, valid)), strict=True
        )
        return ModelLoss.join(
            [
                self.predict(Seen(b, None, t), a, v, num_context)
                for b, t, a, v in portions
            ]
        )

    def after_update(self, *losses: ModelLoss) -> None:
        """Follow a gradient step that was taken on these losses.

        Counts it, lets the target follow and the objective observe all that was
        compared, and lets the predictor's adversary learn from the same batches.
        """
        self.updates += 1
        if self.target is not None:
            self.target.follow(self.belief.encoder)
        with torch.no_grad():
            for loss in losses:
                if loss.compared is not None:
                    self.objective.observe(loss.compared)
        self.predictor.follow()
        if self.predictor.adversary is not None:
            self.predictor.adversary.learn(
                [x.adversary for x in losses if x.adversary is not None]
            )

    def diagnose(
        self, target: Float32[Tensor, "R B D"]
    ) -> dict[str, Float32[Tensor, ""]]:
        """Have target latents collapsed (see `diagnosis`)? And the updates so far."""
        return {**diagnosis(target), "world_model/updates": self.updates.float()}

    def _groups(self, num_steps: int, num_envs: int, num_context: int) -> Groups:
        """Groups of the size that the fresh steps alone have."""
        fresh = num_steps - num_context
        return Groups(
            num_steps, num_envs, *self.scope.group(fresh, num_envs, self.group)
        )


def _windows(
    rows: Float32[Tensor, "R B D"], horizon: int
) -> Float32[Tensor, "K R-1 B D"]:
    """`[k, t]` is row t+k+1; rows beyond the window are zero. A view, not a copy."""
    steps = len(rows) - 1
    padding = rows.new_zeros(horizon - 1, *rows.shape[1:])
    rows = torch.cat([rows[1:], padding])
    return rows.unfold(0, steps, 1).movedim(-1, 1)
