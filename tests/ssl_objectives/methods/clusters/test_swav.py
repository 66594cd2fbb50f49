"""SwAV against loops, and its property tests."""

import math

import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.branches import Branches
from ssl_objectives.check.objective import check_objective
from ssl_objectives.methods.clusters.swav import Swav, SwavConfig
from ssl_objectives.objective import Loss, Sizes, Views
from ssl_objectives.parts.candidates import Queue
from ssl_objectives.views.maker import MultiCrop

SIZE, PROTOTYPES = 5, 4


def build(**settings: int) -> Swav:
    settings = {"prototypes": PROTOTYPES, "freeze": 0, **settings}
    torch.manual_seed(0)
    return SwavConfig(**settings).build(Sizes(latent=SIZE)).double()


def rows(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, SIZE, generator=generator, dtype=torch.float64)


def images(*z: Tensor, targets: int = 2, valid: Tensor | None = None) -> Views:
    num = len(z)
    pairs = [(i, j) for i in range(num) for j in range(targets) if i != j]
    aims = (*(x.detach() for x in z[:targets]), *([None] * (num - targets)))
    return Views(z, z, aims, tuple(pairs), valid)


def losses(loss: Loss) -> Tensor:
    assert loss.per_sample is not None
    return loss.per_sample


def cosine(x: Tensor, y: Tensor) -> float:
    return float((x @ y / (x.norm() * y.norm())).detach())


def naive(method: Swav, views: Views, past: dict[int, Tensor]) -> list[float]:
    """Codes by dividing exp(s/ε) three times, then cross-entropies of all pairs."""
    num, centres = len(views.p[0] if views.p[0] is not None else ()), method.prototypes
    codes: dict[int, list[list[float]]] = {}
    for j in {j for _, j in views.pairs}:
        target = views.t[j]
        assert target is not None
        everything = [*target, *past.get(j, ())]
        q = [[math.exp(cosine(x, c) / 0.05) for c in centres] for x in everything]
        for _ in range(3):
            for k in range(len(centres)):
                mass = sum(row[k] for row in q)
                for row in q:
                    row[k] /= mass
            q = [[x / sum(row) for x in row] for row in q]
        codes[j] = q
    found = []
    for n in range(num):
        total = 0.0
        for i, j in views.pairs:
            query = views.p[i]
            assert query is not None
            score = [cosine(query[n], c) / 0.1 for c in centres]
            below = math.log(sum(math.exp(s) for s in score))
            total -= sum(
                w * (s - below) for w, s in zip(codes[j][n], score, strict=True)
            )
        found.append(total / len(views.pairs))
    return found


def test_against_loops(generator: torch.Generator) -> None:
    method = build()
    a, b, small = rows(generator, 7), rows(generator, 7), rows(generator, 7)
    for views in (images(a, b), images(a, b, small)):
        assert losses(method(views)).tolist() == pytest.approx(naive(method, views, {}))
    groups = losses(method(images(torch.stack([a, b]), torch.stack([b, small]))))
    torch.testing.assert_close(groups[0], losses(method(images(a, b))))
    torch.testing.assert_close(groups[1], losses(method(images(b, small))))


def test_crops_are_averaged_as_in_the_official_code(
    generator: torch.Generator,
) -> None:
    """Over two code crops, then over the other V - 1 crops."""
    method = build()
    z = [rows(generator, 6) for _ in range(4)]
    total = torch.zeros(6).double()
    for j in range(2):
        others = [i for i in range(4) if i != j]
        for i in others:
            one = Views((), (z[i], None), (None, z[j]), ((0, 1),))
            total += losses(method(one)) / len(others) / 2
    torch.testing.assert_close(losses(method(images(*z))), total)


def test_swapping_the_views_leaves_the_loss(generator: torch.Generator) -> None:
    method = build()
    a, b = rows(generator, 6), rows(generator, 6)
    torch.testing.assert_close(
        losses(method(images(a, b))), losses(method(images(b, a)))
    )


