"""BYOL-Explore's model against loops written from its equations."""

import pytest
import torch
from torch import Tensor

from ssl_objectives.methods.bootstrap.byol import Byol, SimSiam
from ssl_objectives.methods.contrast.info_nce import info_nce
from ssl_objectives.objective import Needs, Objective, TargetKind
from ssl_objectives.parts.critics import Dot
from ssl_objectives.refusal import ConfigError
from tests.world_models.small_model import B, K, T, build, jepa, noise, target_of
from world_models.cores.gru_cell import GruCell
from world_models.latent_dynamics import LatentDynamics
from world_models.model_loss import PREDICTION
from world_models.open_loop import GruLoop
from world_models.predictor import Ahead, LatentHead, Prediction, Predictor
from world_models.scope import Scope
from world_models.terms.term import Added, Term, Unrolled
from world_models.trajectory import Trajectory


def guessed(model: LatentDynamics, belief: Tensor) -> Tensor:
    """What the head says of open-loop beliefs."""
    head = model.predictor
    assert isinstance(head, LatentHead)
    latent: Tensor = head.layers(belief)
    return latent


@pytest.fixture
def traj(generator: torch.Generator) -> Trajectory:
    return noise(generator)


def test_loss_is_the_written_out_one(traj: Trajectory) -> None:
    """Every start, every step, one at a time, with cuts at episode ends."""
    model = build()
    # a target that differs from the online encoder, so that mixing them up shows
    for p in target_of(model).parameters():
        p.data.mul_(0.9)
    got = model.loss(traj, model.start(B))
    belief = model.belief.observe(
        traj.obs[:-1], traj.action[:-1], traj.first[:-1], model.start(B)
    ).belief
    for b in range(B):
        for t in range(T):
            state = belief[t, b]
            for k in range(K):
                inside = t + k < T
                crossed = inside and bool(traj.first[t + 1 : t + k + 2, b].any())
                assert bool(got.valid[k, t, b]) == (inside and not crossed)
                if not inside or crossed:
                    continue
                embedded = model.belief.embedding(traj.action[t + k, b])
                cell = cell_of(model)
                state = cell.step(cell.gates(embedded), state)
                guess = guessed(model, state)
                wanted = target_of(model)(traj.obs[t + k + 1, b])
                difference = guess / guess.norm() - wanted / wanted.norm()
                want = difference.square().sum()
                torch.testing.assert_close(
                    got.terms[PREDICTION][k, t, b], want, rtol=1e-4, atol=1e-5
                )


def cell_of(model: LatentDynamics) -> GruCell:
    assert isinstance(model.open_loop, GruLoop)
    return model.open_loop.cell


def test_imagine_agrees_with_the_loss_path(traj: Trajectory) -> None:
    model = build()
    belief = torch.randn(B, 17)
    action = traj.action[:K]
    got = model.imagine(belief, action)
    state = belief
    for k in range(K):
        gates = cell_of(model).gates(model.belief.embedding(action[k]))
        state = cell_of(model).step(gates, state)
        torch.testing.assert_close(got[k], guessed(model, state))


def test_gradient_reaches_all_but_the_target(traj: Trajectory) -> None:
    model = build()
    model.loss(traj, model.start(B)).mean().backward()
    for name, p in model.named_parameters():
        if name.startswith("target."):
            assert p.grad is None
            assert not p.requires_grad
        else:
            assert p.grad is not None, name
            assert p.grad.abs().sum() > 0, name


def test_target_follows_by_exactly_its_rate() -> None:
    model = build()
    before = [p.clone() for p in target_of(model).parameters()]
    with torch.no_grad():
        for p in model.belief.encoder.parameters():
            p.add_(1.0)
    model.after_update()
    assert int(model.updates) == 1
    for old, new in zip(before, target_of(model).parameters(), strict=True):
        torch.testing.assert_close(new, old + 0.01, rtol=0, atol=1e-5)


def test_losses_lie_between_zero_and_four(traj: Trajectory) -> None:
    model = build()
    loss = model.loss(traj, model.start(B)).terms[PREDICTION]
    assert (loss >= 0).all()
    assert (loss <= 4 + 1e-5).all()


