"""SeLa: labels that are balanced, learned, and made anew."""

import itertools

import pytest
import torch
from torch import Tensor

from ssl_objectives.check.objective import check_objective
from ssl_objectives.methods.clusters.self_label import SelfLabel, SelfLabelConfig
from ssl_objectives.objective import Loss, Sizes, Views

NUM, SIZE = 24, 5


def build(classes: int = 4, heads: int = 3, strength: float = 10.0) -> SelfLabel:
    config = SelfLabelConfig(classes, heads, strength)
    return config.build(Sizes(latent=SIZE, rows=NUM)).double()


def batch(generator: torch.Generator, views: int = 1, num: int = 6) -> Views:
    x = tuple(
        torch.randn(num, SIZE, generator=generator, dtype=torch.float64)
        for _ in range(views)
    )
    pairs = tuple((i, j) for i in range(views) for j in range(views) if i != j)
    row = torch.randperm(NUM, generator=generator)[:num]
    return Views(x, x, x, pairs or ((0, 0),), row=row)


def losses(loss: Loss) -> Tensor:
    assert loss.per_sample is not None
    return loss.per_sample


def test_labels_begin_balanced_and_differ_between_heads() -> None:
    method = build()
    for labels in method.labels:
        assert torch.bincount(labels).tolist() == [6, 6, 6, 6]
    assert len({tuple(x.tolist()) for x in method.labels}) == 3
    assert torch.equal(build().labels, method.labels)


@pytest.mark.parametrize("views", [1, 2])
def test_against_a_loop(views: int, generator: torch.Generator) -> None:
    method, given = build(), batch(generator, views)
    assert given.row is not None
    got = method(given)
    right = 0
    for n, row in enumerate(given.row.tolist()):
        total = 0.0
        for h in range(3):
            part = slice(4 * h, 4 * h + 4)
            for x in given.p:
                assert x is not None
                logits = method.heads.weight[part] @ x[n] + method.heads.bias[part]
                label = int(method.labels[h, row])
                total -= logits.softmax(0)[label].log().item() / 3 / views
                right += int(logits.argmax()) == label
        assert losses(got)[n].item() == pytest.approx(total)
    assert got.metrics["sela/accuracy"].item() == pytest.approx(right / 18 / views)


def test_a_sweep_finds_the_best_balanced_labels(generator: torch.Generator) -> None:
    """Six rows, three classes of two: all 90 assignments are tried."""
    method = SelfLabel(6, SIZE, 3, 2, strength=100.0).double()
    with torch.no_grad():
        method.heads.weight.mul_(3)
    data = torch.randn(6, SIZE, generator=generator, dtype=torch.float64)
    order = torch.tensor([4, 0, 5, 3, 1, 2])
    method.refresh([(order[:4], data[order[:4]]), (order[4:], data[order[4:]])])
    every = sorted(set(itertools.permutations([0, 0, 1, 1, 2, 2])))
    for h in range(2):
        part = slice(3 * h, 3 * h + 3)
        logits = data @ method.heads.weight[part].T + method.heads.bias[part]
        log_p = logits.detach().log_softmax(-1)
        value = log_p[torch.arange(6), torch.tensor(every)].sum(-1)
        assert tuple(method.labels[h].tolist()) == every[int(value.argmax())]


def test_a_collapsed_head_is_labelled_in_balance(generator: torch.Generator) -> None:
    """Where all rows score one class best, its plain argmax would be one class."""
    method = build(heads=1)
    with torch.no_grad():
        method.heads.bias[2] = 30.0
    data = torch.randn(NUM, SIZE, generator=generator, dtype=torch.float64)
    scores = method.heads(data)
    assert scores.argmax(-1).unique().tolist() == [2]
    method.refresh([(torch.arange(NUM), data)])
    assert torch.bincount(method.labels[0]).tolist() == pytest.approx([6] * 4, abs=2)


def test_rows_left_out_of_a_sweep_keep_their_label(
    generator: torch.Generator,
) -> None:
    method = build()
    before = method.labels.clone()
    ids = torch.tensor([3, 20, 7, 11, 0])
    data = torch.randn(5, SIZE, generator=generator, dtype=torch.float64)
    method.refresh([(ids, data)])
    others = torch.ones(NUM, dtype=torch.bool)
    others[ids] = False
    assert torch.equal(method.labels[:, others], before[:, others])
    assert not torch.equal(method.labels, before)
    other = build()
    other.load_state_dict(method.state_dict())
    views = batch(generator)
    assert torch.equal(losses(other(views)), losses(method(views)))


def test_heads_learn_and_labels_get_no_gradient(generator: torch.Generator) -> None:
    method, views = build(), batch(generator)
    losses(method(views)).sum().backward()
    assert method.heads.weight.grad is not None
    assert method.heads.weight.grad.any(-1).all()
    assert not method.labels.requires_grad


def test_contract() -> None:
    check_objective(SelfLabelConfig().build)
    with pytest.raises(ValueError, match="at least 1"):
        SelfLabelConfig().build(Sizes(latent=SIZE))