def test_equal_embeddings_stay_at_log_k(generator: torch.Generator) -> None:
    """Codes are uniform, whatever the scores; at equal scores the loss is log K."""
    method = build()
    same = rows(generator, 1).expand(6, SIZE)
    score = torch.tensor([cosine(same[0], c) / 0.1 for c in method.prototypes])
    want = -score.log_softmax(0).mean().double()
    got = losses(method(images(same, same)))
    torch.testing.assert_close(got, want.expand(6), atol=1e-6, rtol=1e-6)
    with torch.no_grad():
        method.prototypes.copy_(torch.eye(PROTOTYPES, SIZE))
    ones = torch.ones(6, SIZE, dtype=torch.float64)
    got = losses(method(images(ones, ones)))
    torch.testing.assert_close(got, torch.full((6,), math.log(PROTOTYPES)).double())


def test_only_lengths_of_one_count(generator: torch.Generator) -> None:
    method = build()
    a, b = rows(generator, 6), rows(generator, 6)
    before = losses(method(images(a, b)))
    with torch.no_grad():
        method.prototypes.mul_(torch.tensor([[2.0], [0.1], [7.0], [1.0]]))
    torch.testing.assert_close(losses(method(images(3 * a, b / 5))), before)


def test_prototypes_learn_once_they_are_not_frozen(
    generator: torch.Generator,
) -> None:
    method = build(freeze=2)
    a, b = rows(generator, 6).requires_grad_(), rows(generator, 6)
    for step in range(4):
        losses(method(images(a, b))).sum().backward()
        assert a.grad is not None
        learned = method.prototypes.grad
        assert (learned is not None and bool(learned.any())) == (step >= 2)
        method.observe(images(a, b))


def test_no_gradient_through_codes(generator: torch.Generator) -> None:
    """The gradient is that of a cross-entropy with constant codes."""
    method = build()
    a, b = rows(generator, 6).requires_grad_(), rows(generator, 6).requires_grad_()
    views = Views((a, b), (a, b), (a, b), ((0, 1),))
    got = torch.autograd.grad(
        losses(method(views)).sum(), (a, b, method.prototypes), allow_unused=True
    )
    assert got[1] is None
    codes = method._codes(
        views, method.prototypes / method.prototypes.norm(dim=-1)[:, None]
    )
    assert not codes[1].requires_grad
    centre = torch.nn.functional.normalize(method.prototypes, dim=-1)
    score = torch.nn.functional.normalize(a, dim=-1) @ centre.T / 0.1
    want = -(codes[1] * score.log_softmax(-1)).sum()
    wanted = torch.autograd.grad(want, (a, method.prototypes))
    torch.testing.assert_close(got[0], wanted[0])
    torch.testing.assert_close(got[2], wanted[1])


def test_queues_take_part_once_they_are_full(generator: torch.Generator) -> None:
    method = build(queue_length=12, queue_from=1)
    plain = build()
    seen: list[list[Tensor]] = []
    for step in range(5):
        views = images(rows(generator, 5), rows(generator, 5))
        past: dict[int, Tensor] = {}
        if step >= 4:  # step 0 did not count; three steps of five rows fill twelve
            past = {j: torch.cat([x[j] for x in seen[1:]])[-12:] for j in range(2)}
            assert not torch.allclose(losses(method(views)), losses(plain(views)))
        want = naive(method, views, past)
        assert losses(method(views)).tolist() == pytest.approx(want)
        other = build(queue_length=12, queue_from=1)
        other.load_state_dict(method.state_dict())
        assert torch.equal(losses(other(views)), losses(method(views)))
        method.observe(views)
        seen.append([x for x in views.t if x is not None])


def test_queues_hold_embeddings_without_history(generator: torch.Generator) -> None:
    method = build(queue_length=6)
    a, b = rows(generator, 6), rows(generator, 6)
    method.observe(images(a, b))
    for queue, x in zip(method.queues, (a, b), strict=True):
        assert isinstance(queue, Queue)
        assert not queue.rows.requires_grad
        torch.testing.assert_close(queue.rows.sort(0).values, x.sort(0).values)


