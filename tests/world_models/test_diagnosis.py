"""What each number of a diagnosis sees, on latents that are known."""

import pytest
import torch
from torch import Tensor

from ssl_objectives.measure.diagnostics import component_scale
from tests.world_models.small_model import build, noise
from world_models.diagnosis import MOST_ROWS, diagnosis

R, B, D = 11, 7, 5
SPREAD, SCALE, RANK = (
    f"world_model/{name}"
    for name in ("latent_spread", "latent_scale", "effective_rank")
)


def told(latent: Tensor) -> dict[str, float]:
    return {name: x.item() for name, x in diagnosis(latent).items()}


def test_scale_is_the_std_over_all_components(generator: torch.Generator) -> None:
    rows = torch.randn(50, D, generator=generator) * torch.arange(1.0, D + 1) + 3
    mean = rows.mean(0)
    want = (sum(float((x - mean).square().sum()) for x in rows) / 50 / D) ** 0.5
    assert component_scale(rows).item() == pytest.approx(want, rel=1e-5)
    assert component_scale(torch.full((9, D), 7.0)).item() == 0.0


@pytest.mark.parametrize("factor", [1e-10, 1e-3, 1e4])
def test_latents_that_are_multiplied_change_in_scale_alone(
    generator: torch.Generator, factor: float
) -> None:
    latent = torch.randn(R, B, D, generator=generator)
    before, after = told(latent), told(factor * latent)
    assert after[SCALE] == pytest.approx(factor * before[SCALE], rel=1e-4)
    for name in (SPREAD, RANK):
        assert after[name] == pytest.approx(before[name], rel=1e-3)


def test_a_far_mean_changes_the_spread_alone(generator: torch.Generator) -> None:
    latent = torch.randn(R, B, D, generator=generator)
    before, after = told(latent), told(latent + 100)
    assert after[SPREAD] < 0.02 < 0.9 < before[SPREAD]
    for name in (SCALE, RANK):
        assert after[name] == pytest.approx(before[name], rel=1e-3)


def test_a_line_changes_the_rank_alone(generator: torch.Generator) -> None:
    line = torch.randn(R, B, 1, generator=generator) * torch.ones(D)
    after = told(line - line.mean((0, 1)))
    assert after[RANK] == pytest.approx(1.0, abs=1e-3)
    assert after[SPREAD] == pytest.approx(1.0, abs=1e-3)
    assert after[SCALE] == pytest.approx(1.0, abs=0.2)


def test_rows_of_all_steps_and_envs_are_looked_at(generator: torch.Generator) -> None:
    """Of many rows as many as are needed, from the first to the last."""
    latent = torch.zeros(4 * MOST_ROWS, 1, D)
    latent[2 * MOST_ROWS :] = 1.0
    assert told(latent)[SCALE] == pytest.approx(0.5, rel=1e-4)
    few = torch.randn(R, B, D, generator=generator)
    assert told(few)[SCALE] == pytest.approx(component_scale(few.flatten(0, 1)).item())


def test_a_model_tells_its_updates_as_well(generator: torch.Generator) -> None:
    model, traj = build(), noise(generator)
    loss = model.loss(traj, model.start(traj.first.shape[1]))
    model.after_update(loss)
    target = model.targets(traj, model.start(traj.first.shape[1]))
    got = {name: x.item() for name, x in model.diagnose(target).items()}
    assert got == {**told(target), "world_model/updates": 1.0}
