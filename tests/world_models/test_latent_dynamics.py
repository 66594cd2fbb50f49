"""BYOL-Explore's model against loops written from its equations."""

import pytest
import torch

from envs.vector_env import DiscreteActions
from ssl_objectives.encoders.cnn import nature_cnn
from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.methods.bootstrap.byol import Byol
from ssl_objectives.methods.contrast.info_nce import info_nce
from ssl_objectives.methods.moments.vicreg_barlow import VicReg
from ssl_objectives.objective import Needs, Objective
from ssl_objectives.parts.critics import Dot
from world_models.actions import embedding_of
from world_models.belief import BeliefModel
from world_models.cores.recurrent import RecurrentCore
from world_models.latent_dynamics import LatentDynamics
from world_models.presets import ByolExploreConfig
from world_models.scope import Scope
from world_models.trajectory import Trajectory

T, B, K = 9, 3, 4


def build() -> LatentDynamics:
    torch.manual_seed(1)
    encoder = Encoder(nature_cnn(1), (1, 40, 44), 24, Precision.FLOAT32)
    embedding = embedding_of(DiscreteActions(5), 6)
    belief = BeliefModel(encoder, RecurrentCore(24, 6, 17), embedding)
    return ByolExploreConfig(horizon=K, predictor_hidden=13).build(belief)


def target_of(model: LatentDynamics) -> torch.nn.Module:
    assert model.target is not None
    return model.target.network


@pytest.fixture
def traj(generator: torch.Generator) -> Trajectory:
    first = torch.rand(T + 1, B, generator=generator) < 0.2
    first[0, 0], first[5, 1] = True, True
    no = torch.zeros(T, B, dtype=torch.bool)
    obs = torch.randint(0, 256, (T + 1, B, 1, 40, 44), generator=generator)
    return Trajectory(
        action=torch.randint(0, 5, (T, B), generator=generator),
        reward=torch.zeros(T, B),
        terminated=no,
        truncated=no,
        obs=obs.to(torch.uint8),
        first=first,
    )


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
                cell = model.open_loop.cell
                state = cell.step(cell.gates(embedded), state)
                guess = model.predictor(state)
                wanted = target_of(model)(traj.obs[t + k + 1, b])
                difference = guess / guess.norm() - wanted / wanted.norm()
                want = difference.square().sum()
                torch.testing.assert_close(
                    got.per_prediction[k, t, b], want, rtol=1e-4, atol=1e-5
                )


def test_imagine_agrees_with_the_loss_path(traj: Trajectory) -> None:
    model = build()
    belief = torch.randn(B, 17)
    action = traj.action[:K]
    got = model.imagine(belief, action)
    state = belief
    for k in range(K):
        gates = model.open_loop.cell.gates(model.belief.embedding(action[k]))
        state = model.open_loop.cell.step(gates, state)
        torch.testing.assert_close(got[k], model.predictor(state))


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
    loss = model.loss(traj, model.start(B)).per_prediction
    assert (loss >= 0).all()
    assert (loss <= 4 + 1e-5).all()


def test_targets_can_be_given(traj: Trajectory) -> None:
    model = build()
    carry = model.start(B)
    target = model.targets(traj.obs, traj.first, carry)
    assert not target.requires_grad
    given = model.loss(traj, carry, target).per_prediction
    torch.testing.assert_close(given, model.loss(traj, carry).per_prediction)


@pytest.mark.parametrize(
    "asked",
    [
        Needs(),
        Byol.needs._replace(rows=True),
        Byol.needs._replace(sweep=True),
        Byol.needs._replace(per_sample=False),
        Byol.needs._replace(extra=frozenset({"sound"})),
    ],
)
def test_an_objective_it_cannot_serve_is_refused(asked: Needs) -> None:
    class Banked(Byol):
        needs = asked

    model = build()
    with pytest.raises(ValueError, match=r"wants targets from|wants a loss per"):
        LatentDynamics(
            model.belief, model.open_loop, model.predictor, model.target, Banked(), K
        )
    assert issubclass(Banked, Objective)


