"""Every method on rows alone: the contract, low precision, and collapsed latents."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from ssl_objectives.check.objective import check_objective
from ssl_objectives.check.views import ROWS, bindings, mapped, sizes, tracked
from ssl_objectives.zoo import ZOO

EVERY = pytest.mark.parametrize("name", ZOO)
SIZE = 12
LATENT = sizes(SIZE)

CLOSED: Mapping[str, Callable[[Any], float]] = {
    "AtcConfig": lambda config: 2 * math.log(ROWS),
    "BarlowConfig": lambda config: float(SIZE),
    "ByolConfig": lambda config: 0.0,
    "CSimClrConfig": lambda config: 2 * math.log(2 * ROWS - 1),
    "CrossViewConfig": lambda config: 2 * math.log(ROWS),
    "DclConfig": lambda config: 2 * math.log(2 * ROWS - 2),
    "DclwConfig": lambda config: 2 * math.log(2 * ROWS - 2),
    "DeepBregmanConfig": lambda config: 2 * math.log(2 * ROWS - 1),
    "DirectClrConfig": lambda config: math.log(ROWS),
    "DirectCopyConfig": lambda config: 0.0,
    "DirectPredConfig": lambda config: 0.0,
    "HallucinateConfig": lambda config: closed(config.host),
    "InfoNceConfig": lambda config: 2 * math.log(ROWS),
    "RenyiClConfig": lambda config: 0.0,
    "SimClrConfig": lambda config: 2 * math.log(2 * ROWS - 1),
    "SimSiamConfig": lambda config: 0.0,
    "SslHsicConfig": lambda config: 0.0,
    "StDimConfig": lambda config: 2 * math.log(ROWS),
    "TiCoConfig": lambda config: config.contrast * (1 - config.decay),
    "TwistConfig": lambda config: 0.0,
    "VicRegConfig": lambda config: config.variance * (1 - math.sqrt(1e-4)),
}
"""The loss of two views of `ROWS` rows when all latents are equal, by objective."""

MEMORY = "compares with a memory or prototypes, which begin at random"
WEIGHTS = "has weights of its own between latents and loss"
NOT_CLOSED: Mapping[str, str] = {
    "AmdimConfig": WEIGHTS,
    "AugSelfConfig": WEIGHTS,
    "CByolConfig": WEIGHTS,
    "CmcConfig": MEMORY,
    "DeepInfoMaxConfig": WEIGHTS,
    "DinoConfig": MEMORY,
    "IJepaConfig": WEIGHTS,
    "InstanceConfig": MEMORY,
    "InterClrConfig": MEMORY,
    "LabelPropagationConfig": MEMORY,
    "LocalAggregationConfig": MEMORY,
    "MaeConfig": WEIGHTS,
    "MoCoConfig": MEMORY,
    "MsbRegConfig": "adds random kicks",
    "PclConfig": MEMORY,
    "ReconstructionConfig": WEIGHTS,
    "RotNetConfig": WEIGHTS,
    "VicRegLConfig": WEIGHTS,
    "SelfLabelConfig": WEIGHTS,
    "SigRegConfig": "looks along random directions; its value at zero is in its test",
    "SwavConfig": MEMORY,
}
"""Why there is no such value. A new objective must be in one of these tables."""


def closed(config: object) -> float:
    """The value in the table."""
    return CLOSED[type(config).__name__](config)


@EVERY
def test_keeps_the_contract(name: str) -> None:
    """Among other things: what rows that are not valid get and do, and targets."""
    check_objective(ZOO[name].objective.build, SIZE)


@EVERY
def test_low_precision_stays_finite(name: str) -> None:
    config = ZOO[name].objective
    for _, built_for, given in bindings(config.build(LATENT).needs, SIZE):
        objective = config.build(built_for)
        views = tracked(mapped(given, lambda x: (8 * x).bfloat16()))
        loss = objective(views)
        total = loss.regularizer
        if loss.per_sample is not None:
            assert loss.per_sample.dtype == torch.float32
            total = total + loss.per_sample.sum()
        total.backward()
        reached = [x.grad for x in (*views.z, *views.p) if x is not None]
        grads = [x for x in reached if x is not None]
        assert total.isfinite()
        assert all(x.isfinite().all() for x in grads)


def collapsed_loss(name: str) -> Tensor:
    """Of images whose latents are all the same, whatever the view."""
    objective = ZOO[name].objective.build(LATENT)
    [views] = [
        x for name, _, x in bindings(objective.needs, SIZE) if name == "views of images"
    ]
    assert views.valid is not None
    views.valid.fill_(True)
    loss = objective(mapped(views, lambda x: torch.full_like(x, 0.5)))
    total: Tensor = loss.regularizer
    if loss.per_sample is not None:
        total = total + loss.per_sample.mean()
    return total


@EVERY
def test_collapse_has_the_value_that_follows_from_the_equation(name: str) -> None:
    config, loss = ZOO[name].objective, collapsed_loss(name)
    kind = type(config).__name__
    assert (kind in CLOSED) != (kind in NOT_CLOSED), f"decide about {kind}"
    assert loss.isfinite()
    if kind in CLOSED:
        assert loss.item() == pytest.approx(closed(config), rel=1e-4, abs=1e-5)
