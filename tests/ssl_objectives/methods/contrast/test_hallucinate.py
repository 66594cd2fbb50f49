"""Hallucinated positives around several hosts."""

import pytest
import torch
from torch import Tensor

from ssl_objectives.check.objective import check_objective
from ssl_objectives.methods.bootstrap.byol import ByolConfig
from ssl_objectives.methods.contrast.hallucinate import Hallucinate, HallucinateConfig
from ssl_objectives.methods.contrast.info_nce import (
    InfoNceConfig,
    SimClrConfig,
    sim_clr,
)
from ssl_objectives.methods.memory.moco import MoCoConfig
from ssl_objectives.methods.moments.vicreg_barlow import BarlowTwins, VicRegConfig
from ssl_objectives.objective import Needs, ObjectiveConfig, Sizes, Views
from ssl_objectives.parts.candidates import Queue
from tests.shapes import rounds

BOTH = ((0, 1), (1, 0))
N, D = 5, 4
HOSTS: dict[str, ObjectiveConfig] = {
    "sim_clr": SimClrConfig(0.3),
    "info_nce": InfoNceConfig(0.3),
    "moco": MoCoConfig(queue=12),
    "byol": ByolConfig(),
    "vicreg": VicRegConfig(),
}


def rows(generator: torch.Generator) -> Tensor:
    return torch.randn(N, D, generator=generator, dtype=torch.float64)


def two_views(a: Tensor, b: Tensor, valid: Tensor | None = None) -> Views:
    return Views((a, b), (a, b), (a, b), BOTH, valid)


def build(host: ObjectiveConfig, reach: float = 0.1) -> Hallucinate:
    torch.manual_seed(2)
    return HallucinateConfig(host, reach).build(Sizes(latent=D)).double()


def queue_of(made: Hallucinate) -> Queue:
    source = made.host.source
    assert isinstance(source, Queue)
    return source


def naive_mlp(made: Hallucinate, x: Tensor) -> Tensor:
    """The official order of layers, by their weights."""
    for layer in (0, 2, 4):
        linear = made.mlp[layer]
        assert isinstance(linear, torch.nn.Linear)
        x = linear.weight @ x + linear.bias
        if layer < 4:
            x = x.clamp(min=0)
    return x


def test_what_is_hallucinated(generator: torch.Generator) -> None:
    made, q, k = build(SimClrConfig()), rows(generator), rows(generator)
    draw = made.counter.generator(torch.device("cpu"))
    rho = 0.1 * float(torch.rand((), generator=draw))
    got = made.hallucinated(q, k)
    for n in range(N):
        away = torch.stack(
            [(1 + rho) * a - rho * b for a, b in zip(q[n], k[n], strict=True)]
        )
        torch.testing.assert_close(got[n], naive_mlp(made, torch.cat([q[n], away])))


def test_layers_are_as_wide_as_published() -> None:
    made = HallucinateConfig().build(Sizes(latent=128))
    shapes = [tuple(x.shape) for x in made.mlp.parameters() if x.dim() == 2]
    assert shapes == [(256, 256), (256, 256), (128, 256)]


def test_reach_is_even_between_nothing_and_a_tenth(generator: torch.Generator) -> None:
    """Read off `e = q + ρ (q - k)`, which is let through: one number for all rows."""
    made, q, k = build(SimClrConfig()), rows(generator), rows(generator)
    through = torch.nn.Linear(2 * D, D, bias=False).double()
    through.weight.data = torch.eye(2 * D, dtype=torch.float64)[D:]
    made.mlp = torch.nn.Sequential(through)
    drawn = []
    for _ in rounds(300):
        each = (made.hallucinated(q, k) - q) / (q - k)
        torch.testing.assert_close(
            each, each[:1, :1].expand(N, D), rtol=1e-4, atol=1e-5
        )
        drawn.append(each[0, 0])
        made.observe(two_views(q, k))
    rho = torch.stack(drawn)
    assert 0 <= rho.min() < 0.005
    assert 0.095 < rho.max() <= 0.1
    assert abs(rho.mean() - 0.05) < 4 * 0.1 / (12 * 300) ** 0.5


def test_without_reach_the_input_is_twice_the_prediction(
    generator: torch.Generator,
) -> None:
    made, q, k = build(SimClrConfig(), reach=0.0), rows(generator), rows(generator)
    want = made.mlp(torch.cat([q, q], -1))
    torch.testing.assert_close(made.hallucinated(q, k), want)


