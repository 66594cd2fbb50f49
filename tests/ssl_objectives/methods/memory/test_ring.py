"""Ring, Ball and VINCE: one filter on IR, CMC, MoCo."""

import itertools
import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from ssl_objectives.check.objective import check_objective
from ssl_objectives.methods.contrast.info_nce import Contrast
from ssl_objectives.methods.memory.instance import CmcConfig, InstanceConfig
from ssl_objectives.methods.memory.moco import MoCoConfig
from ssl_objectives.methods.memory.ring import RingConfig
from ssl_objectives.objective import Sizes, Views
from ssl_objectives.parts.annealing import Exponential, Linear, Stairs
from ssl_objectives.parts.candidates import Bank, Queue
from ssl_objectives.parts.filters import Ring

ROWS, SIZE, TAU = 41, 4, 0.3
SIZES = Sizes(latent=SIZE, rows=ROWS, steps=10)
RINGED: dict[str, Callable[[RingConfig | None], Contrast]] = {
    "ir": lambda ring: InstanceConfig(TAU, negatives=None, ring=ring).build(SIZES),
    "cmc": lambda ring: CmcConfig(2, TAU, negatives=None, ring=ring).build(SIZES),
    "moco": lambda ring: MoCoConfig(TAU, queue=30, ring=ring).build(SIZES),
}
EVERY = pytest.mark.parametrize("name", RINGED)


def given(generator: torch.Generator, num: int = 5) -> Views:
    z, t = (
        tuple(torch.randn(num, SIZE, generator=generator) for _ in range(2))
        for _ in range(2)
    )
    ids = torch.randperm(ROWS, generator=generator)[:num]
    return Views(z, z, t, ((0, 1),), row=ids)


def per_sample(objective: Contrast, views: Views) -> Tensor:
    found = objective(views).per_sample
    assert isinstance(found, Tensor)
    return found


def naive(
    objective: Contrast, views: Views, n: int, lower: float, upper: float
) -> float:
    """Scores in a list, sorted, and a slice of it."""
    query, target = views.p[0], views.t[1]
    assert query is not None
    assert target is not None
    assert views.row is not None
    own, source = int(views.row[n]), objective.source
    if isinstance(source, Queue):
        right, wrong = target[n], list(source.rows)
    else:
        assert isinstance(source, Bank)
        memory = source.rows[-1]
        right, wrong = memory[own], [memory[i] for i in range(ROWS) if i != own]

    def score(x: Tensor) -> float:
        dot = sum(float(p) * float(q) for p, q in zip(query[n], x, strict=True))
        return dot / float(query[n].norm() * x.norm()) / TAU

    scores = sorted((score(x) for x in wrong), reverse=True)
    first, last = math.floor(lower * len(scores)), math.ceil(upper * len(scores))
    total = sum(math.exp(s) for s in [score(right), *scores[first:last]])
    return math.log(total) - score(right)


@EVERY
def test_a_ring_against_a_sorted_list(name: str, generator: torch.Generator) -> None:
    views = given(generator)
    objective = RINGED[name](RingConfig(0.1, 0.4, dynamic_inner=False))
    loss = per_sample(objective, views)
    for n in range(5):
        want = naive(objective, views, n, 0.1, 0.4)
        assert loss[n].item() == pytest.approx(want, rel=1e-5)


@EVERY
def test_the_whole_ring_is_no_filter(name: str, generator: torch.Generator) -> None:
    """Ring(0, 1) = Ball(1) = InfoNCE with all negatives."""
    views = given(generator)
    plain, ring = RINGED[name](None), RINGED[name](RingConfig(0.0, 1.0))
    assert torch.equal(per_sample(plain, views), per_sample(ring, views))


@EVERY
def test_a_ring_is_part_of_a_wider_one(name: str, generator: torch.Generator) -> None:
    views = given(generator)
    bands = [(0.3, 0.4), (0.2, 0.4), (0.2, 0.8), (0.0, 0.8), (0.0, 1.0)]
    losses = [
        per_sample(RINGED[name](RingConfig(*x, dynamic_inner=False)), views)
        for x in bands
    ]
    for narrow, wide in itertools.pairwise(losses):
        assert (wide > narrow).all()