def test_targets_can_be_given(traj: Trajectory) -> None:
    model = build()
    carry = model.start(B)
    target = model.targets(traj, carry)
    assert not target.requires_grad
    given = model.loss(traj, carry, target).terms[PREDICTION]
    torch.testing.assert_close(given, model.loss(traj, carry).terms[PREDICTION])


@pytest.mark.parametrize(
    ("asked", "target"),
    [
        (Byol.needs, TargetKind.SHARED),
        (Byol.needs, TargetKind.STOP),
        (SimSiam.needs, TargetKind.SHARED),
        (Byol.needs._replace(rows=True), TargetKind.EMA),
        (Byol.needs._replace(sweep=True), TargetKind.EMA),
        (Byol.needs._replace(per_sample=False), TargetKind.EMA),
        (Byol.needs._replace(extra=frozenset({"sound"})), TargetKind.EMA),
    ],
)
def test_an_objective_it_cannot_serve_is_refused(
    asked: Needs, target: TargetKind
) -> None:
    class Banked(Byol):
        needs = asked

    model = build()
    with pytest.raises(
        ValueError, match=r"wants targets of|wants a loss per|Banked needs"
    ):
        LatentDynamics(
            model.belief, model.open_loop, model.predictor, Banked(), K, target
        )
    assert issubclass(Banked, Objective)


def test_without_a_target_network_both_sides_are_trained(traj: Trajectory) -> None:
    """By the squared error to the encoder's own latents, through either of them."""
    model = jepa()
    carry = model.start(B)
    given = model.targets(traj, carry)
    seen = model.see(traj, carry, 0 * given)  # it has better ones itself
    aims = seen.target
    torch.testing.assert_close(aims, given)
    assert seen.latent is aims
    loss = model.predict(seen, traj.action, traj.valid)
    each = loss.terms[PREDICTION]
    embedded = model.belief.embedding(traj.action)
    ahead = guessed(model, model.open_loop.all_starts(seen.belief, embedded, K))
    for k, t, b in loss.valid.nonzero().tolist():
        want = 25 * (ahead[k, t, b] - aims[t + k + 1, b]).square().mean()
        torch.testing.assert_close(each[k, t, b], want)
    (gradient,) = torch.autograd.grad(each.sum(), aims, retain_graph=True)
    assert gradient[1:].any()
    loss.mean().backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())
    model.after_update()
    assert int(model.updates) == 1


def test_the_regulariser_is_of_what_was_seen_at_one_step(traj: Trajectory) -> None:
    model = jepa()
    loss = model.loss(traj, model.start(B))
    latent = model.targets(traj, model.start(B))
    each = []
    for rows in latent[1:]:  # each row once, those in front of a reset as well
        hinge = torch.relu(1 - (rows.var(0) + 1e-4).sqrt()).mean()
        covariance = torch.cov(rows.T)
        off = covariance - covariance.diag().diag()
        each.append(25 * hinge + off.square().sum() / rows.shape[1])
    torch.testing.assert_close(loss.regularizer, torch.stack(each).mean())


@pytest.mark.parametrize("scope", list(Scope))
def test_scope_says_which_rows_are_compared(scope: Scope, traj: Trajectory) -> None:
    model = jepa(scope, info_nce(Dot()))
    loss = model.loss(traj, model.start(B))
    each = loss.terms[PREDICTION]
    seen = model.see(traj, model.start(B))
    belief, aims = seen.belief, seen.target
    embedded = model.belief.embedding(traj.action)
    ahead = guessed(model, model.open_loop.all_starts(belief, embedded, K))
    for k, t, b in loss.valid.nonzero().tolist():
        scores = []
        for step, env in loss.valid[k].nonzero().tolist():
            beside = {Scope.BATCH: step == t, Scope.TIME: env == b, Scope.ALL: True}
            if beside[scope]:
                scores.append(ahead[k, t, b] @ aims[step + k + 1, env])
        own = ahead[k, t, b] @ aims[t + k + 1, b]
        want = torch.stack(scores).logsumexp(0) - own
        torch.testing.assert_close(each[k, t, b], want, rtol=1e-4, atol=1e-4)
    assert not each[~loss.valid].any()


