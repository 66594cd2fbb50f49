"""IR, CMC and MoCo against loops written from their equations."""

import itertools
import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from ssl_objectives.check.objective import check_objective
from ssl_objectives.methods.contrast.info_nce import Contrast
from ssl_objectives.methods.memory.instance import (
    CmcConfig,
    CrossViewConfig,
    InstanceConfig,
    NceForm,
)
from ssl_objectives.methods.memory.moco import MoCoConfig
from ssl_objectives.objective import ObjectiveConfig, Sizes, TargetKind, Views
from ssl_objectives.parts.candidates import Bank, Queue
from ssl_objectives.parts.losses import noise_contrast

ROWS, SIZE, TAU = 11, 4, 0.3
SIZES = Sizes(latent=SIZE, rows=ROWS, steps=20)
C = 2876934.2 / 1281167
CONFIGS: dict[str, ObjectiveConfig] = {
    "ir": InstanceConfig(TAU, negatives=6),
    "ir-all": InstanceConfig(TAU, negatives=None),
    "ir-nce": InstanceConfig(TAU, negatives=6, form=NceForm()),
    "cmc": CmcConfig(2, TAU, negatives=6, form=NceForm()),
    "cmc-softmax": CmcConfig(3, TAU, negatives=None),
    "cross-view": CrossViewConfig(TAU),
    "moco": MoCoConfig(TAU, queue=9),
}


def given(
    generator: torch.Generator, num: int = 5, views: int = 2, seed: int = 0
) -> Views:
    z = tuple(
        torch.randn(num, SIZE, generator=generator, dtype=torch.float64)
        for _ in range(views)
    )
    each = range(views)
    pairs = tuple((i, j) for i in each for j in each if i != j) or ((0, 0),)
    ids = torch.randperm(ROWS, generator=generator)[:num]
    return Views(z, z, z, pairs, row=ids)


def per_sample(objective: Contrast, views: Views) -> Tensor:
    found = objective(views).per_sample
    assert isinstance(found, Tensor)
    return found


def bank_of(objective: Contrast) -> Bank:
    assert isinstance(objective.source, Bank)
    return objective.source


def cosine(x: Tensor, y: Tensor) -> float:
    dot = sum(float(p) * float(q) for p, q in zip(x, y, strict=True))
    return dot / math.sqrt(float((x**2).sum()) * float((y**2).sum()))


def naive_softmax(query: Tensor, right: Tensor, wrong: list[Tensor]) -> float:
    scores = [math.exp(cosine(query, x) / TAU) for x in [right, *wrong]]
    return -math.log(scores[0] / sum(scores))


def naive_nce(query: Tensor, right: Tensor, wrong: list[Tensor]) -> float:
    """P of a row against K noise rows, each drawn with probability 1 / N."""
    noise = len(wrong) / ROWS

    def p(x: Tensor) -> float:
        return math.exp(cosine(query, x) / TAU) / (C * ROWS)

    total = -math.log(p(right) / (p(right) + noise))
    return total - sum(math.log(noise / (p(x) + noise)) for x in wrong)


def negatives(bank: Bank, view: int, own: int) -> list[Tensor]:
    ids = list(range(ROWS))
    if bank.sample is not None:
        ids = bank.drawn(torch.device("cpu")).tolist()
    return [bank.rows[view, i] for i in ids if i != own]


@pytest.mark.parametrize("name", ["ir", "ir-all", "ir-nce"])
def test_ir_against_a_loop(name: str, generator: torch.Generator) -> None:
    objective = CONFIGS[name].build(SIZES)
    assert isinstance(objective, Contrast)
    naive = naive_nce if name.endswith("nce") else naive_softmax
    views = given(generator, views=1)
    for _ in range(2):
        loss, bank = per_sample(objective, views), bank_of(objective)
        assert views.row is not None
        query = views.p[0]
        assert query is not None
        for n, own in enumerate(views.row.tolist()):
            want = naive(query[n], bank.rows[0, own], negatives(bank, 0, own))
            assert loss[n].item() == pytest.approx(want, rel=1e-5)
        objective.observe(views)