def test_a_ring_is_harder_than_as_many_from_everywhere(
    generator: torch.Generator,
) -> None:
    """In expectation over draws of 6 from the nearest half of 40."""
    views = given(generator)
    near = RINGED["ir"](RingConfig(0.0, 0.5, sample=6))
    even = RINGED["ir"](RingConfig(0.0, 1.0, sample=6))
    totals = [torch.zeros(5), torch.zeros(5)]
    for _ in range(60):
        for i, objective in enumerate((near, even)):
            totals[i] += per_sample(objective, views) / 60
            for choose in objective.filters:
                choose.observe(views)  # type: ignore[operator]
    assert (totals[0] > totals[1]).all()
    assert totals[0].mean() > totals[1].mean() + 0.2


def test_the_papers_ring_is_the_nearest_tenth_less_a_tenth_of_it() -> None:
    (ring,) = RingConfig().build(Sizes(latent=1))
    assert isinstance(ring, Ring)
    assert ring.edges == pytest.approx((0.01, 0.1))


@pytest.mark.parametrize("annealing", [Linear(), Exponential(), Stairs()])
def test_vince_begins_as_info_nce_and_ends_as_a_ball(
    annealing: Linear | Exponential | Stairs, generator: torch.Generator
) -> None:
    views = given(generator)
    vince = RINGED["moco"](RingConfig(0.0, 0.2, annealing=annealing))
    plain = RINGED["moco"](None)
    assert torch.equal(per_sample(vince, views), per_sample(plain, views))
    for _ in range(5):  # until = 0.5 of the ten steps
        for objective in (vince, plain):
            objective.observe(views)
    ball = RINGED["moco"](RingConfig(0.0, 0.2))
    ball.source.load_state_dict(vince.source.state_dict())
    torch.testing.assert_close(per_sample(vince, views), per_sample(ball, views))
    assert (per_sample(vince, views) < per_sample(plain, views)).all()


@EVERY
def test_a_run_goes_on_from_its_state_as_if_nothing_had_been(
    name: str, generator: torch.Generator
) -> None:
    ring = RingConfig(0.1, 0.3, annealing=Linear(), sample=4)
    objective, twin = RINGED[name](ring), RINGED[name](ring)
    batches = [given(generator) for _ in range(6)]
    for views in batches[:3]:
        objective.observe(views)
    twin.load_state_dict(objective.state_dict())
    for views in batches[3:]:
        for x in (objective, twin):
            x.observe(views)
        assert torch.equal(per_sample(objective, views), per_sample(twin, views))


@EVERY
def test_rows_that_are_not_valid_do_not_exist(
    name: str, generator: torch.Generator
) -> None:
    views = given(generator)
    assert views.row is not None
    valid = torch.tensor([True, False, True, True, False])
    ring = RingConfig(0.0, 0.5)
    one = per_sample(RINGED[name](ring), replace(views, valid=valid))
    z, t = (
        tuple(x[valid] for x in side if x is not None) for side in (views.z, views.t)
    )
    alone = replace(views, z=z, p=z, t=t, row=views.row[valid])
    assert not one[~valid].any()
    torch.testing.assert_close(one[valid], per_sample(RINGED[name](ring), alone))


def test_what_cannot_be_built() -> None:
    with pytest.raises(ValueError, match="is empty"):
        RingConfig(0.5, 0.1, dynamic_inner=False)
    with pytest.raises(ValueError, match="edges"):
        RingConfig(0.5, 1.1)
    with pytest.raises(ValueError, match="number of steps"):
        RingConfig(annealing=Linear()).build(Sizes(latent=1))
    with pytest.raises(ValueError, match="at least 1"):
        RingConfig(sample=0)


@pytest.mark.parametrize("annealing", [None, Exponential()])
@pytest.mark.parametrize("sample", [None, 5])
def test_contract(annealing: Exponential | None, sample: int | None) -> None:
    ring = RingConfig(0.1, 0.5, annealing=annealing, sample=sample)
    check_objective(InstanceConfig(negatives=None, ring=ring).build)
    check_objective(CmcConfig(negatives=20, ring=ring).build)
    check_objective(MoCoConfig(queue=30, ring=ring).build)
