"""Arrival sums and validity against triple loops."""

import pytest
import torch

from world_models.model_loss import ModelLoss, prediction_valid


@pytest.mark.parametrize(("horizon", "steps"), [(1, 6), (4, 11), (7, 5)])
def test_arrival_is_the_sum_of_landing_predictions(horizon: int, steps: int) -> None:
    generator = torch.Generator().manual_seed(horizon)
    envs = 3
    transitions = torch.rand(steps, envs, generator=generator) < 0.8
    losses = torch.rand(horizon, steps, envs, generator=generator)
    valid = prediction_valid(transitions, horizon)
    got = ModelLoss(losses, valid, torch.zeros(())).arrival()
    want = torch.zeros(steps, envs)
    for b in range(envs):
        for start in range(steps):
            for k in range(horizon):
                landing = start + k  # the transition start+k -> start+k+1
                inside = landing < steps
                usable = inside and bool(transitions[start : landing + 1, b].all())
                assert bool(valid[k, start, b]) == usable
                if usable:
                    want[landing, b] += losses[k, start, b]
    torch.testing.assert_close(got, want)


def test_mean_ignores_invalid_predictions() -> None:
    losses = torch.tensor([[[1.0, 100.0]], [[3.0, 100.0]]], requires_grad=True)
    valid = torch.tensor([[[True, False]], [[True, False]]])
    mean = ModelLoss(losses, valid, torch.tensor(0.5)).mean()
    mean.backward()
    assert mean.item() == 2.5
    assert losses.grad is not None
    assert losses.grad[..., 1].abs().sum() == 0


def test_nothing_valid_is_zero_and_finite() -> None:
    loss = ModelLoss(
        torch.ones(2, 3, 4), torch.zeros(2, 3, 4, dtype=torch.bool), torch.zeros(())
    )
    assert loss.mean().item() == 0.0
    assert (loss.arrival() == 0).all()
