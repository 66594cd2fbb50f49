"""Several predictors of objects, and how far apart they are."""

from dataclasses import replace

import pytest
import torch

from tests.shapes import rounds
from tests.world_models.objects.scene import (
    LAYOUT,
    START,
    B,
    N,
    T,
    of_objects,
    seen_objects,
)
from world_models.check.model import check_model
from world_models.model_loss import PREDICTION
from world_models.objects.displacements import DisplacementsConfig
from world_models.objects.ensemble import ObjectEnsemble, ObjectEnsembleConfig
from world_models.predictor import Ahead
from world_models.presets import grouped
from world_models.trajectory import Trajectory

HEADS = ObjectEnsembleConfig(3, DisplacementsConfig(LAYOUT, hidden=9))


def test_disagreement_is_the_variance_over_heads_of_what_isseen_objects(
    generator: torch.Generator,
) -> None:
    torch.manual_seed(0)
    model = grouped(1, LAYOUT, terms=(HEADS,)).build(of_objects(N))
    [term] = model.terms
    assert isinstance(term, ObjectEnsemble)
    traj = seen_objects(generator)
    seen = model.see(traj, model.start(B))
    with torch.no_grad():
        loss = model.predict(seen, traj.action, traj.valid)
    ahead = Ahead(seen.belief, seen.belief[None], torch.zeros(1, *traj.reward.shape, 6))
    guesses = [head(ahead).latent.detach()[0] for head in term.heads]
    for t, b in ((0, 1), (3, 4)):
        want = 0.0
        for o in range(6):
            if not seen.belief[t, b, 12 + o]:
                continue
            each = torch.stack([x[t, b, 2 * o : 2 * o + 2] for x in guesses])
            want += 25.0 * float((each - each.mean(0)).square().mean(0).sum())
        assert want > 0
        got = float(loss.terms["disagreement"][0, t, b])
        assert got == pytest.approx(want, rel=1e-4)
    assert dict(loss.weights) == {PREDICTION: 1.0, "ensemble": 1.0}


def going_right(generator: torch.Generator) -> Trajectory:
    """All objects are seen, and all go the same way."""
    traj = seen_objects(generator)
    place = torch.rand(1, B, 6, 2, generator=generator).repeat(T + 1, 1, 1, 1)
    place[..., 0] += 0.2 * torch.arange(T + 1.0).view(-1, 1, 1)
    told = (torch.zeros(T + 1, B, START), place.flatten(2), torch.ones(T + 1, B, 6))
    return replace(traj, vector=torch.cat(told, -1))


def test_heads_begin_apart_and_meet_where_they_learn(
    generator: torch.Generator,
) -> None:
    torch.manual_seed(0)
    model = grouped(1, LAYOUT, terms=(HEADS,)).build(of_objects(N))
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    traj = going_right(generator)
    spread = []
    for _ in rounds(200):
        loss = model.loss(traj, model.start(B))
        optimizer.zero_grad()
        loss.mean().backward()
        optimizer.step()
        told = loss.terms["disagreement"].masked_fill(~loss.valid, 0.0)
        spread.append(float(told.sum().detach()))
    assert spread[-1] < 0.5 * max(spread)


def test_it_keeps_the_contract() -> None:
    check_model(grouped(1, LAYOUT, terms=(HEADS,)).build, {"objects": of_objects})
    with pytest.raises(ValueError, match="heads must be at least 2, not 1"):
        ObjectEnsembleConfig(1)
