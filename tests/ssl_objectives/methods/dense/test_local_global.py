"""Local against global, against loops written from the equations."""

import math

import pytest
import torch
from torch import Tensor

from ssl_objectives.check.objective import check_objective
from ssl_objectives.methods.dense.local_global import (
    AmdimConfig,
    DeepInfoMaxConfig,
    LocalGlobal,
    StDimConfig,
)
from ssl_objectives.objective import ObjectiveConfig, Sizes, Views
from ssl_objectives.parts.local_features import JensenShannon, SoftmaxEach

N, D, F, H, W = 5, 4, 3, 2, 3
SIZES = Sizes(latent=D, maps=(F, H, W))
CONFIGS: dict[str, ObjectiveConfig] = {
    "deep_info_max": DeepInfoMaxConfig(),
    "deep_info_max_softmax": DeepInfoMaxConfig(SoftmaxEach()),
    "amdim": AmdimConfig(),
    "st_dim": StDimConfig(),
}


def build(config: ObjectiveConfig) -> LocalGlobal:
    torch.manual_seed(3)
    made = config.build(SIZES).double()
    assert isinstance(made, LocalGlobal)
    return made


def random(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def drawn(generator: torch.Generator, num_views: int) -> Views:
    z = tuple(random(generator, N, D) for _ in range(num_views))
    maps = tuple(random(generator, N, F, H, W) for _ in range(num_views))
    pairs = [(i, j) for i in range(num_views) for j in range(num_views) if i != j]
    return Views(z, z, z, tuple(pairs), maps=maps)


def only(views: Views, rows: Tensor) -> Views:
    def each(given: tuple[Tensor | None, ...]) -> tuple[Tensor | None, ...]:
        return tuple(None if x is None else x[rows] for x in given)

    z = each(views.z)
    return Views(z, z, z, views.pairs, maps=each(views.maps))


def dot(x: Tensor, y: Tensor) -> float:
    return sum(float(a) * float(b) for a, b in zip(x, y, strict=True))


def mapped(layer: torch.nn.Linear, x: Tensor) -> Tensor:
    """A linear layer, one output after another."""
    rows = zip(layer.weight.detach(), layer.bias.detach(), strict=True)
    return torch.tensor([dot(w, x) + float(b) for w, b in rows])


def places(made: LocalGlobal, maps: Tensor | None) -> list[list[Tensor]]:
    """For each image, the local rows in reading order."""
    assert maps is not None
    return [
        [mapped(made.local, image[:, y, x]) for y in range(H) for x in range(W)]
        for image in maps
    ]


def each_own(scores: list[list[list[float]]], n: int) -> float:
    """Query n, `scores[n][m][l]`: each own place against all places of others."""
    others = sum(math.exp(u) for m in range(N) if m != n for u in scores[n][m])
    losses = [math.log((math.exp(u) + others) / math.exp(u)) for u in scores[n][n]]
    return sum(losses) / len(losses)


def jensen(scores: list[list[list[float]]], n: int) -> float:
    own = [math.log(2) - math.log(1 + math.exp(-u)) for u in scores[n][n]]
    others = [
        math.log(1 + math.exp(-u)) + u - math.log(2)
        for m in range(N)
        if m != n
        for u in scores[n][m]
    ]
    return sum(others) / len(others) - sum(own) / len(own)


@pytest.mark.parametrize("softmax", [False, True])
def test_deep_info_max_against_loops(softmax: bool, generator: torch.Generator) -> None:
    made = build(DeepInfoMaxConfig(SoftmaxEach() if softmax else JensenShannon()))
    views = drawn(generator, 2)
    got = made(views).per_sample
    want = torch.zeros(N)
    for z, maps in zip(views.z, views.maps, strict=True):
        assert z is not None
        local = places(made, maps)
        scores = [[[dot(q, k) for k in of] for of in local] for q in z]
        for n in range(N):
            want[n] += (each_own if softmax else jensen)(scores, n) / 2
    torch.testing.assert_close(got.float(), want)


def test_amdim_against_loops(generator: torch.Generator) -> None:
    clip, weight = 0.9, 0.3
    made = build(AmdimConfig(clip, weight))
    views = drawn(generator, 2)
    loss = made(views)
    cells = made.counter.generator(torch.device("cpu"))
    want, squares = torch.zeros(N), 0.0
    for i, j in ((0, 1), (1, 0)):
        z, local, source = views.z[i], places(made, views.maps[j]), []
        assert z is not None
        cell = int(torch.randint(H * W, (1,), generator=cells))
        source = [of[cell] for of in places(made, views.maps[i])]
        for queries in (list(z), source):
            raw = [
                [[dot(q, k) / math.sqrt(D) for k in of] for of in local]
                for q in queries
            ]
            flat = [u for row in raw for of in row for u in of]
            squares += sum(u**2 for u in flat) / len(flat) / 2
            scores = [
                [[clip * math.tanh(u / clip) for u in of] for of in row] for row in raw
            ]
            for n in range(N):
                want[n] += each_own(scores, n) / 2
    torch.testing.assert_close(loss.per_sample.float(), want)
    assert loss.regularizer.item() == pytest.approx(weight * squares)
    assert loss.metrics["local_global/squared_score"].item() == pytest.approx(squares)


def test_st_dim_against_loops(generator: torch.Generator) -> None:
    """Each frame and each of its places find the place of the frame before."""
    made = build(StDimConfig())
    views = drawn(generator, 3)
    got = made(views).per_sample
    predictor = made.tasks[1].predictor
    assert isinstance(predictor, torch.nn.Linear)
    want = torch.zeros(N)
    for t in (1, 2):
        z, now = views.z[t], places(made, views.maps[t])
        before = places(made, views.maps[t - 1])
        assert z is not None
        for place in range(H * W):
            queries = [list(z), [mapped(predictor, of[place].double()) for of in now]]
            for made_of in queries:
                for n in range(N):
                    u = [dot(made_of[n], before[m][place]) for m in range(N)]
                    rest = math.log(sum(math.exp(x) for x in u))
                    want[n] += (rest - u[n]) / (H * W) / 2
    torch.testing.assert_close(got.float(), want, rtol=1e-4, atol=1e-5)


def test_zero_scores_give_closed_values(generator: torch.Generator) -> None:
    n, length = 12, 49
    scores, valid = torch.zeros(n, n, length), torch.ones(n, dtype=torch.bool)
    chance = SoftmaxEach()(scores, valid)
    torch.testing.assert_close(chance, torch.full((n,), math.log(1 + (n - 1) * length)))
    assert chance[0].item() == pytest.approx(6.2916, abs=1e-4)
    assert JensenShannon()(scores, valid).abs().max() < 1e-6
    own = torch.eye(n, dtype=torch.bool).unsqueeze(-1)
    apart = torch.where(own, 1e3, -1e3).expand(n, n, length)
    best = JensenShannon()(apart, valid)
    torch.testing.assert_close(best, torch.full((n,), -2 * math.log(2)))
    assert not SoftmaxEach()(apart, valid).any()


def test_own_places_are_no_negatives_of_each_other(generator: torch.Generator) -> None:
    scores, valid = random(generator, N, N, 6), torch.ones(N, dtype=torch.bool)
    scores.requires_grad_()
    alone = SoftmaxEach()(scores[..., :1].detach(), valid)
    # one more own place, no more places of others: the first one's loss is what it was
    more = scores.detach()[..., :2].clone()
    more[..., 1] = torch.where(torch.eye(N, dtype=torch.bool), 40.0, -torch.inf)
    torch.testing.assert_close(SoftmaxEach()(more, valid), alone / 2)


def test_the_order_of_places_does_not_matter(generator: torch.Generator) -> None:
    scores, valid = random(generator, N, N, 6), torch.ones(N, dtype=torch.bool)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    for loss in (SoftmaxEach(), JensenShannon()):
        torch.testing.assert_close(loss(scores[..., order], valid), loss(scores, valid))


@pytest.mark.parametrize("name", CONFIGS)
def test_rows_that_are_not_valid_do_not_exist(
    name: str, generator: torch.Generator
) -> None:
    made, views = build(CONFIGS[name]), drawn(generator, 2)
    valid = torch.tensor([True, False, True, True, False])
    kept = made(only(views, valid))
    maps = tuple(x.requires_grad_() for x in views.maps if x is not None)
    got = made(Views(views.z, views.p, views.t, views.pairs, valid, maps=maps))
    torch.testing.assert_close(got.per_sample[valid], kept.per_sample)
    torch.testing.assert_close(got.regularizer, kept.regularizer)
    assert not got.per_sample[~valid].any()
    gradients = torch.autograd.grad(got.per_sample.sum() + got.regularizer, maps)
    for gradient in gradients:
        assert not gradient[~valid].any()
        assert gradient[valid].any()


@pytest.mark.parametrize("name", CONFIGS)
def test_an_image_alone_says_nothing(name: str, generator: torch.Generator) -> None:
    """The end of the data may leave a batch of one."""
    views = only(drawn(generator, 2), torch.tensor([2]))
    maps = tuple(x.requires_grad_() for x in views.maps if x is not None)
    loss = build(CONFIGS[name])(
        Views(views.z, views.p, views.t, views.pairs, maps=maps)
    )
    assert not loss.per_sample.any()
    for gradient in torch.autograd.grad(loss.per_sample.sum(), maps, allow_unused=True):
        assert gradient is None or not gradient.any()


def test_amdims_penalty_still_pulls_where_clipping_has_no_slope(
    generator: torch.Generator,
) -> None:
    """It is of scores before clipping: of clipped ones it could not call them back."""
    made, views = build(AmdimConfig()), drawn(generator, 2)
    z = tuple((1e8 * x).requires_grad_() for x in views.z if x is not None)
    loss = made(Views(z, z, z, views.pairs, maps=views.maps))
    told = torch.autograd.grad(loss.per_sample.sum(), z, retain_graph=True)
    pulled = torch.autograd.grad(loss.regularizer, z)
    for x, contrast, penalty in zip(z, told, pulled, strict=True):
        assert contrast.abs().max() < 1e-9
        assert ((penalty * x).sum(-1) > 1.0).all()


def test_amdims_source_place_is_drawn_anew_each_step(
    generator: torch.Generator,
) -> None:
    made, views = build(AmdimConfig()), drawn(generator, 2)
    seen = []
    for _ in range(6):
        assert torch.equal(made(views).per_sample, made(views).per_sample)
        seen.append(round(made(views).per_sample.sum().item(), 6))
        made.observe(views)
    assert len(set(seen)) > 2


@pytest.mark.parametrize("name", CONFIGS)
def test_half_precision_stays_finite(name: str, generator: torch.Generator) -> None:
    views = drawn(generator, 2)
    z = tuple(30 * x.bfloat16() for x in views.z if x is not None)
    maps = tuple(
        (30 * x.bfloat16()).requires_grad_() for x in views.maps if x is not None
    )
    loss = build(CONFIGS[name]).float()(Views(z, z, z, views.pairs, maps=maps))
    total = loss.per_sample.sum() + loss.regularizer
    assert total.dtype == torch.float32
    for gradient in torch.autograd.grad(total, maps, allow_unused=True):
        assert gradient is None or gradient.isfinite().all()


@pytest.mark.parametrize("name", CONFIGS)
def test_maps_are_asked_for(name: str) -> None:
    with pytest.raises(ValueError, match="use an encoder that has them"):
        CONFIGS[name].build(Sizes(latent=4))


def test_clipping_at_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="clipped above 0"):
        AmdimConfig(clip=0.0)


@pytest.mark.parametrize("name", CONFIGS)
def test_contract(name: str) -> None:
    check_objective(CONFIGS[name].build)
