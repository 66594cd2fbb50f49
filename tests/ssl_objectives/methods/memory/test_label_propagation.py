"""Local Label Propagation against a loop, and from two labels to all."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from ssl_objectives.check.objective import check_objective
from ssl_objectives.methods.memory.label_propagation import (
    LabelPropagation,
    LabelPropagationConfig,
)
from ssl_objectives.objective import Loss, Sizes, Views
from ssl_objectives.parts.candidates import Bank
from ssl_objectives.parts.label_spreading import propagate_labels

NUM, SIZE, REP, CLASSES, TAU = 15, 4, 5, 3, 0.3
SIZES = Sizes(latent=SIZE, rep=REP, rows=NUM, classes=CLASSES)


def build(classes: int = CLASSES) -> LabelPropagation:
    sizes = replace(SIZES, classes=classes)
    return LabelPropagationConfig(TAU).build(sizes).double()


def memory(method: LabelPropagation) -> Tensor:
    source = method.contrast.source
    assert isinstance(source, Bank)
    return source.rows[0]


def batch(
    generator: torch.Generator,
    label: list[int],
    views: int = 1,
    valid: list[bool] | None = None,
) -> Views:
    num = len(label)
    z, rep = (
        tuple(
            torch.randn(num, size, generator=generator, dtype=torch.float64)
            for _ in range(views)
        )
        for size in (SIZE, REP)
    )
    return Views(
        z,
        z,
        z,
        ((0, 0),) if views == 1 else ((0, 1), (1, 0)),
        None if valid is None else torch.tensor(valid),
        torch.randperm(NUM, generator=generator)[:num],
        rep=rep,
        extra={"label": torch.tensor(label)},
    )


def losses(loss: Loss) -> Tensor:
    assert loss.per_sample is not None
    return loss.per_sample


def naive(method: LabelPropagation, views: Views) -> list[float]:
    known, bank = method.labels, memory(method)
    assert views.row is not None
    found = []
    for n, row in enumerate(views.row.tolist()):
        told = int(views.extra["label"][n])
        label = NUM + told if told >= 0 else int(known.labels[row])
        confidence = 1.0 if told >= 0 else float(known.confidence[row])
        total = 0.0
        for z, rep in zip(views.z, views.rep, strict=True):
            assert z is not None
            assert rep is not None
            score = [float(z[n] / z[n].norm() @ m) / TAU for m in bank]
            near = [k for k in range(NUM) if k == row or int(known.labels[k]) == label]
            total += math.log(sum(math.exp(s) for s in score))
            total -= math.log(sum(math.exp(score[k]) for k in near))
            if label >= NUM:
                logits = method.head.weight @ rep[n] + method.head.bias
                total -= logits.log_softmax(0)[label - NUM].item()
        found.append(confidence * total)
    return found


@pytest.mark.parametrize("num_views", [1, 2])
def test_against_a_loop(num_views: int, generator: torch.Generator) -> None:
    method = build()
    labels = method.labels
    labels.labels[:9] = NUM + torch.randint(CLASSES, (9,), generator=generator)
    labels.confidence[:9] = torch.rand(9, generator=generator).double()
    views = batch(generator, [-1, 0, -1, 2, -1, -1, -1], num_views)
    assert losses(method(views)).tolist() == pytest.approx(naive(method, views))


def test_before_any_label_it_is_instance_discrimination(
    generator: torch.Generator,
) -> None:
    method, views = build(), batch(generator, [-1] * 6)
    loss, alone = method(views), method.contrast(views)
    torch.testing.assert_close(losses(loss), losses(alone))
    assert loss.metrics["llp/labelled"] == 0
    assert loss.metrics["llp/confidence"] == 1


def test_one_class_leaves_nothing_to_do(generator: torch.Generator) -> None:
    method = build(classes=1)
    method.labels.labels.fill_(NUM)
    loss = losses(method(batch(generator, [-1] * 6)))
    torch.testing.assert_close(loss, torch.zeros_like(loss))


def test_two_labels_become_the_labels_of_two_blobs(
    generator: torch.Generator,
) -> None:
    method = build()
    owner = torch.randperm(NUM, generator=generator) % 2
    data = 9 * torch.eye(2, SIZE)[owner] + torch.randn(NUM, SIZE, generator=generator)
    views = batch(generator, [-1] * 5)
    assert views.row is not None
    for n, row in enumerate(views.row.tolist()):
        first_of_blob = not (owner[views.row[:n]] == owner[row]).any()
        if first_of_blob:
            views.extra["label"][n] = 2 * owner[row]
    assert (views.extra["label"] >= 0).sum() == 2
    method.observe(views)
    method.refresh([(torch.arange(NUM), data.double())])
    assert torch.equal(method.labels.labels - NUM, 2 * owner)
    later = batch(generator, [-1] * 5)
    metrics = method(later).metrics
    assert metrics["llp/labelled"] == 1
    assert 0.5 < metrics["llp/confidence"] <= 1
    other = build()
    other.load_state_dict(method.state_dict())
    assert torch.equal(losses(other(later)), losses(method(later)))


def test_settings_reach_memory_votes_and_densities(generator: torch.Generator) -> None:
    config = LabelPropagationConfig(0.5, momentum=0.8, neighbors=2, density_neighbors=3)
    method = config.build(SIZES).double()
    views = batch(generator, [2, 0, 1, 0, 2])
    assert views.row is not None
    target, want = views.t[0], memory(method).clone()
    assert target is not None
    unit = torch.nn.functional.normalize
    want[views.row] = unit(0.8 * want[views.row] + 0.2 * unit(target))
    method.observe(views)
    torch.testing.assert_close(memory(method), want)
    data = torch.randn(NUM, SIZE, generator=generator, dtype=torch.float64)
    method.refresh([(torch.arange(NUM), data)])
    known = method.labels.known
    label, share = propagate_labels(data, known, CLASSES, 2, 3, 0.5)
    assert torch.equal(method.labels.labels, NUM + label)
    torch.testing.assert_close(method.labels.confidence, share)


def test_rows_that_are_not_valid_teach_nothing(generator: torch.Generator) -> None:
    method = build()
    views = batch(generator, [0, 1, -1, 99], valid=[True, False, True, False])
    rep = views.rep[0]
    assert rep is not None
    assert views.row is not None
    rep.requires_grad_()
    loss = method(views)
    assert losses(loss).ne(0).tolist() == [True, False, True, False]
    assert loss.metrics["llp/labelled"] == 0.5
    (gradient,) = torch.autograd.grad(losses(loss).sum(), rep)
    assert gradient.any(-1).tolist() == [True, False, False, False]
    method.observe(views)
    known = (method.labels.known >= 0).nonzero().flatten().tolist()
    assert known == [int(views.row[0])]


def test_contract() -> None:
    check_objective(LabelPropagationConfig().build)


def test_sizes_must_be_known() -> None:
    for sizes in (replace(SIZES, rows=0), replace(SIZES, classes=0)):
        with pytest.raises(ValueError, match="propagated"):
            LabelPropagationConfig().build(sizes)
    with pytest.raises(ValueError, match="encoder's output"):
        LabelPropagationConfig().build(replace(SIZES, rep=0))


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="neighbour"):
        LabelPropagationConfig(neighbors=0)
