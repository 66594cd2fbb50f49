"""Arrival sums, means and joins of a world model's loss against loops."""

import pytest
import torch
from torch import Tensor

from ssl_objectives.refusal import ConfigError
from world_models.model_loss import PREDICTION, ModelLoss, prediction_valid

ZERO = torch.zeros(())


@pytest.mark.parametrize("context", [0, 2, 4])
@pytest.mark.parametrize(("horizon", "steps"), [(1, 6), (4, 11), (7, 5)])
def test_arrival_is_the_sum_of_landing_predictions(
    horizon: int, steps: int, context: int
) -> None:
    generator = torch.Generator().manual_seed(horizon)
    envs = 3
    transitions = torch.rand(steps, envs, generator=generator) < 0.8
    terms = {
        name: torch.rand(horizon, steps, envs, generator=generator)
        for name in (PREDICTION, "other")
    }
    valid = prediction_valid(transitions, horizon, context)
    loss = ModelLoss(terms, valid, ZERO, num_context=context)
    for name, losses in terms.items():
        got = loss.arrival() if name == PREDICTION else loss.arrival(name)
        want = torch.zeros(steps, envs)
        for b in range(envs):
            for start in range(steps):
                for k in range(horizon):
                    landing = start + k  # the transition start+k -> start+k+1
                    inside = context <= landing < steps
                    usable = inside and bool(transitions[start : landing + 1, b].all())
                    assert bool(valid[k, start, b]) == usable
                    if usable:
                        want[landing, b] += losses[k, start, b]
        torch.testing.assert_close(got, want[context:])


def test_an_unknown_term_is_named_beside_those_there_are() -> None:
    losses = torch.ones(2, 3, 4)
    loss = ModelLoss({PREDICTION: losses, "spread": losses}, losses > 0, ZERO)
    with pytest.raises(ConfigError, match="no term 'spred', only prediction, spread"):
        loss.arrival("spred")


def test_mean_ignores_invalid_predictions() -> None:
    losses = torch.tensor([[[1.0, 100.0]], [[3.0, 100.0]]], requires_grad=True)
    valid = torch.tensor([[[True, False]], [[True, False]]])
    mean = ModelLoss({PREDICTION: losses}, valid, torch.tensor(0.5)).mean()
    mean.backward()
    assert mean.item() == 2.5
    assert losses.grad is not None
    assert losses.grad[..., 1].abs().sum() == 0


def test_the_mean_weighs_terms_and_leaves_out_those_without_a_weight() -> None:
    generator = torch.Generator().manual_seed(3)
    terms = {
        name: torch.rand(2, 3, 4, generator=generator).requires_grad_()
        for name in (PREDICTION, "heavy", "measured")
    }
    valid = torch.rand(2, 3, 4, generator=generator) < 0.6
    weights = {PREDICTION: 0.5, "heavy": 3.0}
    mean = ModelLoss(terms, valid, torch.tensor(0.25), weights).mean()
    inside = {name: x[valid] for name, x in terms.items()}
    want = 0.25 + 0.5 * inside[PREDICTION].mean() + 3 * inside["heavy"].mean()
    torch.testing.assert_close(mean, want)
    mean.backward()
    assert terms["measured"].grad is None
    for name, weight in weights.items():
        grad = terms[name].grad
        assert grad is not None
        torch.testing.assert_close(grad, weight * valid.float() / valid.sum())


def test_nothing_valid_is_zero_and_finite() -> None:
    nothing = torch.zeros(2, 3, 4, dtype=torch.bool)
    loss = ModelLoss({PREDICTION: torch.ones(2, 3, 4)}, nothing, ZERO)
    assert loss.mean().item() == 0.0
    assert (loss.arrival() == 0).all()


def test_detached_it_is_the_same_without_gradient() -> None:
    losses = torch.rand(2, 3, 4, requires_grad=True)
    terms = {PREDICTION: 2 * losses}
    whole = ModelLoss(terms, losses > 0.3, losses.sum(), num_context=1)
    cut = whole.detach()
    assert whole.mean().requires_grad
    assert not cut.mean().requires_grad
    assert torch.equal(cut.mean(), whole.mean())
    assert torch.equal(cut.arrival(), whole.arrival())


def part(envs: int, seed: int) -> ModelLoss:
    """The loss of some envs, taken apart from others."""
    generator = torch.Generator().manual_seed(seed)

    def drawn() -> Tensor:
        return torch.rand(3, 5, envs, generator=generator)

    return ModelLoss(
        {PREDICTION: drawn(), "other": drawn()},
        drawn() < 0.7,
        torch.rand((), generator=generator),
        {PREDICTION: 1.0, "other": 2.0},
        num_context=2,
        metrics={"of_all": torch.rand((), generator=generator)},
        adversary=lambda: ZERO,
    )


def test_parts_join_along_the_envs() -> None:
    parts = [part(2, 1), part(3, 2)]
    whole = ModelLoss.join(parts)
    assert whole.terms[PREDICTION].shape == (3, 5, 5)
    for name in (PREDICTION, "other"):
        apart = torch.cat([x.arrival(name) for x in parts], 1)
        assert torch.equal(whole.arrival(name), apart)
    assert whole.weights == parts[0].weights
    one, two = (x.regularizer for x in parts)
    torch.testing.assert_close(whole.regularizer, (one + two) / 2)
    one, two = (x.metrics["of_all"] for x in parts)
    torch.testing.assert_close(whole.metrics["of_all"], (one + two) / 2)
    # of parts there is nothing for an adversary to learn, or to observe
    assert (whole.adversary, whole.compared) == (None, None)
