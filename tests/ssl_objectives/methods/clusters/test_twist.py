"""TWIST against loops, its closed values, and its second phase."""

import math

import pytest
import torch
from torch import Tensor

from ssl_objectives.check.objective import check_objective
from ssl_objectives.encoders.heads import Mlp
from ssl_objectives.methods.clusters.twist import Twist, TwistConfig
from ssl_objectives.objective import Loss, Sizes, Views
from ssl_objectives.zoo import ZOO

BOTH = ((0, 1), (1, 0))


def images(*rows: Tensor, valid: Tensor | None = None, targets: int = 2) -> Views:
    num = len(rows)
    pairs = [(i, j) for i in range(num) for j in range(targets) if i != j]
    aims = (*rows[:targets], *([None] * (num - targets)))
    return Views(rows, rows, aims, tuple(pairs), valid)


def whole(loss: Loss) -> Tensor:
    assert loss.per_sample is not None
    return loss.per_sample.mean() + loss.regularizer


def total(loss: Loss) -> float:
    return float(whole(loss).detach())


def softmax(row: Tensor) -> list[float]:
    each = [math.exp(float(x)) for x in row]
    return [x / sum(each) for x in each]


def naive(a: Tensor, b: Tensor, sharp: float, diverse: float) -> float:
    p, q = [softmax(x) for x in a], [softmax(x) for x in b]
    num, classes = len(p), len(p[0])
    kl = entropy = 0.0
    for n in range(num):
        for c in range(classes):
            x, y = p[n][c], q[n][c]
            kl += (x * math.log(x / y) + y * math.log(y / x)) / 2 / num
            entropy -= (x * math.log(x) + y * math.log(y)) / 2 / num
    of_mean = 0.0
    for side in (p, q):
        for c in range(classes):
            mean = sum(row[c] for row in side) / num
            of_mean -= mean * math.log(mean) / 2
    return kl + (1 + sharp) * entropy - diverse * of_mean


@pytest.mark.parametrize(("sharp", "diverse"), [(0.0, 1.0), (-0.6, 1.7)])
def test_against_loops(
    sharp: float, diverse: float, generator: torch.Generator
) -> None:
    a, b, c = torch.randn(3, 6, 4, generator=generator, dtype=torch.float64)
    method = Twist(sharp, diverse)
    want = naive(a, b, sharp, diverse)
    assert total(method(images(a, b))) == pytest.approx(want)
    # a small crop is compared with both large views: three pairs, their mean
    want += naive(a, c, sharp, diverse) + naive(b, c, sharp, diverse)
    assert total(method(images(a, b, c))) == pytest.approx(want / 3)
    groups = method(images(torch.stack([a, c]), torch.stack([b, a])))
    want = (naive(a, b, sharp, diverse) + naive(c, a, sharp, diverse)) / 2
    assert total(groups) == pytest.approx(want)


def test_closed_values() -> None:
    balanced = 100 * torch.eye(5).repeat(3, 1)
    loss = Twist()(images(balanced, balanced))
    assert total(loss) == pytest.approx(-math.log(5))
    collapsed = 100 * torch.eye(5)[:1].expand(8, 5)
    assert total(Twist()(images(collapsed, collapsed))) == pytest.approx(0.0)
    uniform = torch.zeros(8, 5)
    assert total(Twist()(images(uniform, uniform))) == pytest.approx(0.0, abs=1e-6)


def test_the_last_batch_norm_undoes_a_collapse(generator: torch.Generator) -> None:
    """Rows that nearly agree: no way out without it, and with it no collapse."""
    noise = torch.randn(64, 5, generator=generator, dtype=torch.float64)
    x = (10 * torch.eye(5)[0] + 0.1 * noise).requires_grad_()
    (stuck,) = torch.autograd.grad(whole(Twist()(images(x, x))), x)
    assert total(Twist()(images(x, x))) == pytest.approx(0.0, abs=1e-3)
    projector = ZOO["twist"].projector.build(5)
    assert isinstance(projector, torch.nn.Sequential)
    norm = Mlp(5, last_norm=True).build(5)[-1].double()
    assert type(projector[-1]) is type(norm)
    assert not list(projector[-1].parameters())
    y = norm(x)
    loss = Twist()(images(y, y))
    assert total(loss) < -0.2
    (free,) = torch.autograd.grad(whole(loss), x)
    assert free.norm() > 100 * stuck.norm()


