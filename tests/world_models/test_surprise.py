"""Rewards across the seam of two rollouts, and losses behind a burn-in."""

from dataclasses import dataclass

import pytest
import torch

from ssl_objectives.encoders.batch_norm import BatchNorm1d
from ssl_objectives.encoders.menet import MeNetConfig
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.methods.contrast.info_nce import info_nce
from tests.world_models.small_model import B, K, T, aged, build, jepa, noise, target_of
from world_models.belief import BeliefModel, Carry
from world_models.context import Context
from world_models.cores.recurrent import RecurrentCore
from world_models.latent_dynamics import LatentDynamics
from world_models.model_loss import PREDICTION
from world_models.predictor import LatentHeadConfig
from world_models.presets import byol_explore
from world_models.scope import Scope
from world_models.seen import Seen
from world_models.trajectory import Trajectory


@pytest.fixture
def traj(generator: torch.Generator) -> Trajectory:
    return noise(generator)


def test_what_lands_in_the_context_counts_nowhere(traj: Trajectory) -> None:
    """Here the context has 3 transitions, and the first 4 rows are unknown."""
    model = jepa(Scope.ALL, info_nce())
    seen = model.see(traj, model.start(B))
    whole = model.predict(seen, traj.action, traj.valid)
    some = model.predict(seen, traj.action, traj.valid, num_context=3)
    start, after = torch.arange(T), torch.arange(1, K + 1)
    lands = (start + after[:, None]).unsqueeze(-1)
    assert torch.equal(some.valid, whole.valid & (lands > 3))
    assert some.arrival().shape == (T - 3, B)
    garbage = seen.target.clone()
    garbage[:4] = 1e3
    spoiled = Seen(seen.belief, garbage)
    again = model.predict(spoiled, traj.action, traj.valid, num_context=3)
    torch.testing.assert_close(again.terms[PREDICTION], some.terms[PREDICTION])


@pytest.mark.parametrize("scope", [Scope.ALL, Scope.TIME])
def test_with_a_context_rows_are_compared_in_groups_of_training_size(
    scope: Scope, traj: Trajectory
) -> None:
    """Among as many rows, a prediction is as hard: rewards and training agree."""
    model = jepa(scope, info_nce())
    seen = model.see(traj, model.start(B))
    fresh = Seen(seen.belief[3:], seen.target[3:])
    trained = model.predict(fresh, traj.action[3:], traj.valid[3:]).compared
    scored = model.predict(seen, traj.action, traj.valid, num_context=3).compared
    assert trained is not None
    assert scored is not None
    assert trained.valid is not None
    assert scored.valid is not None
    assert trained.valid.shape[-1] == scored.valid.shape[-1] > 3


@pytest.mark.parametrize("target", [False, True])
@pytest.mark.parametrize("burn_in", [1, 4, T - 1])
def test_a_burn_in_brings_the_memory_up_to_date(
    traj: Trajectory, burn_in: int, target: bool
) -> None:
    """The loss of the rest, from the carry that the weights of now give."""
    model = build() if target else jepa()
    carry = aged(model)
    with torch.no_grad():
        reached = model.belief.along(traj.steps(0, burn_in), carry).carry
    rest = traj.steps(burn_in, T)
    got, want = model.loss(traj, carry, burn_in=burn_in), model.loss(rest, reached)
    assert torch.equal(got.valid, want.valid)
    torch.testing.assert_close(got.terms[PREDICTION], want.terms[PREDICTION])
    given = model.targets(traj, carry)
    also = model.loss(traj, carry, given, burn_in)
    torch.testing.assert_close(also.terms[PREDICTION], want.terms[PREDICTION])
    stale = model.loss(rest, carry)
    if not rest.first[0].all() and want.valid.any():
        assert not torch.allclose(stale.mean(), want.mean(), atol=1e-5)


def test_gradient_does_not_reach_through_the_burn_in(traj: Trajectory) -> None:
    model = build()
    traj.first[:] = False
    carry = aged(model)
    memory = carry.memory.requires_grad_()
    model.loss(traj, carry).mean().backward()
    assert memory.grad is not None
    assert memory.grad.any()
    memory.grad = None
    model.zero_grad()
    model.loss(traj, carry, burn_in=3).mean().backward()
    assert memory.grad is None
    encoder = model.belief.encoder
    assert all(p.grad is not None for p in encoder.parameters())


