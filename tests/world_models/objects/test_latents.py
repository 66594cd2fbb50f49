"""Latents of groups of objects: encoder, variance and readout, against loops."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from envs.vector_env import DiscreteActions
from tests.shapes import rounds
from world_models.belief import BeliefModel, build_belief
from world_models.check.model import check_model
from world_models.cores.history import HistoryConfig
from world_models.objects.group_mlp import GroupMlp
from world_models.objects.history import GroupHistory
from world_models.objects.latents import GroupEncoder, ObjectLatentsConfig
from world_models.objects.layout import Layout
from world_models.objects.readout import GroupReadout
from world_models.objects.variance import GroupVariance, GroupVarianceConfig
from world_models.predictor import Ahead
from world_models.presets import jepa_objects
from world_models.terms.term import Unrolled
from world_models.trajectory import Trajectory

G, M, Z, N, B, T, START = 3, 2, 5, 4, 6, 9, 4
LAYOUT, LATENTS = Layout(G, M), Layout(G, 1, Z)
EYES = ObjectLatentsConfig(START, LAYOUT, 8, Z)


def believing(rows: int = N) -> BeliefModel:
    torch.manual_seed(0)
    size = START + LAYOUT.size
    actions, core = DiscreteActions(3), HistoryConfig(rows)
    return build_belief(EYES, core, (1, 1, 1), actions, 6, size)


def objects(generator: torch.Generator, *batch: int) -> Tensor:
    """Some groups out of sight, some objects hidden; what is not seen is at 0."""
    mask = (torch.rand(*batch, G, M, generator=generator) > 0.3).float()
    mask *= torch.rand(*batch, G, 1, generator=generator) > 0.4
    place = torch.randn(*batch, G, M, 2, generator=generator) * mask.unsqueeze(-1)
    return torch.cat([place.flatten(-3), mask.flatten(-2)], -1)


def through(network: GroupMlp, group: int, x: Tensor) -> Tensor:
    """One row through the network of one group."""
    last = len(network.weights) - 1
    for i in range(last + 1):
        x = x @ network.weights[i][group] + network.biases[i][group, 0]
        x = x if i == last else x.relu()
    return x


def test_each_group_has_an_encoder_and_is_0_out_of_sight(
    generator: torch.Generator,
) -> None:
    torch.manual_seed(0)
    encoder = GroupEncoder(LAYOUT, 8, Z)
    rows = objects(generator, T, B)
    with torch.no_grad():
        got, mask = encoder.latents.read(encoder(rows))
    places, masks = LAYOUT.read(rows)
    seen = 0
    for t in range(T):
        for b in range(B):
            for g in range(G):
                m = masks[t, b, g]
                x = torch.cat([places[t, b, g].flatten(), m])
                there = float(m.any())
                with torch.no_grad():
                    want = there * through(encoder.network, g, x)
                torch.testing.assert_close(got[t, b, g, 0], want)
                assert float(mask[t, b, g, 0]) == there
                seen += int(there)
    assert 0 < seen < T * B * G


def test_what_is_written_is_read(generator: torch.Generator) -> None:
    rows = torch.randn(T, B, LATENTS.size, generator=generator)
    assert torch.equal(LATENTS.write(LATENTS.read(rows)), rows)
    assert LATENTS.size == G * Z + G


def unrolled(latent: Tensor | None) -> Unrolled:
    nothing = torch.zeros(1, T, B, LATENTS.size)
    valid = torch.ones(T, B, dtype=torch.bool)
    ahead = Ahead(nothing[0], nothing, nothing)
    action = torch.zeros(T, B, dtype=torch.int64)
    return Unrolled(latent, ahead, nothing, action, valid, valid[None])


def test_variance_is_asked_of_each_group_where_it_is_seen(
    generator: torch.Generator,
) -> None:
    """Group 1 is seen in three rows only, and counts three sixteenths."""
    latent = 0.3 * torch.randn(T, B, LATENTS.size, generator=generator)
    mask = (torch.rand(T, B, G, generator=generator) > 0.5).float()
    mask[..., 1] = 0
    mask[2, :3, 1] = 1
    latent[..., -G:] = mask
    want = 0.0
    for g in range(G):
        rows = [
            latent[t, b, g * Z : (g + 1) * Z].double().numpy()
            for t in range(T)
            for b in range(B)
            if mask[t, b, g]
        ]
        std = np.sqrt(np.var(rows, 0, ddof=1) + 1e-4)
        assert len(rows) == 3 if g == 1 else len(rows) > 16
        want += min(1.0, len(rows) / 16) * np.clip(1 - std, 0, None).mean()
    added = GroupVariance(LATENTS, weight=2.0)(unrolled(latent))
    assert float(added.regularizer) == pytest.approx(2 * want, rel=1e-5)
    assert float(added.metrics["variance_lack"]) == pytest.approx(want, rel=1e-5)
    assert not added.terms
    nothing = GroupVariance(LATENTS)(unrolled(None))
    assert float(nothing.regularizer) == 0  # where rewards are scored


@pytest.mark.parametrize("layout", [LAYOUT, LATENTS], ids=["places", "latents"])
def test_a_readout_knows_of_each_group_its_own_past(
    layout: Layout, generator: torch.Generator
) -> None:
    torch.manual_seed(0)
    history = GroupHistory(layout, N, scale=5.0)
    readout = GroupReadout(history, 7, 4)
    rows = torch.randn(B, N, layout.size, generator=generator)
    count = layout.groups * layout.objects
    rows[..., -count:] = (torch.rand(B, N, count, generator=generator) > 0.3).float()
    kept = torch.ones(B, N)
    kept[1, 2:] = 0.0
    got = readout(torch.cat([rows.flatten(1), kept], -1)).view(B, G, 4)
    for b in range(B):
        seen = [layout.read(rows[b, j]) for j in range(N)]
        for g in range(G):
            flags, moved = [seen[0].mask[g]], []
            for j in range(1, N):
                flags.append(flags[-1] * seen[j].mask[g] * kept[b, j])
                step = seen[j - 1].place[g] - seen[j].place[g]
                moved.append((5 * step * flags[-1][:, None]).flatten())
            x = torch.cat([seen[0].place[g].flatten(), *moved, *flags])
            torch.testing.assert_close(got[b, g], through(readout.network, g, x))


def test_it_keeps_the_contract_of_world_models() -> None:
    check_model(jepa_objects(1, LATENTS).build, {"objects": believing})
    check_model(jepa_objects(2, LATENTS).build, {"objects": lambda: believing(2)})


def trained(weight: float) -> tuple[list[float], float]:
    """Losses of predictions on the way, and the least spread of a group at the end.

    Group 0 goes right, group 1 turns in a circle, group 2 stays; all are seen.
    """
    generator = torch.Generator().manual_seed(2)
    terms = (GroupVarianceConfig(LATENTS, weight),)
    model = jepa_objects(1, LATENTS, terms=terms).build(believing())
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    never = torch.zeros(T + 1, 32, dtype=torch.bool)
    obs = torch.zeros(T + 1, 32, 1, 1, 1, dtype=torch.uint8)
    action, nothing = torch.zeros(T, 32, dtype=torch.int64), torch.zeros(T, 32)
    steps = torch.arange(T + 1.0).view(-1, 1, 1, 1)
    told = Trajectory(action, nothing, never[1:], never[1:], obs, never)
    losses = []
    for _ in rounds(250):
        place = torch.rand(1, 32, G, M, 2, generator=generator)
        place = 2 * place.repeat(T + 1, 1, 1, 1, 1) - 1
        place[:, :, 0, :, 0] += 0.1 * steps[..., 0]
        angle = 0.5 * steps + 6 * torch.rand(1, 32, M, 1, generator=generator)
        place[:, :, 1] = torch.cat([angle.cos(), angle.sin()], -1)
        front = torch.zeros(T + 1, 32, START)
        mask = torch.ones(T + 1, 32, G * M)
        traj = replace(told, vector=torch.cat([front, place.flatten(2), mask], -1))
        loss = model.loss(traj, model.start(32), burn_in=N - 1)
        losses.append(float(loss.terms["prediction"].mean().detach()))
        optimizer.zero_grad()
        loss.mean().backward()
        optimizer.step()
        model.after_update(loss)
    latent = LATENTS.read(model.targets(traj, model.start(32))).place
    spread = latent.flatten(0, 1).std(0).mean(-1)
    return losses, float(spread.min())


def test_latents_are_learned_and_the_term_keeps_them_from_collapsing() -> None:
    losses, spread = trained(weight=5.0)
    assert np.mean(losses[-20:]) < 0.5 * np.max(losses)
    _, without = trained(weight=0.0)
    assert spread > 0.4
    assert spread > 1.3 * without, (spread, without)


def test_what_it_does_not_fit_is_refused_with_what_does() -> None:
    with pytest.raises(ValueError, match=r"numbers 4 to 22 of a vector, .* has 20"):
        EYES.of_vector(20, (1, 1, 1))
    with pytest.raises(ValueError, match="hidden and size at least 1, not 4, 0 and 5"):
        replace(EYES, hidden=0)
    with pytest.raises(ValueError, match="are 27 numbers, and latents have 18"):
        GroupVarianceConfig(Layout(G, 1, 8)).build(believing(), 18)
    with pytest.raises(ValueError, match=r"enough at least 1, not 1\.0 and 0"):
        GroupVarianceConfig(enough=0)
    with pytest.raises(ValueError, match="objects for places or object-latents"):
        jepa_objects(1).build(believing())
