"""Every method in training on images: what must hold whatever it minimises."""

from typing import Any

import pytest
import torch
from torch import Tensor

from ssl_objectives.objective import Loss, TargetKind
from ssl_objectives.zoo import ZOO
from tests.ssl_objectives.zoo.small import BATCH, Run, rows_of

EVERY = pytest.mark.parametrize("name", ZOO)


def assert_same(one: Any, two: Any, where: str = "state") -> None:
    """Equal bit for bit, through dicts and sequences."""
    if isinstance(one, Tensor):
        assert torch.equal(one, two), where
    elif isinstance(one, dict):
        assert one.keys() == two.keys(), where
        for key in one:
            assert_same(one[key], two[key], f"{where}.{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(two), where
        for i, (a, b) in enumerate(zip(one, two, strict=True)):
            assert_same(a, b, f"{where}[{i}]")
    else:
        assert one == two, where


def terms(loss: Loss) -> list[Tensor]:
    per_sample = [] if loss.per_sample is None else [loss.per_sample]
    return [*per_sample, loss.regularizer, *loss.metrics.values()]


@EVERY
def test_the_loss_repeats_and_writes_nothing(name: str) -> None:
    run = Run(ZOO[name])
    run.train(2)
    views = run.branches.views(**run.batch())
    before = run.state()
    one, two = run.branches.objective(views), run.branches.objective(views)
    assert_same(terms(one), terms(two))
    assert_same(before, run.state())


@EVERY
def test_the_order_of_the_batch_does_not_matter(name: str) -> None:
    run = Run(ZOO[name])
    run.train(2)
    batch, order = run.batch(), torch.randperm(BATCH, generator=run.generator)
    one, _ = run.branches.loss(**batch)
    two, _ = run.branches.loss(**rows_of(batch, order))
    torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


@EVERY
def test_gradient_reaches_the_encoder_and_no_target(name: str) -> None:
    run = Run(ZOO[name])
    run.train(1)
    run.sweep()
    run.optimizer.zero_grad()
    batch = run.batch()
    loss, _ = run.branches.loss(**batch)
    loss.backward()
    masked = run.branches.objective.needs.masked
    for key, p in run.branches.encoder.named_parameters():
        if masked and key.startswith("head."):  # tokens are read in front of it
            continue
        assert p.grad is not None, key
        assert p.grad.isfinite().all(), key
        assert p.grad.any(), key
    if run.branches.target is not None:
        assert not any(p.requires_grad for p in run.branches.target.parameters())
    if run.branches.kind is not TargetKind.SHARED:
        made = run.branches.views(**batch).t
        assert not any(x.requires_grad for x in made if x is not None)


@EVERY
def test_a_resumed_run_goes_on_as_if_it_had_never_stopped(name: str) -> None:
    """Save and load between two sweeps; the next loss and all after it are equal."""
    run, resumed = Run(ZOO[name]), Run(ZOO[name], seed=1)
    run.train(4)
    resumed.load(run.state())
    assert_same(run.train(1), resumed.train(1), "next loss")
    assert_same(run.train(3), resumed.train(3), "losses")
    assert_same(run.state(), resumed.state())