def with_batch_norms() -> LatentDynamics:
    """A model whose encoder normalises over the rows that it sees at once."""
    torch.manual_seed(0)
    encoder = MeNetConfig(24, (4, 5), 10, Precision.FLOAT32).build((1, 40, 44))
    belief = BeliefModel(encoder, RecurrentCore(24, 6, 17), build().belief.embedding)
    return byol_explore(K, predictor=LatentHeadConfig(13)).build(belief)


def test_batch_norms_learn_nothing_from_a_burn_in(traj: Trajectory) -> None:
    """They see it with what they know, remember the rest alone, and go on learning.

    A batch norm that somebody holds still stays held.
    """
    behind, plain = with_batch_norms(), with_batch_norms()
    held = [
        next(x for x in m.modules() if isinstance(x, BatchNorm1d))
        for m in (behind, plain)
    ]
    for x in held:
        x.eval()
    modes = [x.training for x in behind.modules()]
    carry = aged(behind)
    with torch.no_grad():
        plain.belief.eval()
        reached = plain.belief.along(traj.steps(0, 3), carry).carry
        plain.belief.train()
        held[1].eval()
    got = behind.loss(traj, carry, burn_in=3)
    want = plain.loss(traj.steps(3, T), reached)
    torch.testing.assert_close(got.terms[PREDICTION], want.terms[PREDICTION])
    assert [x.training for x in behind.modules()] == modes
    buffers = dict(plain.belief.named_buffers())
    assert any("running_mean" in name for name in buffers)
    for name, buffer in behind.belief.named_buffers():
        torch.testing.assert_close(buffer, buffers[name], msg=name)


def test_a_burn_in_must_leave_something(traj: Trajectory) -> None:
    model = build()
    with pytest.raises(ValueError, match="burn-in of 9 leaves nothing of 9 steps"):
        model.loss(traj, model.start(B), burn_in=T)


@dataclass
class Seam:
    """A long trajectory, as one and as a rollout with a context."""

    whole: Trajectory
    start: Carry
    context: Context
    rollout: Trajectory
    carry: Carry

    @staticmethod
    def at(row: int, model: LatentDynamics, traj: Trajectory) -> "Seam":
        start = before = aged(model)
        begin = row - K + 1
        with torch.no_grad():
            if begin:
                before = model.belief.along(traj.steps(0, begin), start).carry
            past = traj.steps(begin, row)
            carry = model.belief.along(past, before).carry
        return Seam(traj, start, Context(past, before), traj.steps(row, T), carry)


@pytest.mark.parametrize("row", [K - 1, 5])
def test_surprise_across_a_seam_is_that_of_one_trajectory(
    traj: Trajectory, row: int
) -> None:
    """Every prediction that lands in the rollout counts, whenever it was made."""
    model = build()
    for p in target_of(model).parameters():
        p.data.mul_(0.9)
    seam = Seam.at(row, model, traj)
    whole = model.loss(traj, seam.start).arrival()
    got = model.surprise(seam.rollout, seam.carry, seam.context)
    assert not got.mean().requires_grad
    want = whole[row:]
    torch.testing.assert_close(got.arrival(), want, rtol=1e-4, atol=1e-4)
    blind = model.surprise(seam.rollout, seam.carry).arrival()
    assert not torch.allclose(blind[: K - 1], want[: K - 1], rtol=1e-2)
    # given what the policy saw, nothing changes
    target = model.targets(seam.rollout, seam.carry)
    belief = model.belief.along(seam.rollout, seam.carry).belief
    told = model.surprise(seam.rollout, seam.carry, seam.context, target, belief)
    assert torch.equal(told.arrival(), got.arrival())
    past = model.belief.along(seam.context.traj, seam.context.carry).belief
    both = torch.cat([past, belief])
    told = model.surprise(seam.rollout, seam.carry, seam.context, target, both)
    torch.testing.assert_close(told.arrival(), got.arrival())


@pytest.mark.parametrize("envs_at_once", [1, 2])
def test_surprise_in_portions_equals_that_of_all_at_once(
    traj: Trajectory, envs_at_once: int
) -> None:
    """For an objective that compares no rows: as many envs as there is room for."""
    model = build()
    seam = Seam.at(5, model, traj)
    given = (seam.rollout, seam.carry, seam.context)
    whole = model.surprise(*given)
    parts = model.surprise(*given, envs_at_once=envs_at_once)
    assert torch.equal(parts.valid, whole.valid)
    torch.testing.assert_close(parts.terms[PREDICTION], whole.terms[PREDICTION])
    assert parts.arrival().shape == whole.arrival().shape == (T - 5, B)
