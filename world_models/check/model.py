"""`check_model`: does a world model keep the contract? For our tests and your own."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ssl_objectives.check.state import copied, unchanged
from ssl_objectives.evaluating import evaluating
from ssl_objectives.methods.bootstrap.byol import Byol
from world_models.belief import BeliefModel
from world_models.check.samples import (
    BeliefMaker,
    Spy,
    objective_replaced,
    random_actions,
    random_trajectory,
    small_beliefs,
    without_terms,
)
from world_models.latent_dynamics import LatentDynamics
from world_models.model_loss import PREDICTION, ModelLoss, prediction_valid
from world_models.seen import Seen
from world_models.trajectory import Trajectory

_ENVS, _CUT = 3, 4


class ModelContractError(AssertionError):
    """A world model breaks the contract; the message says with what, and how."""


def check_model(
    make: Callable[[BeliefModel], LatentDynamics],
    beliefs: Mapping[str, BeliefMaker] | None = None,
    facts: Mapping[str, int] | None = None,
) -> None:
    """Put random trajectories through a world model and hold it to its contract.

    Whether anything leaks from one episode or env into another is measured with BYOL
    in place of the model's objective, and in evaluation mode: others may compare rows
    on purpose, as batch norms do while they learn. Predictions that are detached must
    give the encoder no gradient at all; the loss of any other model must give some.

    Args:
        make: builds the model around a belief model: `MyConfig().build`.
        beliefs: makers of belief models by name; default: three small ones. Encoders
            and cores from outside are checked by giving beliefs made of them (in
            float32, since bf16 is too coarse for the comparisons made here).
        facts: numbers in each fact that trajectories shall tell, by name, for terms
            that are taught by them.

    Raises:
        ModelContractError: with the first broken rule.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for name, belief in (small_beliefs() if beliefs is None else beliefs).items():
            _Check(make, belief, facts or {}, f"{name}: ").run()