class Counting(Predictor):
    """Says the belief's first entries, counts its updates, adds what is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("followed", torch.zeros((), dtype=torch.int64))
        self.followed: Tensor
        self.scale = torch.nn.Parameter(torch.ones(()))
        self.told: list[Ahead] = []

    def forward(self, ahead: Ahead) -> Prediction:
        self.told.append(ahead)
        guess = self.scale * ahead.after.new_ones(*ahead.after.shape[:-1], 24)
        size = ahead.after.square().mean(-1)
        if ahead.aim is None:
            return Prediction(guess)
        terms = {"size": size, "seen": size.detach() + 1}
        return Prediction(guess, terms, {"size": 0.5})

    def follow(self) -> None:
        self.followed += 1


def test_a_predictor_reads_what_lies_around_each_step(traj: Trajectory) -> None:
    """Belief before and behind, the action between them, and what came."""
    plain, head = build(), Counting()
    model = LatentDynamics(plain.belief, plain.open_loop, head, Byol(), K)
    seen = model.see(traj, model.start(B))
    loss = model.predict(seen, traj.action, traj.valid)
    [ahead] = head.told
    assert ahead.aim is not None
    assert not ahead.aim.requires_grad
    assert ahead.valid is not None
    assert torch.equal(ahead.valid, loss.valid)
    embedded = model.belief.embedding(traj.action)
    cell = cell_of(model)
    for k, t, b in loss.valid.nonzero().tolist():
        action = embedded[t + k, b]
        torch.testing.assert_close(ahead.action[k, t, b], action)
        torch.testing.assert_close(ahead.aim[k, t, b], seen.target[t + k + 1, b])
        before = seen.belief[t, b] if k == 0 else ahead.after[k - 1, t, b]
        torch.testing.assert_close(ahead.before[k, t, b], before)
        after = cell.step(cell.gates(action), before)
        torch.testing.assert_close(ahead.after[k, t, b], after)
    assert set(loss.terms) == {PREDICTION, "size", "seen"}
    assert loss.weights == {PREDICTION: 1.0, "size": 0.5}
    each = {name: x[loss.valid].mean() for name, x in loss.terms.items()}
    want = each[PREDICTION] + 0.5 * each["size"]
    torch.testing.assert_close(loss.mean(), want)
    model.imagine(seen.belief[0], traj.action[:K])
    assert head.told[-1].aim is head.told[-1].valid is None
    model.after_update(loss)
    assert head.followed == 1


class Twice(Term):
    """Twice the mean of the latents it is given, where it is given some."""

    def forward(self, unrolled: Unrolled) -> Added:
        self.unrolled = unrolled
        each = unrolled.ahead.after.abs().mean(-1)
        if unrolled.latent is None:
            return Added(terms={"reach": each})
        mean = 2 * unrolled.latent.mean()
        return Added(mean, {"reach": each}, {"reach": 0.1}, {"mean": mean.detach()})


@pytest.mark.parametrize("target", [False, True])
def test_terms_add_to_the_loss(traj: Trajectory, target: bool) -> None:
    plain, term = build() if target else jepa(), Twice()
    model = LatentDynamics(
        plain.belief,
        plain.open_loop,
        plain.predictor,
        plain.objective,
        K,
        plain.kind,
        terms=[term],
    )
    carry = model.start(B)
    one, two = plain.loss(traj, carry), model.loss(traj, carry)
    latent = term.unrolled.latent
    assert latent is not None
    assert len(latent) == (T if target else T + 1)
    assert torch.equal(term.unrolled.usable, two.valid)
    added = 2 * latent.mean() + 0.1 * two.terms["reach"][two.valid].mean()
    torch.testing.assert_close(two.mean(), one.mean() + added)
    torch.testing.assert_close(two.metrics["mean"], 2 * latent.mean())
    assert torch.equal(two.terms[PREDICTION], one.terms[PREDICTION])
    # scored, it pays what a signal asks for
    paid = model.surprise(traj, carry).arrival("reach")
    torch.testing.assert_close(paid, two.arrival("reach").detach())
    assert any(name.startswith("terms.0") for name, _ in model.named_modules())


def test_two_terms_of_one_name_are_refused(traj: Trajectory) -> None:
    """Else one would hide the other, which would be trained no more."""
    plain = build()
    parts = plain.belief, plain.open_loop, plain.predictor
    model = LatentDynamics(*parts, plain.objective, K, terms=[Twice(), Twice()])
    with pytest.raises(ConfigError, match=r"two terms .* are called reach"):
        model.loss(traj, model.start(B))
