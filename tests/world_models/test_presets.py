"""Presets are what papers say: whose gradient goes where, and what is compared."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from ssl_objectives.objective import Sizes, TargetKind, Views
from tests.world_models.small_model import B, K, T, build, noise
from world_models import presets
from world_models.latent_dynamics import LatentDynamics
from world_models.model_config import LatentDynamicsConfig
from world_models.model_loss import PREDICTION
from world_models.trajectory import Trajectory

SHARED, STOP, EMA = TargetKind.SHARED, TargetKind.STOP, TargetKind.EMA
# whose latents are predicted, and whether predictions and terms shape the encoder
PUBLISHED: list[tuple[Callable[..., LatentDynamicsConfig], TargetKind, bool, bool]] = [
    (presets.byol_explore, EMA, True, False),
    (presets.byol_hindsight, EMA, True, False),
    (presets.spr, EMA, True, False),
    (presets.jepa_vicreg, SHARED, True, True),
    (presets.jepa_sigreg, SHARED, True, True),
    (presets.jepa_simclr, SHARED, True, False),
    (presets.contrastive, SHARED, True, False),
    (presets.reconstruction, STOP, True, False),
    (presets.rssm, STOP, True, False),
    (presets.inverse_dynamics, STOP, False, True),
    (presets.supervised, STOP, False, True),
    (presets.random_encoder, STOP, False, False),
]


@pytest.fixture
def traj(generator: torch.Generator) -> Trajectory:
    """With a fact to be taught."""
    place = torch.randn(T + 1, B, 2, generator=generator)
    return replace(noise(generator), facts={"place": place})


def sees(model: LatentDynamics) -> bool:
    """Whether a gradient has reached the encoder."""
    each = [p.grad for p in model.belief.encoder.parameters()]
    return any(x is not None and bool(x.any()) for x in each)


@pytest.mark.parametrize(
    ("preset", "kind", "predicts", "besides"),
    PUBLISHED,
    ids=[x[0].__name__ for x in PUBLISHED],
)
def test_targets_and_what_shapes_the_encoder(
    preset: Callable[..., LatentDynamicsConfig],
    kind: TargetKind,
    predicts: bool,
    besides: bool,
    traj: Trajectory,
) -> None:
    """Predictions, and what is asked of latents beside them: regularisers, terms."""
    torch.manual_seed(0)
    model = preset(K).build(build().belief)
    assert (model.target is not None) == (kind is EMA)
    assert model.see(traj, model.start(B)).target.requires_grad == (kind is SHARED)
    loss = model.loss(traj, model.start(B))
    loss.terms[PREDICTION][loss.valid].sum().backward(retain_graph=True)
    assert sees(model) == predicts
    model.zero_grad()
    if loss.regularizer.requires_grad:
        loss.regularizer.backward()
    assert sees(model) == besides


def test_simclr_asks_from_both_sides(generator: torch.Generator) -> None:
    """Prediction and target may change places."""
    objective = presets.jepa_simclr(K).objective.build(Sizes(6))
    p, t = (torch.randn(K, 9, 6, generator=generator) for _ in range(2))
    losses = [
        objective(Views((None, None), (x, None), (None, y), ((0, 1),))).per_sample
        for x, y in ((p, t), (t, p))
    ]
    torch.testing.assert_close(*losses)


def test_sigreg_looks_at_standardised_latents(traj: Trajectory) -> None:
    """As LeWorldModel's projector ends in a batch norm."""
    model = presets.jepa_sigreg(K).build(build().belief)
    seen = model.see(traj, model.start(B))
    assert seen.projected is not None
    rows = seen.projected.detach().flatten(0, 1)
    torch.testing.assert_close(rows.mean(0), torch.zeros(24), rtol=0, atol=1e-4)
    std = rows.std(0, correction=0)
    assert std.min() > 0.5  # frames of noise hardly differ, and its ε counts
    assert std.max() < 1.001
