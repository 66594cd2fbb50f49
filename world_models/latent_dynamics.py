"""The latent world model: beliefs, open-loop predictions of latents, their loss."""

from collections.abc import Iterable

import torch
from jaxtyping import Bool, Float32, Shaped, UInt8
from torch import Tensor, nn

from ssl_objectives.distributed import check_equal_rows, gathered_rows, num_processes
from ssl_objectives.evaluating import evaluating
from ssl_objectives.objective import Objective, TargetKind, Views
from ssl_objectives.parts.targets import EmaTarget
from world_models.belief import BeliefModel, Carry, encoded
from world_models.context import Context
from world_models.diagnosis import diagnosis
from world_models.fits import IMAGE, check_latents_fit, check_objective_fits
from world_models.frames import stack_frames
from world_models.model_loss import PREDICTION, ModelLoss, prediction_valid
from world_models.open_loop import OpenLoop
from world_models.predictor import Ahead, Prediction, Predictor
from world_models.scope import Groups, Scope
from world_models.seen import Seen, unknown_before, windows
from world_models.settled import SettledMoments
from world_models.terms.term import Term, Unrolled
from world_models.trajectory import Trajectory


class LatentDynamics(nn.Module):
    """A world model: belief model, open loop over K actions, target, objective.

    The belief model is shared with the policy by whoever builds both. With
    `objective = Byol()` and a slow copy as target this is BYOL-Explore's model; with
    `VicReg()` and targets that carry gradient a joint-embedding predictive architecture
    (JEPA). See `world_models/presets.py`.

    Args:
        belief: frames and actions to beliefs.
        open_loop: beliefs over actions.
        predictor: beliefs to projected latents; may see what came, and have an
            adversary.
        objective: compares predictions with targets, per sample.
        horizon: K.
        target: where targets come from: a slow copy of encoder and projector (EMA), or
            encoder and projector themselves, without (STOP) or with gradient (SHARED).
        ema_decay: of the slow copy, per gradient step.
        projector: from latents to what is predicted; None for the latents themselves.
            It learns where targets are SHARED, from what the objective regularises,
            and where there is a head; else it stays as it began.
        head: from projections of predicted latents to predictions: BYOL's predictor.
            The model's `predictor` then gives latents, which pass the projector like
            those that were seen. None: it gives projections at once.
        detached: the gradient of predictions stops at the belief, so that terms (and
            what the objective regularises) alone shape the encoder.
        scope: which rows an objective that compares rows may compare.
        group: rows compared at once, at most: scores of all against all grow with its
            square.
        terms: what the model learns beside its predictions.
        standardized: latents of the slow copy are predicted less a mean and over a
            standard deviation, which are gathered over so many gradient steps and then
            stay; 0: as they are. Predictions, those that are imagined too, lie in that
            space; `targets` gives latents as they are.

    Raises:
        ValueError: the objective needs something this composition lacks.
    """

    def __init__(
        self,
        belief: BeliefModel,
        open_loop: OpenLoop,
        predictor: Predictor,
        objective: Objective,
        horizon: int,
        target: TargetKind = TargetKind.EMA,
        ema_decay: float = 0.99,
        projector: nn.Module | None = None,
        head: nn.Module | None = None,
        detached: bool = False,
        scope: Scope = Scope.BATCH,
        group: int = 512,
        terms: Iterable[Term] = (),
        standardized: int = 0,
    ) -> None:
        super().__init__()
        check_objective_fits(objective, target, detached)
        if standardized and target is not TargetKind.EMA:
            raise ValueError(
                "only latents of a slow copy can be standardised by moments that stay; "
                "leave --model.standardized at 0, or take --model.target ema"
            )
        if group < 2:
            raise ValueError(f"group must be at least 2 rows, not {group}")
        self.belief = belief
        self.open_loop = open_loop
        self.predictor = predictor
        self.projector = projector or nn.Identity()
        self.head = head
        check_latents_fit(objective, belief.encoder, self.projector)
        self.kind, self.detached = target, detached
        self.target: EmaTarget | None = None
        if target is TargetKind.EMA:
            self.target = EmaTarget(self._eyes(), ema_decay)
        self.settled: SettledMoments | None = None
        if standardized:
            rows = torch.zeros(2, belief.encoder.size)
            with torch.no_grad(), evaluating(self.projector):
                size = self.projector(rows).shape[-1]
            self.settled = SettledMoments(size, standardized)
        self.objective = objective
        self.horizon = horizon
        self.scope, self.group = scope, group
        self.terms: Iterable[Term] = nn.ModuleList(terms)  # type: ignore[assignment]  # torch's list is not generic
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))
        self.updates: Tensor

    def start(self, num_envs: int) -> Carry:
        """The carry before the first row of all."""
        return self.belief.start(num_envs)

    def targets(self, traj: Trajectory, carry: Carry) -> Float32[Tensor, "R B P"]:
        """Latents of all T+1 rows that predictions should hit, without gradient."""
        network = self._eyes() if self.target is None else self.target.network
        encoder, projector = network.children()
        with torch.no_grad():
            images, _ = stack_frames(traj.obs, traj.first, carry.frames)
            latent: Tensor = projector(encoded(encoder, images, traj.vector))
        return latent

    def goal(
        self,
        obs: UInt8[Tensor, "B C H W"],
        vector: Float32[Tensor, "B V"] | None = None,
    ) -> Float32[Tensor, "B P"]:
        """What `imagine` would give of actions that lead to these frames, for good.

        A frame stack is filled with the frame: whoever is at the goal stands still.
        """
        network = self._eyes() if self.target is None else self.target.network
        encoder, projector = network.children()
        stacked = obs.repeat(1, self.belief.num_frames, 1, 1)
        with torch.no_grad():
            latent: Tensor = projector(encoded(encoder, stacked, vector))
            return latent if self.settled is None else self.settled(latent)

    def see(
        self,
        traj: Trajectory,
        carry: Carry,
        target: Float32[Tensor, "R B P"] | None = None,
    ) -> Seen:
        """Beliefs of the T rows acted from, and the latents their predictions aim at.

        With a target network these are `target` (or computed). Without one they are
        the model's own latents of these very rows, whatever is given.
        """
        if self.target is not None and target is None:
            target = self.targets(traj, carry)
        look = self.belief.along if self.target is not None else self.belief.throughout
        seen = look(traj, carry)
        projected = self.projector(seen.latent)
        if self.target is None:
            target = projected
            if self.kind is TargetKind.STOP:
                target = projected.detach()
        assert target is not None
        return Seen(
            seen.belief[: traj.num_steps],
            target,
            seen.latent,
            projected,
            traj.obs if self.compares_frames else None,
            traj.facts,
        )

    def ahead(
        self, belief: Float32[Tensor, "*batch S"], action: Shaped[Tensor, "..."]
    ) -> Float32[Tensor, "K *batch S"]:
        """Open-loop beliefs behind each of K actions: all that is known of then."""
        beliefs: Tensor = self.open_loop(belief, self.belief.embedding(action))
        return beliefs

    def imagine(
        self,
        belief: Float32[Tensor, "*batch S"],
        action: Shaped[Tensor, "..."],
    ) -> Float32[Tensor, "K *batch P"]:
        """Predicted (projected) latents after each of K actions."""
        embedded = self.belief.embedding(action)
        after = self.open_loop(belief, embedded)
        return self._predicted(self.predictor(Ahead(belief, after, embedded)))

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
        belief = seen.belief.detach() if self.detached else seen.belief
        embedded = self.belief.embedding(action)
        after = self.open_loop.all_starts(belief, embedded, self.horizon)
        target = seen.target if self.settled is None else self.settled(seen.target)
        aims = windows(target, self.horizon)
        acted = windows(torch.cat([embedded[:1], embedded]), self.horizon)
        usable = prediction_valid(valid, self.horizon, num_context)
        ahead = Ahead(belief, after, acted, aims.detach(), usable)
        prediction: Prediction = self.predictor(ahead)
        latent = self._predicted(prediction)
        groups = self._groups(valid.shape[0], valid.shape[1], num_context)
        views = self._views(seen, latent, aims, usable, groups)
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
        unrolled = Unrolled(
            seen.latent, ahead, latent, action, valid, usable, seen.facts
        )
        for term in self.terms:
            added = term(unrolled)
            whole = whole.plus(
                added.terms, added.weights, added.regularizer, added.metrics
            )
        return whole

    def loss(
        self,
        traj: Trajectory,
        carry: Carry,
        target: Float32[Tensor, "R B P"] | None = None,
        burn_in: int = 0,
    ) -> ModelLoss:
        """Loss on a trajectory; with several processes, on those of all.

        Args:
            traj: T transitions.
            carry: of its first row; from a replay it is that of an older model.
            target: what `targets` gave, where it is known.
            burn_in: transitions in front from which only the memory is brought up to
                date, without gradient (R2D2); the loss is that of the others.

        Raises:
            ValueError: nothing is left behind the burn-in.
        """
        traj, carry = self.belief.behind_burn_in(traj, carry, burn_in)
        target = None if target is None else target[burn_in:]
        check_equal_rows(traj.first.shape[1], traj.first.device)
        return self.predict(
            self.see(traj, carry, target).of_all_processes(),
            gathered_rows(traj.action, 1),
            gathered_rows(traj.valid, 1),
        )

    def _views(
        self,
        seen: Seen,
        prediction: Float32[Tensor, "K T B P"],
        aims: Float32[Tensor, "K T B P"],
        usable: Bool[Tensor, "K T B"],
        groups: Groups,
    ) -> Views:
        """Predictions beside what came; and the rows seen, each once."""
        rows, valid_z = None, None
        if seen.projected is not None:
            # without a target network one row more was encoded than acted from
            rows = groups.split(seen.projected[-usable.shape[1] :].unsqueeze(0))
            valid_z = usable.new_ones(rows.shape[:-1])
        extra = {}
        if seen.frames is not None:
            images = groups.split(windows(seen.frames, self.horizon))
            extra[IMAGE] = images.unsqueeze(-4)
        return Views(
            z=(None, rows),
            p=(groups.split(prediction), None),
            t=(None, groups.split(aims)),
            pairs=((0, 1),),
            valid=groups.split(usable),
            extra=extra,
            valid_z=valid_z,
        )

    @torch.no_grad()
    def surprise(
        self,
        traj: Trajectory,
        carry: Carry,
        context: Context | None = None,
        target: Float32[Tensor, "R B P"] | None = None,
        belief: Float32[Tensor, "T B S"] | None = None,
        envs_at_once: int | None = None,
    ) -> ModelLoss:
        """The unreduced loss on a fresh rollout, with the context across the seam.

        With several processes it is that of this process's envs. Where envs that are
        scored together lie in different processes, each scores the envs of all.

        Args:
            traj: the rollout.
            carry: of its first row.
            context: what came before; predictions made there land in the rollout.
            target: what `targets` gave, where it is known.
            belief: of rows 0 … T-1, or of the context's rows too, where they are known
                and still true.
            envs_at_once: scored together, of all processes. As many as a minibatch of
                training has take no more memory than that, and an objective that
                compares rows compares as many of them; None scores all at once.
        """
        if target is None:
            target = self.targets(traj, carry)
        if belief is None:
            belief = self.belief.along(traj, carry).belief
        action, valid, num_context = traj.action, traj.valid, 0
        frames = traj.obs if self.compares_frames else None
        if context is not None:
            num_context = context.traj.num_steps
            if len(belief) == len(valid):
                before = self.belief.along(context.traj, context.carry)
                belief = torch.cat([before.belief, belief])
            # what lands inside the context itself was paid a rollout ago
            target = unknown_before(target, num_context)
            frames = None if frames is None else unknown_before(frames, num_context)
            action = torch.cat([context.traj.action, action])
            valid = torch.cat([context.traj.valid, valid])
        seen, own = Seen(belief, target, frames=frames), valid.shape[1]
        apart = envs_at_once is not None and own % envs_at_once == 0
        if num_processes() == 1 or apart:
            return self._surprise(seen, action, valid, num_context, envs_at_once)
        whole = self._surprise(
            seen.of_all_processes(),
            gathered_rows(action, 1),
            gathered_rows(valid, 1),
            num_context,
            envs_at_once,
        )
        return whole.own()

    def _surprise(
        self,
        seen: Seen,
        action: Shaped[Tensor, "T B ..."],
        valid: Bool[Tensor, "T B"],
        num_context: int,
        envs_at_once: int | None,
    ) -> ModelLoss:
        """The same of what was seen, so many envs at once."""
        size = envs_at_once or valid.shape[1]
        return ModelLoss.join(
            [
                self.predict(
                    seen.envs(i, i + size),
                    action[:, i : i + size],
                    valid[:, i : i + size],
                    num_context,
                )
                for i in range(0, valid.shape[1], size)
            ]
        )

    def after_update(self, *losses: ModelLoss) -> None:
        """Follow a gradient step that was taken on these losses.

        Counts it, lets the target follow and the objective observe all that was
        compared, and lets the predictor's adversary learn from the same batches.
        """
        self.updates += 1
        if self.target is not None:
            self.target.follow(self._eyes())
        with torch.no_grad():
            for loss in losses:
                if loss.compared is not None:
                    self.objective.observe(loss.compared)
        if self.settled is not None:
            came = [x.compared.t[1] for x in losses if x.compared is not None]
            self.settled.follow([x[0] for x in came if x is not None])
        self.predictor.follow()
        for term in self.terms:
            term.follow()
        if self.predictor.adversary is not None:
            self.predictor.adversary.learn(
                [x.adversary for x in losses if x.adversary is not None]
            )

    def diagnose(
        self, target: Float32[Tensor, "R B P"]
    ) -> dict[str, Float32[Tensor, ""]]:
        """Have target latents collapsed (see `diagnosis`)? And the updates so far."""
        return {**diagnosis(target), "world_model/updates": self.updates.float()}

    def _predicted(self, prediction: Prediction) -> Float32[Tensor, "K *batch P"]:
        """In the space of the targets."""
        if self.head is None:
            return prediction.latent
        latent: Tensor = self.head(self.projector(prediction.latent))
        return latent

    def _eyes(self) -> nn.Sequential:
        """Encoder and projector; not kept, since the belief model owns the encoder."""
        return nn.Sequential(self.belief.encoder, self.projector)

    @property
    def compares_frames(self) -> bool:
        """Whether predictions are decoded and compared with frames, not latents."""
        return IMAGE in self.objective.needs.extra

    def _groups(self, num_steps: int, num_envs: int, num_context: int) -> Groups:
        """Groups of the size that the fresh steps alone have."""
        fresh = num_steps - num_context
        return Groups(
            num_steps, num_envs, *self.scope.group(fresh, num_envs, self.group)
        )