@pytest.mark.parametrize("name", ["cmc", "cmc-softmax"])
def test_cmc_against_a_loop(name: str, generator: torch.Generator) -> None:
    """Each view's query in the memory of every other view."""
    objective = CONFIGS[name].build(SIZES)
    assert isinstance(objective, Contrast)
    bank, naive = bank_of(objective), naive_nce if name == "cmc" else naive_softmax
    views = given(generator, views=len(bank.rows))
    loss = per_sample(objective, views)
    assert views.row is not None
    for n, own in enumerate(views.row.tolist()):
        want = 0.0
        for i, j in itertools.permutations(range(len(bank.rows)), 2):
            query = views.p[i]
            assert query is not None
            want += naive(query[n], bank.rows[j, own], negatives(bank, j, own))
        assert loss[n].item() == pytest.approx(want, rel=1e-5)


def test_moco_against_a_loop(generator: torch.Generator) -> None:
    objective = MoCoConfig(TAU, queue=9).build(SIZES)
    queue = objective.source
    assert isinstance(queue, Queue)
    views = given(generator)
    keys = [torch.randn(5, SIZE, generator=generator).double() for _ in range(2)]
    views = replace(views, t=tuple(keys))
    for _ in range(3):
        loss = per_sample(objective, views)
        for n in range(5):
            want = 0.0
            for i in range(2):
                query = views.p[i]
                assert query is not None
                want += naive_softmax(query[n], keys[1 - i][n], list(queue.rows))
            assert loss[n].item() == pytest.approx(want, rel=1e-5)
        objective.observe(views)


def with_other_targets(views: Views, generator: torch.Generator) -> Views:
    targets = tuple(
        torch.randn(x.shape, generator=generator, dtype=x.dtype)
        for x in views.z
        if x is not None
    )
    return replace(views, t=targets)


@pytest.mark.parametrize("config", [InstanceConfig, CmcConfig])
def test_memories_follow_the_targets_by_their_momentum(
    config: type[InstanceConfig | CmcConfig], generator: torch.Generator
) -> None:
    """`M_i ← normalize(m M_i + (1 - m) t_i)`, of view v where there are two."""
    objective = config(temperature=TAU, momentum=0.8).build(SIZES).double()
    views = with_other_targets(given(generator), generator)
    assert views.row is not None
    unit = torch.nn.functional.normalize
    want = bank_of(objective).rows.clone()
    for v, memory in enumerate(want):
        target = views.t[v]
        assert target is not None
        mixed = 0.8 * memory[views.row] + 0.2 * unit(target)
        memory[views.row] = unit(mixed)
    objective.observe(views)
    torch.testing.assert_close(bank_of(objective).rows, want)


def test_keys_enter_the_queue_after_their_own_loss(generator: torch.Generator) -> None:
    """Before it, each positive would be among its own negatives."""
    objective = MoCoConfig(TAU, queue=9).build(SIZES).double()
    queue = objective.source
    assert isinstance(queue, Queue)
    views = with_other_targets(given(generator), generator)
    first, keys = queue.rows.clone(), views.t[0]
    assert keys is not None
    loss = per_sample(objective, views)
    assert torch.equal(queue.rows, first)
    objective.observe(views)
    assert torch.equal(queue.rows, torch.cat([keys, first[5:]]))
    # the pair that has these keys as targets now has each of them twice
    again = per_sample(objective, replace(views, pairs=((1, 0),)))
    assert (again > math.log(2)).all()
    assert not torch.allclose(per_sample(objective, views), loss)


