"""Displacements of objects, against loops over groups, objects and rows."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.shapes import rounds
from tests.world_models.objects.scene import (
    ACTIONS,
    LAYOUT,
    START,
    B,
    N,
    T,
    latents,
    of_objects,
    seen_objects,
)
from world_models.belief import build_belief
from world_models.check.model import check_model
from world_models.cores.history import HistoryConfig
from world_models.cores.recurrent import RecurrentConfig
from world_models.latent_dynamics import LatentDynamics
from world_models.model_loss import PREDICTION
from world_models.objects.displacements import Displacements, DisplacementsConfig
from world_models.objects.layout import Layout
from world_models.predictor import Ahead
from world_models.presets import grouped
from world_models.trajectory import Trajectory
from world_models.vector_encoder import VectorMlpConfig


def small(horizon: int = 1) -> LatentDynamics:
    torch.manual_seed(0)
    return grouped(horizon, LAYOUT).build(of_objects())


def by_hand(model: Displacements, rows: list[Tensor], kept: list[float]) -> Tensor:
    """One env, one step; rows are newest first."""
    places = [x[: 2 * 6].view(3, 2, 2) for x in rows]
    masks = [x[2 * 6 :].view(3, 2) for x in rows]
    place, mask = torch.zeros(3, 2, 2), masks[0].clone()
    for g in range(3):
        moved, flags = [], [masks[0][g]]
        for j in range(1, N):
            there = flags[-1] * masks[j][g] * kept[j]
            step = 5.0 * (places[j - 1][g] - places[j][g])
            moved.append(step * there[:, None])
            flags.append(there)
        x = torch.cat([places[0][g].flatten(), *(y.flatten() for y in moved), *flags])
        for i in range(3):
            x = x @ model.network.weights[i][g] + model.network.biases[i][g, 0]
            x = x if i == 2 else x.relu()
        for o in range(2):
            place[g, o] = (places[0][g, o] + x[2 * o : 2 * o + 2] / 5.0) * mask[g, o]
    return torch.cat([place.flatten(), mask.flatten()])


def belief_of(rows: Tensor, kept: Tensor) -> Tensor:
    return torch.cat([rows.flatten(-2), kept], -1)


@pytest.mark.parametrize("horizon", [1, 3])
def test_each_group_has_a_network_of_its_own(
    horizon: int, generator: torch.Generator
) -> None:
    torch.manual_seed(0)
    model = Displacements(LAYOUT, N, hidden=7)
    rows = latents(generator, B, N)
    kept = torch.ones(B, N)
    kept[1, 2] = 0.0
    kept[2, 1:] = 0.0
    start = belief_of(rows, kept)
    ahead = Ahead(start, start.expand(horizon, B, -1), torch.zeros(horizon, B, 6))
    got = model(ahead).latent
    for b in range(B):
        history, there = list(rows[b]), kept[b].tolist()
        for k in range(horizon):
            want = by_hand(model, history, there)
            torch.testing.assert_close(got[k, b], want)
            history, there = [want, *history[:-1]], [1.0, *there[:-1]]


def test_at_first_hardly_anything_moves(generator: torch.Generator) -> None:
    torch.manual_seed(0)
    model = Displacements(Layout(), 4)
    layout = Layout()
    mask = torch.ones(64, 4, layout.groups * layout.objects)
    place = 2 * torch.rand(64, 4, 32, generator=generator) - 1
    place = place[:, :1].expand_as(place)  # nothing moved so far
    start = belief_of(torch.cat([place, mask], -1), torch.ones(64, 4))
    latent = model(Ahead(start, start[None], torch.zeros(1, 64, 6))).latent[0]
    moved = (latent[:, :32] - place[:, 0]).detach()
    assert 0 < float(moved.abs().mean()) < 0.1


def test_the_loss_counts_objects_seen_before_and_behind(
    generator: torch.Generator,
) -> None:
    model, traj = small(), seen_objects(generator, first=True)
    loss = model.loss(traj, model.start(B))
    assert traj.vector is not None
    predictor = model.predictor
    assert isinstance(predictor, Displacements)
    for t in range(T):
        for b in range(B):
            if traj.first[t + 1, b]:
                assert not loss.valid[0, t, b]
                continue
            rows, kept = [], []
            for j in range(N):
                there = t - j >= 0 and not traj.first[t - j + 1 : t + 1, b].any()
                row = traj.vector[max(t - j, 0), b, START:]
                rows.append(row * float(there))
                kept.append(float(there))
            want, guess = 0.0, by_hand_wide(predictor, rows, kept)
            came = traj.vector[t + 1, b, START:]
            for o in range(6):
                if rows[0][12 + o] and came[12 + o]:
                    away = 5.0 * (guess[2 * o : 2 * o + 2] - came[2 * o : 2 * o + 2])
                    want += float((away.square().sum() + 1e-6).sqrt())
            got = float(loss.terms[PREDICTION][0, t, b].detach())
            assert got == pytest.approx(want, rel=1e-4, abs=1e-5)


def by_hand_wide(model: Displacements, rows: list[Tensor], kept: list[float]) -> Tensor:
    with torch.no_grad():
        return by_hand(model, rows, kept)


def test_it_keeps_the_contract_of_world_models() -> None:
    check_model(grouped(1, LAYOUT).build, {"objects": of_objects})
    check_model(grouped(3, LAYOUT).build, {"objects": lambda: of_objects(4)})


def test_every_group_learns_what_it_does(generator: torch.Generator) -> None:
    """Group 0 goes right, group 1 turns round in a circle, group 2 stays."""
    torch.manual_seed(0)
    model = grouped(1, LAYOUT).build(of_objects())
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)

    def trajectory() -> Trajectory:
        traj = seen_objects(generator)
        steps = torch.arange(T + 1.0).view(-1, 1, 1, 1)
        place = torch.rand(1, B, 3, 2, 2, generator=generator).repeat(T + 1, 1, 1, 1, 1)
        place[:, :, 0, :, 0] += 0.2 * steps[..., 0]
        angle = steps + 6 * torch.rand(1, B, 2, 1, generator=generator)
        place[:, :, 1] = torch.cat([angle.cos(), angle.sin()], -1)
        mask = torch.ones(T + 1, B, 6)
        vector = torch.cat([torch.zeros(T + 1, B, START), place.flatten(2), mask], -1)
        return replace(traj, vector=vector)

    losses = []
    for _ in rounds(400):
        traj = trajectory()
        loss = model.loss(traj, model.start(B)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert sum(losses[-20:]) < 0.1 * sum(losses[:20])


def test_what_it_does_not_fit_is_refused_with_what_does() -> None:
    other = build_belief(
        VectorMlpConfig(0, 18, ()), RecurrentConfig(7), (1, 1, 1), ACTIONS, 6, 18
    )
    with pytest.raises(ValueError, match="take --core history, and an encoder"):
        grouped(1, LAYOUT).build(other)
    with pytest.raises(ValueError, match="here: HistoryCore, 18"):
        DisplacementsConfig(Layout(2, 2)).build(of_objects(), 18, 18)
    with pytest.raises(ValueError, match="and a number of that, not 0, 4 and 2"):
        Layout(groups=0)
    with pytest.raises(ValueError, match="hidden must be at least 1"):
        DisplacementsConfig(hidden=0)
    with pytest.raises(ValueError, match="this world shows no vector"):
        build_belief(VectorMlpConfig(), HistoryConfig(), (1, 36, 36), ACTIONS)


def test_a_vector_encoder_names_what_it_cannot_read() -> None:
    with pytest.raises(ValueError, match="reads numbers 4 to 30 of the vector"):
        VectorMlpConfig(4, 30).of_vector(22, (1, 1, 1))
    with pytest.raises(ValueError, match="read from start to stop, not 4 to 4"):
        VectorMlpConfig(4, 4)
    eyes = VectorMlpConfig(2, None, (5,), 3).of_vector(9, (1, 1, 1))
    assert eyes(torch.randn(4, 2, 9)).shape == (4, 2, 3)
    with pytest.raises(ValueError, match="and none was given"):
        eyes(None)
