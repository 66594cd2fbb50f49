"""BYOL-Explore's model against loops written from its equations."""

import pytest
import torch

from agents.policy import action_embedding
from envs.vector_env import DiscreteActions
from ssl_objectives.encoders import Encoder, nature_cnn
from ssl_objectives.methods.bootstrap import Byol
from ssl_objectives.objective import Needs, Objective
from ssl_objectives.precision import Precision
from world_models.belief import BeliefModel, RecurrentCore
from world_models.latent_dynamics import LatentDynamics
from world_models.presets import ByolExploreConfig
from world_models.trajectory import Trajectory

T, B, K = 9, 3, 4


def build() -> LatentDynamics:
    torch.manual_seed(1)
    encoder = Encoder(nature_cnn(1), (1, 40, 44), 24, Precision.FLOAT32)
    embedding = action_embedding(DiscreteActions(5), 6)
    belief = BeliefModel(encoder, RecurrentCore(24, 6, 17), embedding)
    return ByolExploreConfig(horizon=K, predictor_hidden=13).build(belief)


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
    for p in model.target.network.parameters():
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
                wanted = model.target.network(traj.obs[t + k + 1, b])
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
    before = [p.clone() for p in model.target.network.parameters()]
    with torch.no_grad():
        for p in model.belief.encoder.parameters():
            p.add_(1.0)
    model.after_update()
    assert int(model.updates) == 1
    for old, new in zip(before, model.target.network.parameters(), strict=True):
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


def test_an_objective_it_cannot_serve_is_refused() -> None:
    class Banked(Byol):
        needs = Needs(rows=True)

    model = build()
    with pytest.raises(ValueError, match="Try Byol"):
        LatentDynamics(
            model.belief, model.open_loop, model.predictor, model.target, Banked(), K
        )
    assert issubclass(Banked, Objective)