def test_nce_of_zero_scores_has_a_closed_value() -> None:
    """N = 1000, K = 64: 5.4186; with P = 1 / Z = 1 / (c N)."""
    positive = torch.arange(65) == 0
    keep = torch.ones(65, dtype=torch.bool)
    zeros = torch.zeros(1, 65, dtype=torch.float64)
    got = noise_contrast(zeros, positive[None], keep[None], C)
    p, noise = 1 / (C * 1000), 64 / 1000
    want = -math.log(p / (p + noise)) - 64 * math.log(noise / (p + noise))
    assert want == pytest.approx(5.4186, abs=5e-5)
    assert got.item() == pytest.approx(want)


def test_ir_at_right_angles_to_its_memory_has_that_value() -> None:
    """N = 7, all others as noise, and a normaliser of one's own."""
    config = InstanceConfig(TAU, negatives=None, form=NceForm(1.7))
    objective = config.build(Sizes(latent=9, rows=7)).double()
    bank_of(objective).rows.copy_(torch.eye(7, 9))
    query = torch.eye(9, dtype=torch.float64)[7:]
    views = Views((query,), (query,), (query,), ((0, 0),), row=torch.tensor([4, 0]))
    p, noise = 1 / (1.7 * 7), 6 / 7
    want = -math.log(p / (p + noise)) - 6 * math.log(noise / (p + noise))
    got = per_sample(objective, views)
    torch.testing.assert_close(got, torch.full_like(got, want))


def test_nce_stays_finite_where_probabilities_do_not() -> None:
    """The official code adds 1e-7 against log 0."""
    logits = torch.tensor([[-300.0, 300.0, 5.0]], requires_grad=True)
    positive = torch.tensor([[True, False, False]])
    loss = noise_contrast(logits, positive, torch.ones_like(positive), C)
    assert loss.item() > 600
    (gradient,) = torch.autograd.grad(loss.sum(), logits)
    torch.testing.assert_close(gradient[:, :2], torch.tensor([[-1.0, 1.0]]))


def test_the_constant_of_nce_is_a_mean_over_rows_spread_evenly(
    generator: torch.Generator,
) -> None:
    """`e^(1 / 2 D τ²)`, as the docstring says: near the constant at D 128, τ 0.07."""
    rows = torch.nn.functional.normalize(torch.randn(200_000, 128, generator=generator))
    mean = (rows[:, 0] / 0.07).exp().mean().item()
    assert math.exp(1 / (2 * 128 * 0.07**2)) == pytest.approx(mean, rel=0.02)
    assert mean == pytest.approx(C, rel=0.03)


def test_moco_of_an_orthogonal_queue_has_a_closed_value() -> None:
    """Keys as their queries, all else at right angles: `log(1 + K e^{-1/τ})`."""
    objective = MoCoConfig(TAU, queue=9).build(Sizes(latent=12))
    assert isinstance(objective.source, Queue)
    objective.source.rows.copy_(torch.eye(12)[3:])
    same = torch.eye(12)[:3]
    views = Views((same,) * 2, (same,) * 2, (same,) * 2, ((0, 1),))
    one_way = math.log(1 + 9 * math.exp(-1 / TAU))
    torch.testing.assert_close(
        per_sample(objective, views), torch.full((3,), one_way), rtol=1e-5, atol=0
    )
    both = per_sample(objective, replace(views, pairs=((0, 1), (1, 0))))
    torch.testing.assert_close(both, torch.full((3,), 2 * one_way))


@pytest.mark.parametrize("name", ["ir", "ir-all", "ir-nce", "cmc", "moco"])
def test_gradient_goes_through_queries_alone(
    name: str, generator: torch.Generator
) -> None:
    objective = CONFIGS[name].build(SIZES)
    assert isinstance(objective, Contrast)
    views = given(generator)
    queries = [torch.randn(5, SIZE, generator=generator) for _ in range(2)]
    targets = [torch.randn(5, SIZE, generator=generator) for _ in range(2)]
    for x in (*queries, *targets):
        x.requires_grad_()
    views = replace(views, p=tuple(queries), t=tuple(targets))
    per_sample(objective, views).sum().backward()
    assert all(x.grad is not None and x.grad.any() for x in queries)
    assert all(x.grad is None for x in targets)
    objective.observe(views)
    assert all(not x.requires_grad for x in objective.buffers())


