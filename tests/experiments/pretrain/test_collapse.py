"""Projections that collapse towards zero in training, and what is said of it."""

import pytest
import torch
from torch import Tensor, nn

from experiments.runs.health import HealthMonitor
from ssl_objectives.branches import Branches
from ssl_objectives.measure.diagnostics import (
    component_scale,
    effective_rank,
    relative_spread,
)
from ssl_objectives.methods.moments.vicreg_barlow import VicReg

STEPS, ROWS, SIZE = 80, 48, 16


def looked_at(where: str, rows: Tensor | None) -> dict[str, float]:
    assert rows is not None
    return {
        f"{where}/effective_rank": effective_rank(rows).item(),
        f"{where}/spread": relative_spread(rows).item(),
        f"{where}/scale": component_scale(rows).item(),
    }


@pytest.mark.parametrize("variance", [0.0, 25.0])
def test_vicreg_without_its_variance_term_shrinks_in_all_directions(
    variance: float,
) -> None:
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, SIZE))
    branches = Branches(encoder, nn.Linear(SIZE, SIZE), None, VicReg(variance=variance))
    optimizer = torch.optim.Adam(branches.parameters(), 5e-3)
    monitor, said = HealthMonitor(), []
    for step in range(STEPS):
        images = 3 * torch.randn(ROWS, 32)
        views = [images + torch.randn(ROWS, 32) for _ in range(2)]
        loss, _ = branches.loss(views)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 3 == 0:
            assert branches.seen is not None
            metrics = looked_at("encoder", branches.latents)
            metrics |= looked_at("projection", branches.seen.z[0])
            said += monitor.observe(metrics)
        branches.after_update()
    assert branches.latents is None
    assert metrics["projection/effective_rank"] > 6
    if variance:
        assert metrics["projection/scale"] > 0.3
        assert said == []
    else:
        assert metrics["projection/scale"] < 0.02
        [warning] = said
        assert warning.startswith("The projections have shrunk to next to nothing")