@pytest.mark.parametrize("name", HOSTS)
def test_half_of_the_loss_is_the_hosts_own(
    name: str, generator: torch.Generator
) -> None:
    made, a, b = build(HOSTS[name]), rows(generator), rows(generator)
    views = two_views(a, b)
    dreamt = (made.hallucinated(a, b), made.hallucinated(b, a))
    host, got = made.host(views), made(views)
    other = made.host(Views((a, b), dreamt, (a, b), BOTH))
    torch.testing.assert_close(got.per_sample, (host.per_sample + other.per_sample) / 2)
    want = (host.regularizer + other.regularizer) / 2
    torch.testing.assert_close(got.regularizer, want)


def test_moco_is_the_official_loss_over_both(generator: torch.Generator) -> None:
    """Queries [q; h] against [k; k] and the queue, one direction, mean over 2 N."""
    made = build(MoCoConfig(temperature=0.2, queue=12))
    a, b = rows(generator), rows(generator)
    queue = queue_of(made).rows
    q = torch.nn.functional.normalize(torch.cat([a, made.hallucinated(a, b)]), dim=1)
    k = torch.nn.functional.normalize(torch.cat([b, b]), dim=1)
    positive = (q * k).sum(1, keepdim=True)
    negative = q @ torch.nn.functional.normalize(queue, dim=1).T
    want = torch.nn.functional.cross_entropy(
        torch.cat([positive, negative], 1) / 0.2, torch.zeros(2 * N, dtype=torch.int64)
    )
    got = made(Views((a, b), (a, b), (a, b), ((0, 1),))).per_sample.mean()
    torch.testing.assert_close(got, want)


def test_the_queue_gets_every_target_once(generator: torch.Generator) -> None:
    made, a, b = build(MoCoConfig(queue=12)), rows(generator), rows(generator)
    source = queue_of(made)
    before = source.rows.clone()
    made.observe(two_views(a, b))
    changed = (source.rows != before).any(-1)
    assert changed.sum() == N
    torch.testing.assert_close(source.rows[changed], a)


def test_gradient_through_the_target_where_the_host_trains_it(
    generator: torch.Generator,
) -> None:
    for host, reaches in ((SimClrConfig(), True), (ByolConfig(), False)):
        made = build(host)
        q, k = rows(generator), rows(generator).requires_grad_()
        made_up = made.hallucinated(q, k)
        (gradient,) = torch.autograd.grad(made_up.sum(), k, allow_unused=True)
        assert (gradient is not None and bool(gradient.any())) is reaches


@pytest.mark.parametrize("name", HOSTS)
def test_the_generator_learns(name: str, generator: torch.Generator) -> None:
    made = build(HOSTS[name])
    loss = made(two_views(rows(generator), rows(generator)))
    (loss.per_sample.sum() + loss.regularizer).backward()
    for x in made.mlp.parameters():
        assert x.grad is not None
        assert x.grad.any()


def test_reach_is_drawn_once_a_step_and_remembered(generator: torch.Generator) -> None:
    made, a, b = build(SimClrConfig()), rows(generator), rows(generator)
    views, seen = two_views(a, b), []
    for _ in range(4):
        seen.append(made(views).per_sample)
        assert torch.equal(made(views).per_sample, seen[-1])
        made.observe(views)
    assert not any(torch.equal(seen[0], x) for x in seen[1:])
    other = build(SimClrConfig())
    other.load_state_dict(made.state_dict())
    assert torch.equal(other(views).per_sample, made(views).per_sample)


def test_rows_that_are_not_valid_do_not_exist(generator: torch.Generator) -> None:
    valid = torch.tensor([True, False, True, True, False])
    made, a, b = build(SimClrConfig()), rows(generator), rows(generator)
    a.requires_grad_()
    got = made(two_views(a, b, valid)).per_sample
    torch.testing.assert_close(
        got[valid], made(two_views(a[valid], b[valid])).per_sample
    )
    (gradient,) = torch.autograd.grad(got.sum(), a)
    assert not gradient[~valid].any()
    assert not got[~valid].any()


def test_a_batch_level_host_stays_one(generator: torch.Generator) -> None:
    made = Hallucinate(BarlowTwins(), D).double()
    loss = made(two_views(rows(generator), rows(generator)))
    assert loss.per_sample is None
    assert loss.regularizer.requires_grad


def test_a_host_for_more_views_is_refused() -> None:
    host = sim_clr()
    host.needs = Needs(views=(3, None))
    with pytest.raises(ValueError, match="takes two views"):
        Hallucinate(host, D)


@pytest.mark.parametrize("name", HOSTS)
def test_contract(name: str) -> None:
    check_objective(HallucinateConfig(HOSTS[name]).build)