def jepa(
    scope: Scope = Scope.BATCH, objective: Objective | None = None
) -> LatentDynamics:
    model = build()
    return LatentDynamics(
        model.belief,
        model.open_loop,
        model.predictor,
        None,
        objective or VicReg(),
        K,
        scope,
    )


def test_without_a_target_network_both_sides_are_trained(traj: Trajectory) -> None:
    """By the squared error to the encoder's own latents, through either of them."""
    model = jepa()
    carry = model.start(B)
    given = model.targets(traj.obs, traj.first, carry)
    belief, aims = model.see(traj, carry, 0 * given)  # it has better ones itself
    torch.testing.assert_close(aims, given)
    loss = model.prediction_loss(belief, traj.action, traj.valid, aims)
    embedded = model.belief.embedding(traj.action)
    ahead = model.predictor(model.open_loop.all_starts(belief, embedded, K))
    for k, t, b in loss.valid.nonzero().tolist():
        want = 25 * (ahead[k, t, b] - aims[t + k + 1, b]).square().mean()
        torch.testing.assert_close(loss.per_prediction[k, t, b], want)
    (gradient,) = torch.autograd.grad(
        loss.per_prediction.sum(), aims, retain_graph=True
    )
    assert gradient[1:].any()
    loss.mean().backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())
    model.after_update()
    assert int(model.updates) == 1


def test_the_regulariser_is_of_what_was_seen_at_one_step(traj: Trajectory) -> None:
    model = jepa()
    loss = model.loss(traj, model.start(B))
    latent = model.targets(traj.obs, traj.first, model.start(B))
    each = []
    for k in range(K):
        for t in range(T):
            rows = latent[min(t + k + 1, T)][loss.valid[k, t]]
            spread = torch.zeros(())
            if len(rows) > 1:
                hinge = torch.relu(1 - (rows.var(0) + 1e-4).sqrt()).mean()
                covariance = torch.cov(rows.T)
                off = covariance - covariance.diag().diag()
                spread = 25 * hinge + off.square().sum() / rows.shape[1]
            each.append(spread)
    torch.testing.assert_close(loss.regularizer, torch.stack(each).mean())


@pytest.mark.parametrize("scope", list(Scope))
def test_scope_says_which_rows_are_compared(scope: Scope, traj: Trajectory) -> None:
    model = jepa(scope, info_nce(Dot()))
    loss = model.loss(traj, model.start(B))
    belief, aims = model.see(traj, model.start(B))
    embedded = model.belief.embedding(traj.action)
    ahead = model.predictor(model.open_loop.all_starts(belief, embedded, K))
    for k, t, b in loss.valid.nonzero().tolist():
        scores = []
        for step, env in loss.valid[k].nonzero().tolist():
            beside = {Scope.BATCH: step == t, Scope.TIME: env == b, Scope.ALL: True}
            if beside[scope]:
                scores.append(ahead[k, t, b] @ aims[step + k + 1, env])
        own = ahead[k, t, b] @ aims[t + k + 1, b]
        want = torch.stack(scores).logsumexp(0) - own
        torch.testing.assert_close(
            loss.per_prediction[k, t, b], want, rtol=1e-4, atol=1e-4
        )
    assert not loss.per_prediction[~loss.valid].any()


def test_what_lands_on_an_unknown_row_counts_nowhere(traj: Trajectory) -> None:
    model = jepa(Scope.ALL, info_nce())
    belief, aims = model.see(traj, model.start(B))
    given = (belief, traj.action, traj.valid)
    whole = model.prediction_loss(*given, aims)
    some = model.prediction_loss(*given, aims, num_unknown=4)
    start, after = torch.arange(T), torch.arange(1, K + 1)
    lands = (start + after[:, None]).unsqueeze(-1)
    assert torch.equal(some.valid, whole.valid & (lands >= 4))
    garbage = aims.clone()
    garbage[:4] = 1e3
    again = model.prediction_loss(*given, garbage, num_unknown=4)
    torch.testing.assert_close(again.per_prediction, some.per_prediction)