class _Check:
    """One model on one kind of belief: every rule is a method."""

    def __init__(
        self,
        make: Callable[[BeliefModel], LatentDynamics],
        belief: BeliefMaker,
        facts: Mapping[str, int],
        where: str,
    ) -> None:
        self.make, self.make_belief, self.where = make, belief, where
        self.belief = belief()
        self.model = model = make(self.belief)
        self._say(
            isinstance(model, LatentDynamics),
            f"it must be a LatentDynamics, not a {type(model).__name__}",
        )
        self._say(
            model.belief is self.belief,
            "it must be built around the belief model it is given, which the policy "
            "shares",
        )
        horizon = model.horizon
        self._say(
            isinstance(horizon, int) and horizon >= 1,
            f"horizon must be a number of steps of at least 1, not {horizon!r}",
        )
        self.num_steps = horizon + _CUT + 3
        self.traj = random_trajectory(self.belief, self.num_steps, _ENVS, _CUT, facts)
        with torch.no_grad(), evaluating(model):
            rows = model.projector(torch.zeros(2, self.belief.encoder.size))
        self.size = rows.shape[-1]

    def run(self) -> None:
        """All rules, the simplest first: what is told is what is really wrong."""
        self._sees()
        self._targets_are_constants()
        self._loses()
        self._repeats_and_writes_nothing()
        with evaluating(self.model):
            self._imagines()
            self._agent_and_replay_see_the_same_loss()
            with objective_replaced(self.model, Byol()):
                self._envs_are_apart()
                self._nothing_looks_ahead()
                self._episodes_are_apart()
        self._gradient_goes_where_it_should()
        self._follows()
        self._state_is_all_there_is()

    def _say(self, condition: bool, rule: str) -> None:
        if not condition:
            raise ModelContractError(self.where + rule)

    def _is(self, what: str, x: Any, *shape: int) -> None:
        """A finite float32 tensor of this shape."""
        described = type(x).__name__
        fits = False
        if isinstance(x, Tensor):
            described = f"{x.dtype} {tuple(x.shape)}"
            fits = tuple(x.shape) == shape and x.dtype == torch.float32
        self._say(fits, f"{what} is {described}, expected torch.float32 {shape}")
        self._say(bool(x.isfinite().all()), f"{what} is not finite")

    def _loss(
        self, traj: Trajectory | None = None, model: LatentDynamics | None = None
    ) -> ModelLoss:
        traj, model = traj or self.traj, model or self.model
        return model.loss(traj, model.start(traj.first.shape[1]))

    def _belief(self) -> Tensor:
        """Beliefs of rows 0 … T-1."""
        return self.belief.along(self.traj, self.model.start(_ENVS)).belief

    def _sees(self) -> None:
        traj, belief = self.traj, self.belief
        seen = belief.throughout(traj, self.model.start(_ENVS))
        rows = self.num_steps + 1
        self._is("the latent", seen.latent, rows, _ENVS, belief.encoder.size)
        self._is("the belief", seen.belief, rows, _ENVS, belief.size)
        memory = belief.core.memory_size
        self._is("the core's memory", seen.carry.memory, _ENVS, memory)

    def _targets_are_constants(self) -> None:
        traj = self.traj
        target = self.model.targets(traj, self.model.start(_ENVS))
        self._is("targets", target, self.num_steps + 1, _ENVS, self.size)
        self._say(not target.requires_grad, "targets carry gradient; detach them")
        if self.model.target is not None:
            learns = any(x.requires_grad for x in self.model.target.parameters())
            self._say(not learns, "the target network's parameters require gradient")

    def _loses(self) -> None:
        loss: Any = self.model.loss(self.traj, self.model.start(_ENVS))
        self._say(
            isinstance(loss, ModelLoss),
            f"loss must be a ModelLoss, not a {type(loss).__name__}",
        )
        shape = (self.model.horizon, self.num_steps, _ENVS)
        self._say(
            PREDICTION in loss.terms and set(loss.weights) <= set(loss.terms),
            f"the loss has the terms {sorted(loss.terms)} and weights for "
            f"{sorted(loss.weights)}; '{PREDICTION}' must be among the terms, and "
            "each weight's term too",
        )
        for name, each in loss.terms.items():
            self._is(f"the term '{name}'", each, *shape)
        want = prediction_valid(self.traj.valid, self.model.horizon)
        self._say(
            torch.equal(loss.valid, want),
            "`valid` must be True exactly for predictions inside one episode and the "
            "window: see prediction_valid",
        )
        self._is("the regularizer", loss.regularizer)
        self._is("the mean of the loss", loss.mean())

    def _imagines(self) -> None:
        belief = self._belief()[:2]
        generator = torch.Generator().manual_seed(3)
        steps = self.model.horizon + 1
        batch = (steps, *belief.shape[:-1])
        action = random_actions(self.belief.embedding, batch, generator)
        latent = self.model.imagine(belief, action)
        self._is("what is imagined", latent, *batch, self.size)
        sooner = self.model.imagine(belief, action[: steps - 1])
        self._say(
            _near(latent[: steps - 1], sooner),
            "what is imagined after k actions depends on later ones",
        )

    def _repeats_and_writes_nothing(self) -> None:
        before = _remembered(self.model)
        one, two = self._loss(), self._loss()
        same = torch.equal(one.terms[PREDICTION], two.terms[PREDICTION])
        self._say(
            same and torch.equal(one.regularizer, two.regularizer),
            "loss twice on the same trajectory gave two results",
        )
        written = not unchanged(before, _remembered(self.model))
        self._say(not written, "computing the loss writes state; do it in after_update")

    def _agent_and_replay_see_the_same_loss(self) -> None:
        traj, model = self.traj, self.model
        target = model.targets(traj, model.start(_ENVS))
        seen = Seen(self._belief(), target, frames=traj.obs)
        parts = model.predict(seen, traj.action, traj.valid)
        learned = self._loss().terms[PREDICTION]
        self._say(
            _near(parts.terms[PREDICTION], learned),
            "predict, on beliefs and targets, differs from loss",
        )
        scored = model.surprise(traj, model.start(_ENVS))
        self._say(
            _near(scored.terms[PREDICTION], learned),
            "surprise, by which rewards are paid, differs from loss",
        )

    def _envs_are_apart(self) -> None:
        whole = self._loss()
        for env in range(_ENVS):
            alone = self._loss(self.traj.envs(torch.tensor([env])))
            self._same(
                whole.terms[PREDICTION][:, :, env],
                alone.terms[PREDICTION][:, :, 0],
                alone.valid[:, :, 0],
                "the loss of an env depends on the envs beside it",
            )

    def _episodes_are_apart(self) -> None:
        whole, env = self._loss(), self.traj.envs(torch.tensor([1]))
        before = self._loss(env.steps(0, _CUT - 1))
        behind = self._loss(env.steps(_CUT, self.num_steps))
        for part, start in ((before, 0), (behind, _CUT)):
            valid = part.valid[:, :, 0]
            rows = slice(start, start + valid.shape[1])
            self._same(
                whole.terms[PREDICTION][:, rows, 1],
                part.terms[PREDICTION][:, :, 0],
                valid,
                "the loss of an episode depends on the one before or behind it: forget "
                "at `first`",
            )

    def _nothing_looks_ahead(self) -> None:
        whole, traj = self._loss(), self.traj
        late = self.num_steps - 2
        obs, action = traj.obs.clone(), traj.action.clone()
        obs[late] = 255 - obs[late]
        action[late] = action[late].roll(1, 0)
        other = replace(traj, obs=obs)
        if traj.vector is not None:
            vector = traj.vector.clone()
            vector[late] = -vector[late]
            other = replace(other, vector=vector)
        start = torch.arange(self.num_steps).view(1, -1, 1)
        lands = start + torch.arange(1, self.model.horizon + 1).view(-1, 1, 1)
        before = self.model.start(_ENVS)
        target = self.model.targets(traj, before)
        belief = self.model.see(other, before, target).belief
        told = Seen(belief, target)
        seen = self.model.predict(told, traj.action, traj.valid)
        self._same(
            whole.terms[PREDICTION],
            seen.terms[PREDICTION],
            whole.valid & (start < late),
            "a prediction depends on frames that came later",
        )
        acted = self._loss(replace(traj, action=action))
        self._same(
            whole.terms[PREDICTION],
            acted.terms[PREDICTION],
            whole.valid & (lands <= late),
            "a prediction depends on actions that came later",
        )

    def _same(self, one: Tensor, two: Tensor, kept: Tensor, rule: str) -> None:
        assert kept.any()
        self._say(_near(one[kept], two[kept]), rule)

    def _gradient_goes_where_it_should(self) -> None:
        model = self.model
        model.zero_grad(set_to_none=True)
        loss = self._loss()
        loss.mean().backward()
        # detached predictions alone, as of a random encoder, have nothing to say to it
        if not model.detached or loss.regularizer.requires_grad:
            reached = _any_gradient(self.belief.encoder)
            self._say(reached, "no gradient reaches the encoder")
        given = [x.grad for x in model.parameters() if x.grad is not None]
        finite = all(bool(x.isfinite().all()) for x in given)
        self._say(finite, "a gradient is not finite")
        if model.detached:
            self._predictions_give_the_encoder_no_gradient()

    def _predictions_give_the_encoder_no_gradient(self) -> None:
        model = self.model
        model.zero_grad(set_to_none=True)
        with without_terms(model):
            loss = self._loss()
        replace(loss, regularizer=torch.zeros(())).mean().backward()
        self._say(
            not _any_gradient(self.belief.encoder, self.belief.core),
            "its predictions are detached, and give encoder or core a gradient",
        )

    def _follows(self) -> None:
        """A gradient step, and what must happen behind it."""
        model, spy = self.model, Spy(self.model.objective)
        with torch.no_grad():
            for x in self.belief.encoder.parameters():
                x.add_(0.1 * torch.randn_like(x))
        online = _remembered(self.belief)
        target = {} if model.target is None else copied(model.target)
        updates = int(model.updates)
        with objective_replaced(model, spy):
            one, two = self._loss(), self._loss()
            (one.mean() + two.mean()).backward()
            model.after_update(one, two)
        if model.target is not None:
            now = copied(model.target)
            self._say(
                not unchanged(target, now),
                "after_update does not move the target",
            )
        self._say(
            unchanged(online, _remembered(self.belief)),
            "after_update changes the belief model itself",
        )
        self._say(
            int(model.updates) == updates + 1, "after_update must count in `updates`"
        )
        self._say(
            spy.observed == 2,
            f"after_update let the objective observe {spy.observed} times, where the "
            "step was taken on two losses",
        )

    def _state_is_all_there_is(self) -> None:
        twin = self.make(self.make_belief())
        try:
            twin.load_state_dict(copied(self.model))
        except RuntimeError as error:
            raise ModelContractError(
                f"{self.where}its state does not fit another one built alike: {error}"
            ) from error
        for _ in range(2):
            one, two = self._loss(), self._loss(model=twin)
            self._say(
                torch.equal(one.terms[PREDICTION], two.terms[PREDICTION])
                and torch.equal(one.regularizer, two.regularizer),
                "with the state of another loaded, the loss differs: keep all state in "
                "parameters and persistent buffers",
            )
            self.model.after_update(one)
            twin.after_update(two)


def _near(one: Tensor, two: Tensor) -> bool:
    return torch.allclose(one, two, rtol=1e-4, atol=1e-4)


def _any_gradient(*modules: nn.Module) -> bool:
    given = [x.grad for module in modules for x in module.parameters()]
    return any(x is not None and bool(x.any()) for x in given)


def _remembered(model: nn.Module) -> dict[str, Tensor]:
    """Its state, but for what batch norms note of each batch that they see."""
    own = {
        f"{name}.{buffer}"
        for name, norm in model.named_modules()
        if isinstance(norm, _BatchNorm)
        for buffer, _ in norm.named_buffers()
    }
    return {name: x for name, x in copied(model).items() if name not in own}
