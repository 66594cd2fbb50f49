"""The ridge against least squares on augmented rows, and against scikit-learn's."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.linear_model import Ridge as SklearnRidge
from torch import Tensor
from torch.testing import assert_close

from world_models.probing.ridge import PENALTIES, Mean, Ridge
from world_models.probing.rows import Rows

N, D, F = 90, 7, 3


def drawn(generator: torch.Generator, num: int = N) -> Rows:
    """Rows of unlike scales and places, and numbers that follow from them and more."""
    scale = torch.logspace(-3, 3, D)
    latent = torch.randn(num, D, generator=generator) * scale + 5 * scale
    fixed = torch.randn(D, F, generator=torch.Generator().manual_seed(0))
    wanted = (latent / scale) @ fixed
    wanted = wanted + 0.3 * torch.randn(num, F, generator=generator) + 40
    return Rows(latent, {"fact": wanted}, torch.arange(num) // 10)


def told(ridge: Ridge, train: Rows, val: Rows, asked: Rows) -> Tensor:
    return ridge.fit(train, val).told(asked)["fact"]


def standardised(train: Rows, asked: Rows) -> NDArray[np.float64]:
    x, other = train.latent.double().numpy(), asked.latent.double().numpy()
    scaled: NDArray[np.float64] = (other - x.mean(0)) / (x.std(0) + 1e-6)
    return scaled


def least_squares(train: Rows, penalty: float, asked: Rows) -> Tensor:
    """`min ‖XW - Y‖² + N λ ‖W‖²` as an unpenalised problem of N + D rows."""
    y = train.facts["fact"].double().numpy()
    middle = y.mean(0)
    left = np.sqrt(penalty * len(train)) * np.eye(D)
    weight = np.linalg.lstsq(
        np.concatenate([standardised(train, train), left]),
        np.concatenate([y - middle, np.zeros((D, F))]),
    )[0]
    return torch.from_numpy(standardised(train, asked) @ weight + middle)


@pytest.mark.parametrize("penalty", [1e-3, 0.5, 30.0])
def test_it_is_penalised_least_squares(
    penalty: float, generator: torch.Generator
) -> None:
    train, asked = drawn(generator), drawn(generator)
    found = told(Ridge((penalty,)), train, train, asked)
    assert_close(found, least_squares(train, penalty, asked), rtol=1e-7, atol=1e-7)
    assert found.dtype == torch.float64


@pytest.mark.parametrize("penalty", [1e-3, 0.5, 30.0])
def test_it_equals_scikit_learns(penalty: float, generator: torch.Generator) -> None:
    train, asked = drawn(generator), drawn(generator)
    other = SklearnRidge(alpha=penalty * N)
    other.fit(standardised(train, train), train.facts["fact"].double().numpy())
    expected = torch.from_numpy(other.predict(standardised(train, asked)))
    found = told(Ridge((penalty,)), train, train, asked)
    assert_close(found, expected, rtol=1e-8, atol=1e-8)


def test_more_columns_than_rows(generator: torch.Generator) -> None:
    latent = torch.randn(12, 40, generator=generator)
    rows = Rows(latent, {"fact": latent[:, :1]}, torch.arange(12))
    other = SklearnRidge(alpha=0.1 * 12)
    other.fit(standardised(rows, rows), latent[:, :1].double().numpy())
    expected = torch.from_numpy(other.predict(standardised(rows, rows)))
    found = told(Ridge((0.1,)), rows, rows, rows)
    assert_close(found, expected.reshape(12, 1), rtol=1e-7, atol=1e-7)


def test_the_penalty_with_the_least_validation_error_is_chosen(
    generator: torch.Generator,
) -> None:
    """For each fact, by itself: what follows from latents needs less than what not."""
    made = []
    for num in (30, 40):
        rows = drawn(generator, num)
        noise = torch.randn(num, 2, generator=generator)
        made.append(Rows(rows.latent, {**rows.facts, "noise": noise}, rows.episode))
    train, val = made
    chosen = Ridge().fit(train, val).penalties
    for name in ("fact", "noise"):
        errors = {}
        for penalty in PENALTIES:
            one = Ridge((penalty,)).fit(train, val).told(val)[name]
            errors[penalty] = float((one - val.facts[name]).square().sum())
        assert chosen[name] == min(errors, key=lambda x: errors[x])
    assert chosen["fact"] < 1 < chosen["noise"]


def test_validation_rows_are_told_as_any_others(generator: torch.Generator) -> None:
    """By the training rows' mean and scale, wherever they lie themselves."""
    train, other = drawn(generator, 30), drawn(generator, 40)
    shifted = other.latent + 4 * other.latent.std(0)
    val = Rows(shifted, other.facts, other.episode)
    missed = [
        float((least_squares(train, x, val) - val.facts["fact"]).square().sum())
        for x in PENALTIES
    ]
    best = PENALTIES[int(np.argmin(missed))]
    assert Ridge().fit(train, val).penalties == {"fact": best}
    assert best != Ridge().fit(train, other).penalties["fact"]


def test_facts_are_read_as_if_each_were_alone(generator: torch.Generator) -> None:
    rows, val = drawn(generator), drawn(generator)
    more = {"fact": rows.facts["fact"], "other": rows.latent[:, :1].clone()}
    both = Rows(rows.latent, more, rows.episode)
    val_both = Rows(val.latent, {**val.facts, "other": val.latent[:, :1]}, val.episode)
    assert_close(
        told(Ridge(), both, val_both, val),
        told(Ridge(), rows, val, val),
        rtol=0,
        atol=0,
    )


def test_classes_are_left_out(generator: torch.Generator) -> None:
    rows = drawn(generator)
    classes = Rows(rows.latent, {"kind": torch.arange(N) % 3}, rows.episode)
    assert Ridge().fit(classes, classes).read(classes) == {}


def test_the_mean_guess_is_the_training_mean(generator: torch.Generator) -> None:
    train, asked = drawn(generator), drawn(generator)
    found = Mean().fit(train, asked).told(asked)["fact"]
    middle = train.facts["fact"].double().mean(0)
    assert_close(found, middle.expand_as(found))


def test_columns_that_never_vary_do_no_harm(generator: torch.Generator) -> None:
    rows = drawn(generator)
    wide = torch.cat([rows.latent, torch.full((N, 2), 3.0)], 1)
    more = Rows(wide, rows.facts, rows.episode)
    ridge = Ridge((1e-3,))
    assert_close(told(ridge, more, more, more), told(ridge, rows, rows, rows))


def test_penalties_are_above_0() -> None:
    with pytest.raises(ValueError, match="penalties"):
        Ridge((0.0,))