def test_every_target_needs_its_queue(generator: torch.Generator) -> None:
    method = build(queue_length=6)
    views = images(*(rows(generator, 4) for _ in range(3)), targets=3)
    with pytest.raises(ValueError, match="targets"):
        method(views)
    method = build(queue_length=6, targets=3)
    method.observe(views)
    assert losses(method(views)).isfinite().all()


def test_rows_that_are_not_valid_do_not_exist(generator: torch.Generator) -> None:
    method = build()
    valid = torch.tensor([True, False, True, True, False, True])
    a, b = rows(generator, 6), rows(generator, 6)
    kept = method(images(a[valid], b[valid]))
    got = method(images(a, b, valid=valid))
    torch.testing.assert_close(losses(got)[valid], losses(kept))
    assert not losses(got)[~valid].any()
    assert got.metrics["swav/used"] == kept.metrics["swav/used"]


def test_used_is_a_share_of_prototypes() -> None:
    method = build()
    with torch.no_grad():
        method.prototypes.copy_(torch.eye(PROTOTYPES, SIZE))
    x = torch.eye(PROTOTYPES, SIZE, dtype=torch.float64)[[0, 2, 2, 0, 2]]
    assert method(images(x, x)).metrics["swav/used"] == 0.5


def test_half_precision_stays_finite(generator: torch.Generator) -> None:
    method = build().float()
    a, b = rows(generator, 6).bfloat16(), rows(generator, 6).bfloat16()
    a.requires_grad_()
    loss = losses(method(images(a, b)))
    loss.sum().backward()
    assert loss.dtype == torch.float32
    assert loss.isfinite().all()
    assert a.grad is not None
    assert a.grad.isfinite().all()


@pytest.mark.parametrize("low", [torch.float16, torch.bfloat16])
def test_automatic_low_precision_stays_finite(
    low: torch.dtype, generator: torch.Generator
) -> None:
    """e^(1/ε) does not fit into half precision: codes and logarithms do without it."""
    method = build(queue_length=6).float()
    a, b = rows(generator, 6).float().requires_grad_(), rows(generator, 6).float()
    a.data[0] = method.prototypes.data[0]  # a cosine of 1
    method.observe(images(a, b))
    want = losses(method(images(a, b)))
    with torch.autocast("cpu", low):
        loss = losses(method(images(a, b)))
    loss.sum().backward()
    assert a.grad is not None
    assert a.grad.isfinite().all()
    assert a.grad.any()
    torch.testing.assert_close(loss, want, rtol=0.05, atol=0.05)


def test_small_crops_of_fewer_pixels_predict_and_are_no_targets(
    generator: torch.Generator,
) -> None:
    views = MultiCrop(num_small=3, side=0.5).build((1, 12, 12))
    drawn = views(
        torch.randint(256, (7, 1, 12, 12), generator=generator).byte(), generator
    )
    encoder = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4, SIZE))
    branches = Branches(encoder.double(), nn.Identity(), None, build())
    given = [x.double() / 255 for x in drawn.images]
    assert [x.shape[-1] for x in given] == [12, 12, 6, 6, 6]
    seen = branches.views(given, num_targets=drawn.num_targets)
    assert len(seen.pairs) == 2 + 3 * 2
    want = naive(build(), seen, {})
    loss, _ = branches.loss(given, num_targets=drawn.num_targets)
    assert loss.item() == pytest.approx(sum(want) / 7)


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="prototype"):
        build(prototypes=0)
    with pytest.raises(ValueError, match="above 0"):
        SwavConfig(eps=0.0)


@pytest.mark.parametrize("settings", [{}, {"freeze": 0, "queue_length": 9}])
def test_contract(settings: dict[str, int]) -> None:
    check_objective(SwavConfig(**settings).build)