def test_of_equal_views_it_is_minus_the_information(
    generator: torch.Generator,
) -> None:
    """I(row; class) = Σ p(n, c) log p(n, c) / (p(n) p(c))."""
    x = torch.randn(7, 3, generator=generator, dtype=torch.float64)
    joint = x.softmax(-1) / 7
    product = joint.sum(1, keepdim=True) * joint.sum(0, keepdim=True)
    information = float((joint * (joint / product).log()).sum())
    assert total(Twist()(images(x, x))) == pytest.approx(-information)


def test_rows_that_are_not_valid_do_not_exist(generator: torch.Generator) -> None:
    valid = torch.tensor([True, False, True, True, False, True])
    a, b = torch.randn(2, 6, 4, generator=generator, dtype=torch.float64)
    kept = Twist()(images(a[valid], b[valid]))
    got = Twist()(images(a, b, valid=valid))
    assert kept.per_sample is not None
    assert got.per_sample is not None
    torch.testing.assert_close(got.per_sample[valid], kept.per_sample)
    torch.testing.assert_close(got.regularizer, kept.regularizer)
    assert not got.per_sample[~valid].any()


def naive_labels(views: list[Tensor], share: float) -> float:
    """The second phase as told: threshold, label, cross-entropy of the other views."""
    probs = [[softmax(row) for row in x] for x in views]
    num = len(probs[0])
    best = sorted((max(probs[0][n] + probs[1][n]) for n in range(num)), reverse=True)
    threshold = best[min(int(share * num), num - 1)]
    losses = []
    for n in range(num):
        one, two = probs[0][n], probs[1][n]
        if max(one + two) <= threshold:
            continue
        weak, strong = (one, two) if max(one) > max(two) else (two, one)
        label = weak.index(max(weak))
        rest = [strong] + [x[n] for x in probs[2:]]
        losses.append(sum(-math.log(x[label]) for x in rest) / len(rest))
    return sum(losses) / len(losses)


def test_second_phase_against_a_loop(generator: torch.Generator) -> None:
    rows = list(torch.randn(4, 9, 5, generator=generator, dtype=torch.float64))
    method = Twist(self_label_from=0.5, steps=8)
    views = images(*rows)
    first = method(views)
    for step in range(1, 9):
        method.observe(views)
        if step < 4:
            torch.testing.assert_close(method(views).per_sample, first.per_sample)
        else:
            share = 0.5 + 0.1 * (step - 4) / 4
            loss = method(views)
            assert total(loss) == pytest.approx(naive_labels(rows, share))
            assert not loss.regularizer.any()


def test_labels_get_no_gradient_and_the_taught_do(generator: torch.Generator) -> None:
    sure = 5 * torch.eye(4)
    other = torch.randn(4, 4, generator=generator)
    sure.requires_grad_()
    other.requires_grad_()
    method = Twist(self_label_from=0.0, steps=1, shares=(0.9, 0.9))
    sure_first = images(sure * torch.tensor([1.3, 1.2, 1.1, 1.0])[:, None], other)
    loss = method(sure_first).per_sample
    assert loss is not None
    one, two = torch.autograd.grad(loss.sum(), (sure, other))
    assert not one.any()
    assert two[:3].any(-1).all()
    assert not two[3].any()  # the threshold itself is not above the threshold


def test_the_phase_survives_saving(generator: torch.Generator) -> None:
    views = images(*torch.randn(2, 6, 4, generator=generator))
    method = Twist(self_label_from=0.5, steps=4)
    for _ in range(3):
        method.observe(views)
    other = Twist(self_label_from=0.5, steps=4)
    assert not torch.equal(_rows(other(views)), _rows(method(views)))
    other.load_state_dict(method.state_dict())
    assert torch.equal(_rows(other(views)), _rows(method(views)))


def _rows(loss: Loss) -> Tensor:
    assert loss.per_sample is not None
    return loss.per_sample


def test_half_precision_stays_finite(generator: torch.Generator) -> None:
    a, b = (100 * torch.randn(2, 6, 4, generator=generator)).to(torch.bfloat16)
    a.requires_grad_()
    loss = Twist()(images(a, b))
    (_rows(loss).sum() + loss.regularizer).backward()
    assert _rows(loss).isfinite().all()
    assert a.grad is not None
    assert a.grad.isfinite().all()


def test_a_second_phase_needs_the_length_of_the_run() -> None:
    with pytest.raises(ValueError, match="steps"):
        TwistConfig().build(Sizes(latent=4))
    TwistConfig(self_label_from=1.0).build(Sizes(latent=4))
    with pytest.raises(ValueError, match="between 0 and 1"):
        TwistConfig(last_share=1.2)


@pytest.mark.parametrize("start", [0.94, 0.0])
def test_contract(start: float) -> None:
    check_objective(TwistConfig(self_label_from=start).build)
