"""InterCLR on planted clusters, and against a loop over its equation."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.check.objective import check_objective
from ssl_objectives.methods.clusters.inter_clr import (
    ClusterMate,
    InterClrConfig,
    Margin,
    SweptBank,
)
from ssl_objectives.methods.contrast.info_nce import Contrast, Coupled
from ssl_objectives.methods.weighted import Weighted
from ssl_objectives.objective import Sizes, TargetKind, Views
from ssl_objectives.parts.candidates import Candidates
from tests.shapes import rounds

ROWS, SIZE, CLUSTERS, TAU = 30, 5, 3, 0.3
SIZES = Sizes(latent=SIZE, rows=ROWS)
IDS = torch.arange(ROWS)
PLANTED = IDS % CLUSTERS
SMALL = InterClrConfig(TAU, queue=16, clusters=CLUSTERS, hard=0.5, negatives=4)


def planted(label: Tensor, generator: torch.Generator) -> Tensor:
    """Rows near one of three axes."""
    noise = 0.1 * torch.randn(len(label), SIZE, generator=generator)
    return 2 * torch.eye(SIZE)[label] + noise


def batch(ids: Tensor, generator: torch.Generator) -> Views:
    z = tuple(planted(PLANTED[ids], generator) for _ in range(2))
    return Views(z, z, z, ((0, 1), (1, 0)), row=ids)


def parts(objective: Weighted) -> tuple[Contrast, SweptBank, ClusterMate]:
    inter = objective.objectives[0]
    assert isinstance(inter, Contrast)
    source, choose = inter.source, inter.filters[0]
    assert isinstance(source, SweptBank)
    assert isinstance(choose, ClusterMate)
    return inter, source, choose


def chosen(inter: Contrast, views: Views, query: int = 0) -> tuple[Tensor, Candidates]:
    """Scores, and the candidates after all filters."""
    found = inter.source(views, query, 1 - query)
    logits = inter.critic(views.p[query], found.key)
    for choose in inter.filters:
        found = choose(logits, found, views)
    return logits, found


def swept(generator: torch.Generator) -> Weighted:
    objective = SMALL.build(SIZES)
    rows = planted(PLANTED, generator)
    objective.refresh((IDS[i : i + 7], rows[i : i + 7]) for i in range(0, ROWS, 7))
    return objective


def test_positives_share_the_label_and_negatives_never_do(
    generator: torch.Generator,
) -> None:
    objective = swept(generator)
    inter, source, mates = parts(objective)
    for label in range(CLUSTERS):
        assert len(mates.clusters.labels[0][label == PLANTED].unique()) == 1, (
            "k-means finds them"
        )
    torch.testing.assert_close(source.bank.rows.norm(dim=-1), torch.ones(1, ROWS))
    ids = torch.tensor([4, 29, 0, 17])
    views = batch(ids, generator)
    met: set[int] = set()
    for _ in rounds(120):
        _, found = chosen(inter, views)
        assert (found.positive.sum(-1) == 1).all()
        mate = found.positive.float().argmax(-1)
        assert torch.equal(PLANTED[mate], PLANTED[ids])
        for n, own in enumerate(ids.tolist()):
            wrong = (found.keep[n] & ~found.positive[n]).nonzero().flatten()
            assert len(wrong) == 4
            assert not (PLANTED[wrong] == PLANTED[own]).any()
        met.add(int(mate[0]))
        mates.observe(views)
    assert len(met) == 10, "every row of the cluster, now and then itself"


def test_against_a_loop(generator: torch.Generator) -> None:
    """`0.25 Σ -log e^{(c⁺ + 0.5)/τ} / (e^{(c⁺ + 0.5)/τ} + Σ e^{c/τ}) + 0.75 MoCo`."""
    objective = swept(generator)
    inter, source, _ = parts(objective)
    views = batch(torch.tensor([4, 29, 0, 17]), generator)
    moco = objective.objectives[1](views).per_sample
    loss = objective(views).per_sample
    assert loss is not None
    memory = source.bank.rows[0]
    for n in range(4):
        want = 0.75 * float(moco[n])
        for query in range(2):
            _, found = chosen(inter, views, query)
            rows = views.p[query]
            assert rows is not None
            cosines = nn.functional.cosine_similarity(rows[n : n + 1], memory).tolist()
            right = int(found.positive[n].float().argmax())
            wrong = (found.keep[n] & ~found.positive[n]).nonzero().flatten().tolist()
            easy = math.exp((cosines[right] + 0.5) / TAU)
            hard = sum(math.exp(cosines[m] / TAU) for m in wrong)
            want -= 0.25 * math.log(easy / (easy + hard))
        assert loss[n].item() == pytest.approx(want, rel=1e-4)


def test_negatives_are_semi_hard(generator: torch.Generator) -> None:
    """Drawn from the nearer half of those of other clusters."""
    objective = swept(generator)
    inter, _, mates = parts(objective)
    ids = torch.tensor([4, 29, 0])
    views = batch(ids, generator)
    logits, found = chosen(inter, views)
    for n, own in enumerate(ids.tolist()):
        others = [
            m
            for m in range(ROWS)
            if mates.clusters.labels[0][m] != mates.clusters.labels[0][own]
        ]
        nearest = sorted(others, key=lambda m: -float(logits[n, m]))[:10]
        wrong = (found.keep[n] & ~found.positive[n]).nonzero().flatten().tolist()
        assert set(wrong) <= set(nearest)


def test_a_cluster_that_fills_the_memory_teaches_nothing(
    generator: torch.Generator,
) -> None:
    """The official search for a negative would never end."""
    objective = replace(SMALL, clusters=1, weight=1.0).build(SIZES)
    objective.refresh([(IDS, planted(PLANTED, generator))])
    views = batch(torch.tensor([4, 29, 0]), generator)
    leaf = planted(PLANTED[:3], generator).requires_grad_()
    loss = objective(replace(views, p=(leaf, leaf))).per_sample
    assert loss is not None
    assert not loss.any()
    (gradient,) = torch.autograd.grad(loss.sum(), leaf)
    assert not gradient.any()


def test_a_step_changes_the_rows_it_saw(generator: torch.Generator) -> None:
    objective = swept(generator)
    _, source, mates = parts(objective)
    rows, labels = source.bank.rows.clone(), mates.clusters.labels[0].clone()
    ids, valid = torch.tensor([4, 29, 0]), torch.tensor([True, True, False])
    moved = planted((PLANTED[ids] + 1) % CLUSTERS, generator)
    views = Views((moved,) * 2, (moved,) * 2, (moved,) * 2, ((0, 1),), valid, ids)
    objective.observe(views)
    seen = torch.zeros(ROWS, dtype=torch.bool)
    seen[ids[valid]] = True
    assert torch.equal(source.bank.rows[0, ~seen], rows[0, ~seen])
    assert torch.equal(mates.clusters.labels[0][~seen], labels[~seen])
    unit = nn.functional.normalize(moved[valid])
    torch.testing.assert_close(source.bank.rows[0, ids[valid]], unit)
    # an online label: that of the rows among which it now lies
    assert torch.equal(mates.clusters.labels[0][ids[valid]], labels[[5, 0]])


def test_before_the_first_sweep_everybody_is_alone(generator: torch.Generator) -> None:
    objective = SMALL.build(SIZES)
    inter, _, mates = parts(objective)
    ids = torch.tensor([4, 29, 0])
    views = batch(ids, generator)
    _, found = chosen(inter, views)
    assert torch.equal(found.positive.float().argmax(-1), ids)
    objective.observe(views)
    assert mates.clusters.labels[0].unique().numel() == ROWS


def test_nobody_moves_to_a_cluster_without_rows(generator: torch.Generator) -> None:
    """A sweep over fewer rows than clusters: the others are alone again."""
    objective = replace(SMALL, clusters=8).build(SIZES)
    objective.refresh([(IDS[:5], planted(PLANTED[:5], generator))])
    _, _, mates = parts(objective)
    assert sorted(mates.clusters.labels[0, :5].tolist()) == [0, 1, 2, 3, 4]
    objective.observe(batch(IDS[10:20], generator))
    assert mates.clusters.labels[0, 10:20].max() < 5


def test_no_cluster_is_empty(generator: torch.Generator) -> None:
    objective = replace(SMALL, clusters=8).build(SIZES)
    objective.refresh([(IDS, planted(PLANTED, generator))])
    _, _, mates = parts(objective)
    assert mates.clusters.labels[0].unique().tolist() == list(range(8))


def test_a_negative_margin_helps_the_positive() -> None:
    logits = torch.tensor([[0.2, 0.4, 0.1]])
    positive = torch.tensor([[True, False, False]])
    candidates = Candidates(torch.zeros(3, 1), positive, torch.ones_like(positive))
    easier = Margin(Coupled(), -0.5)(logits, candidates)
    moved = Coupled()(torch.tensor([[0.7, 0.4, 0.1]]), candidates)
    torch.testing.assert_close(easier, moved)
    assert (easier < Coupled()(logits, candidates)).all()


def test_a_run_goes_on_from_its_state_as_if_nothing_had_been(
    generator: torch.Generator,
) -> None:
    objective, twin = swept(generator), SMALL.build(SIZES)
    batches = [
        batch(torch.randperm(ROWS, generator=generator)[:4], generator)
        for _ in range(4)
    ]
    objective.observe(batches[0])
    twin.load_state_dict(objective.state_dict())
    for views in batches[1:]:
        for x in (objective, twin):
            x.observe(views)
        one, two = objective(views).per_sample, twin(views).per_sample
        assert one is not None
        assert two is not None
        assert torch.equal(one, two)


def test_what_it_needs() -> None:
    needs = SMALL.build(SIZES).needs
    assert (needs.target, needs.rows, needs.sweep) == (TargetKind.EMA, True, True)
    with pytest.raises(ValueError, match="remembers every row"):
        SMALL.build(Sizes(latent=4))
    with pytest.raises(ValueError, match="weight"):
        replace(SMALL, weight=1.5)
    with pytest.raises(ValueError, match="clusters"):
        replace(SMALL, clusters=0)


@pytest.mark.parametrize("config", [InterClrConfig(queue=30), SMALL])
def test_contract(config: InterClrConfig) -> None:
    check_objective(config.build)
