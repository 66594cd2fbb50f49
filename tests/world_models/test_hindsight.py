"""A predictor that sees what came, and an adversary: the contracts carry both."""

from typing import Any

import pytest
import torch

from ssl_objectives.check.state import copied, unchanged
from tests.world_models.hindsight import Hindsight, HindsightConfig
from world_models.adversary import Adversary
from world_models.check.model import check_model
from world_models.check.samples import random_trajectory, small_beliefs
from world_models.latent_dynamics import LatentDynamics
from world_models.model_loss import PREDICTION
from world_models.predictor import LatentHead
from world_models.trajectory import Trajectory

T, B = 9, 4


def built(**changes: Any) -> tuple[LatentDynamics, Hindsight, Trajectory]:
    torch.manual_seed(0)
    belief = small_beliefs()["recurrent"]()
    model = HindsightConfig(**changes).build(belief)
    assert isinstance(model.predictor, Hindsight)
    return model, model.predictor, random_trajectory(belief, T, B, 4)


def test_without_noise_it_keeps_the_contract() -> None:
    """With it, draws belong to places in the batch, and envs cannot be exchanged."""
    check_model(HindsightConfig(noise=0.0).build)


def test_the_model_and_its_adversary_pull_in_opposite_directions() -> None:
    model, hindsight, traj = built()
    loss = model.loss(traj, model.start(B))
    assert loss.adversary is not None
    assert set(loss.terms) == {PREDICTION, "invariance"}
    bound = loss.terms["invariance"][loss.valid].mean()
    torch.testing.assert_close(loss.adversary(), -bound)
    assert not loss.adversary().requires_grad  # frozen, and what it reads is constant
    want = loss.terms[PREDICTION][loss.valid].mean() + bound
    torch.testing.assert_close(loss.mean(), want)
    loss.mean().backward()
    for part in (hindsight.generator, hindsight.reconstructor):
        assert all(p.grad is not None and p.grad.any() for p in part.parameters())
    assert all(p.grad is None for p in hindsight.critic.parameters())
    before = copied(model)
    model.after_update(loss)
    now = copied(model)
    moved = {
        name for name in before if not unchanged({0: before[name]}, {0: now[name]})
    }
    critic = {name for name in before if ".adversary." in name}
    assert critic <= moved
    assert moved - critic <= {"updates", "predictor.count"}
    assert loss.adversary() < -bound  # on the same batch it has become better


def test_noise_repeats_until_the_next_step() -> None:
    model, _, traj = built()
    losses = [model.loss(traj, model.start(B)) for _ in range(2)]
    one, two = (x.terms[PREDICTION] for x in losses)
    assert torch.equal(one, two)
    model.after_update()
    three = model.loss(traj, model.start(B)).terms[PREDICTION]
    assert not torch.allclose(one, three)


def test_an_adversary_may_be_given_later() -> None:
    """By assignment, as modules usually are."""
    head = LatentHead(4, 5, 6)
    assert head.adversary is None
    head.adversary = Adversary(torch.nn.Linear(6, 1))
    assert isinstance(head.adversary, Adversary)
    assert any(name.startswith("adversary.") for name in head.state_dict())


def test_imagining_asks_for_a_latent_alone() -> None:
    model, hindsight, traj = built()
    belief = torch.randn(B, 17)
    latent = model.imagine(belief, traj.action[:5])
    after = model.open_loop(belief, model.belief.embedding(traj.action[:5]))
    code = torch.zeros(5, B, hindsight.code_size)
    want = hindsight.reconstructor(torch.cat([after, code], -1))
    torch.testing.assert_close(latent, want)


@pytest.mark.parametrize("env", [1, 3])
def test_what_does_not_count_is_nobodys_negative(env: int) -> None:
    """Env 1 begins an episode in row 4, the last one in the last row."""
    model, _, traj = built(noise=0.0)
    loss = model.loss(traj, model.start(B))
    row = {1: 3, 3: T - 1}[env]  # the transition that joins
    assert not loss.valid[0, row, env]
    action = traj.action.clone()
    action[row, env] = (action[row, env] + 1) % 5
    traj.action.copy_(action)
    again = model.loss(traj, model.start(B))
    terms = (x.terms["invariance"][0, row] for x in (loss, again))
    torch.testing.assert_close(*terms)
    others = torch.arange(B) != env
    assert loss.valid[0, row, others].all()
