"""Moments that are gathered for a while, alone and in a world model."""

from dataclasses import replace

import pytest
import torch

from ssl_objectives.objective import TargetKind
from tests.shapes import rounds
from tests.world_models.small_model import B, K, build, noise
from world_models import presets
from world_models.check.model import check_model
from world_models.hindsight.config import HindsightHeadConfig
from world_models.latent_dynamics import LatentDynamics
from world_models.model_config import LatentDynamicsConfig
from world_models.model_loss import PREDICTION
from world_models.settled import SettledMoments
from world_models.trajectory import Trajectory

HEAD = HindsightHeadConfig(code=5, noise=6, hidden=12, critic_size=6)


def test_they_are_those_of_the_first_steps_and_stay(
    generator: torch.Generator,
) -> None:
    settled, seen = SettledMoments(3, steps=4), []
    for step in range(7):
        rows = (step + 1) * torch.randn(2, 50, 3, generator=generator) + step
        if step < 4:
            seen.append(rows.flatten(0, 1))
        settled.follow([settled(rows[:1]), settled(rows[1:])])
    mean = torch.stack([x.mean(0) for x in seen]).mean(0)
    std = torch.stack([x.std(0, correction=0) for x in seen]).mean(0)
    torch.testing.assert_close(settled.mean, mean)
    torch.testing.assert_close(settled.std, std)
    row = torch.randn(5, 3, generator=generator)
    torch.testing.assert_close(settled(row), (row - mean) / std)


def test_no_step_counts_less_than_a_hundredth() -> None:
    settled = SettledMoments(1, steps=200)
    for _ in rounds(150):
        settled.follow([settled(torch.zeros(2, 1))])
    settled.follow([settled(torch.tensor([[2.0], [4.0]]))])
    torch.testing.assert_close(settled.mean, torch.tensor([0.03]))
    torch.testing.assert_close(settled.std, torch.tensor([0.99 * 1e-3 + 0.01]))


def test_a_number_that_never_changes_is_not_blown_up() -> None:
    settled = SettledMoments(2, steps=1)
    settled.follow([torch.tensor([[1.0, 2.0], [1.0, 4.0]])])
    got = settled(torch.tensor([[1.0, 5.0]]))
    torch.testing.assert_close(got, torch.tensor([[0.0, 2.0]]))


def model_of(config: LatentDynamicsConfig) -> LatentDynamics:
    torch.manual_seed(0)
    return config.build(build().belief)


def step(model: LatentDynamics, traj: Trajectory) -> None:
    model.after_update(model.loss(traj, model.start(B)))


def test_a_model_predicts_in_these_units(generator: torch.Generator) -> None:
    model = model_of(presets.byol_explore(K, standardized=2, ema_decay=1.0))
    plain = model_of(presets.byol_explore(K, ema_decay=1.0))
    trajs = [noise(generator) for _ in range(4)]
    came = [plain.targets(x, plain.start(B))[1:] for x in trajs]
    first = [x.loss(trajs[0], x.start(B)).terms[PREDICTION] for x in (model, plain)]
    assert torch.equal(*first)  # nothing was gathered yet
    for traj in trajs:
        step(model, traj)
    assert model.settled is not None
    means = torch.stack([x.flatten(0, 1).mean(0) for x in came[:2]]).mean(0)
    torch.testing.assert_close(model.settled.mean, means)
    loss = model.loss(trajs[3], model.start(B))
    assert loss.compared is not None
    aims = loss.compared.t[1]
    assert aims is not None
    want = (came[3] - means) / model.settled.std
    torch.testing.assert_close(aims[0].reshape(want.shape), want)
    # latents themselves stay as they are, for whoever asks
    torch.testing.assert_close(model.targets(trajs[3], model.start(B))[1:], came[3])


@pytest.mark.parametrize(
    "config",
    [presets.byol_explore(K), presets.byol_hindsight(K, predictor=HEAD)],
    ids=["byol-explore", "byol-hindsight"],
)
def test_models_keep_the_contract(config: LatentDynamicsConfig) -> None:
    check_model(replace(config, standardized=2).build)


def test_latents_that_are_one_s_own_are_refused() -> None:
    config = presets.jepa_vicreg(K, standardized=3)
    assert config.target is TargetKind.SHARED
    with pytest.raises(ValueError, match="slow copy"):
        model_of(config)
    with pytest.raises(ValueError, match="standardized"):
        presets.byol_explore(standardized=-1)