def test_two_modalities_without_memory_are_clip(generator: torch.Generator) -> None:
    views = given(generator)
    a, b = (torch.nn.functional.normalize(x) for x in views.p if x is not None)
    logits, right = a @ b.T / TAU, torch.arange(5)
    entropy = torch.nn.functional.cross_entropy
    clip = (entropy(logits, right) + entropy(logits.T, right)) / 2
    got = per_sample(CrossViewConfig(TAU).build(SIZES), views).mean()
    torch.testing.assert_close(got, 2 * clip)


@pytest.mark.parametrize("name", ["cross-view", "cmc-softmax"])
def test_the_order_of_views_does_not_matter(
    name: str, generator: torch.Generator
) -> None:
    """Memories move with their views."""
    objective = CONFIGS[name].build(SIZES)
    assert isinstance(objective, Contrast)
    views = given(generator, views=3)
    one = per_sample(objective, views)
    order = (2, 0, 1)
    moved = tuple(views.z[i] for i in order)
    if isinstance(objective.source, Bank):
        objective.source.rows.copy_(objective.source.rows[list(order)])
    other = per_sample(objective, replace(views, z=moved, p=moved, t=moved))
    torch.testing.assert_close(other, one)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_run_goes_on_from_its_state_as_if_nothing_had_been(
    name: str, generator: torch.Generator
) -> None:
    objective, twin = CONFIGS[name].build(SIZES), CONFIGS[name].build(SIZES)
    assert isinstance(objective, Contrast)
    assert isinstance(twin, Contrast)
    batches = [given(generator, views=objective.needs.views[0]) for _ in range(6)]
    for views in batches[:3]:
        objective.observe(views)
    twin.load_state_dict(objective.state_dict())
    for views in batches[3:]:
        for x in (objective, twin):
            x.observe(views)
        assert torch.equal(per_sample(objective, views), per_sample(twin, views))


@pytest.mark.parametrize("name", CONFIGS)
def test_bf16_stays_finite(name: str, generator: torch.Generator) -> None:
    objective = CONFIGS[name].build(SIZES)
    assert isinstance(objective, Contrast)
    views = given(generator, views=objective.needs.views[0])
    half = tuple(x.bfloat16() for x in views.z if x is not None)
    views = replace(views, z=half, p=half, t=half)
    loss = per_sample(objective, views)
    assert loss.dtype == torch.float32
    assert loss.isfinite().all()
    objective.observe(views)
    assert per_sample(objective, views).isfinite().all()


def test_moco_wants_a_target_network_and_banks_want_ids() -> None:
    assert MoCoConfig().build(SIZES).needs.target is TargetKind.EMA
    assert InstanceConfig().build(SIZES).needs.rows
    assert CmcConfig(3).build(SIZES).needs.views == (3, 3)


def test_what_cannot_be_built() -> None:
    for config in (InstanceConfig(), CmcConfig()):
        with pytest.raises(ValueError, match="remembers every row"):
            config.build(Sizes(latent=4))
    with pytest.raises(ValueError, match="two views"):
        CmcConfig(1)
    with pytest.raises(ValueError, match="queue's length"):
        MoCoConfig(queue=0)
    with pytest.raises(ValueError, match="normalizer"):
        NceForm(0.0)
    for make in (InstanceConfig, MoCoConfig, CrossViewConfig):
        with pytest.raises(ValueError, match="above 0"):
            make(temperature=0.0)


@pytest.mark.parametrize("name", CONFIGS)
def test_contract(name: str) -> None:
    check_objective(CONFIGS[name].build)
