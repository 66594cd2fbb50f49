"""Models that collapse on the moving dot, each in its way, and what is said of it."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from envs.toys.moving_dot import MovingDotWorld
from experiments.runs.health import HealthMonitor
from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.measure.crossed import crossed_shares
from ssl_objectives.methods.bootstrap.byol import Byol
from ssl_objectives.methods.moments.sigreg import SigReg
from ssl_objectives.methods.moments.vicreg_barlow import VicReg
from ssl_objectives.objective import Loss, Objective, Views
from tests.world_models.dots import (
    BLACK,
    LASTING,
    B,
    D,
    T,
    belief_of,
    cnn,
    jepa,
    learn,
    patches,
    warmed,
)
from world_models.latent_dynamics import LatentDynamics
from world_models.open_loop import GruLoop
from world_models.predictor import Ahead, LatentHead, Prediction, Predictor
from world_models.scope import Scope

RANK, POINT = "latents have collapsed", "all but become one point"
SHRUNK, STUCK, BEHIND = "shrunk to next to nothing", "SIGReg is stuck", "lies behind"


class Said:
    """What a monitor says of a run, by the words of each warning."""

    def __init__(self) -> None:
        self.monitor = HealthMonitor(latent_dim=D)
        self.warnings: list[str] = []

    def hear(self, metrics: dict[str, float]) -> None:
        self.warnings += self.monitor.observe(metrics)

    def kinds(self) -> set[str]:
        kinds = (RANK, POINT, SHRUNK, STUCK, BEHIND)
        found = [next(k for k in kinds if k in said) for said in self.warnings]
        assert len(set(found)) == len(found)  # each is said once
        return set(found)


class Itself(Predictor):
    """No predictor: the open-loop belief is the prediction."""

    def forward(self, ahead: Ahead) -> Prediction:
        return Prediction(ahead.after)


class Agreement(Objective):
    """BYOL's loss, with gradient through the target as well."""

    def forward(self, views: Views) -> Loss:
        made, aim = views.p[0], views.t[1]
        assert made is not None
        assert aim is not None
        apart = F.normalize(made, dim=-1) - F.normalize(aim, dim=-1)
        per_row: Tensor = apart.square().sum(-1)
        if views.valid is not None:
            per_row = per_row.masked_fill(~views.valid, 0.0)
        return Loss(per_row, per_row.new_zeros(()))


def forgetful(model: nn.Module, rate: float) -> Optimizer:
    """Steps as large when gradients have become small."""
    return Adam(model.parameters(), rate, betas=(0.9, 0.9))


def black() -> MovingDotWorld:
    return MovingDotWorld(BLACK, T)


def test_without_a_regulariser_everything_becomes_nothing() -> None:
    torch.manual_seed(0)
    model, said = jepa(patches(), VicReg(25.0, 0.0, 0.0), 4), Said()
    for metrics in learn(model, black(), forgetful(model, 4e-3), 60):
        said.hear(metrics)
    assert metrics["world_model/latent_scale"] < 1e-6
    assert said.kinds() == {RANK, POINT, SHRUNK}


def test_byol_without_predictor_and_target_becomes_a_point() -> None:
    """The target is the model's own latent, followed by the gradient.

    A target network with decay 0 would be a copy that gradients do not reach, and
    does not collapse: a stopped gradient and an open loop are what SimSiam has.
    """
    torch.manual_seed(0)
    model, said = jepa(patches(), Agreement(), 1), Said()
    model.predictor = Itself()
    for metrics in learn(model, black(), forgetful(model, 1e-2), 150):
        said.hear(metrics)
    assert metrics["world_model/effective_rank"] > 10
    assert said.kinds() == {POINT}


def test_sigreg_too_weak_for_its_rollouts_is_stuck_at_zero() -> None:
    torch.manual_seed(0)
    model, said = jepa(patches(), SigReg(1e-3, 64), T), Said()
    for metrics in learn(model, black(), forgetful(model, 4e-3), 60):
        said.hear(metrics)
    assert metrics["world_model/sigreg/per_row"] == pytest.approx(0.402, abs=1e-3)
    assert said.kinds() == {RANK, POINT, SHRUNK, STUCK}
    [stuck] = [x for x in said.warnings if STUCK in x]
    assert "larger weight, the larger the longer its rollouts" in stuck


def test_latents_that_shrink_as_a_whole_are_missed_by_shares_and_directions() -> None:
    """BYOL asks for directions alone: nothing resists what shrinks the last layer."""
    torch.manual_seed(0)
    belief = belief_of(patches())
    model = LatentDynamics(
        belief,
        GruLoop(D, belief.embedding.size),
        LatentHead(D, 128, D),
        Byol(),
        4,
        ema_decay=0.9,
    )
    assert isinstance(belief.encoder, Encoder)
    last = list(belief.encoder.head.parameters())
    for x in last:
        x.requires_grad_(False)
    optimizer = Adam([x for x in model.parameters() if x.requires_grad], 1e-3)

    def shrink() -> None:
        for x in last:
            x.data.mul_(0.9)

    said = Said()
    for metrics in learn(model, black(), optimizer, 110, shrink):
        said.hear(metrics)
    assert metrics["world_model/effective_rank"] > 40
    assert metrics["world_model/latent_spread"] > 0.5
    assert said.kinds() == {SHRUNK}


def test_of_a_healthy_vicreg_nothing_is_said() -> None:
    torch.manual_seed(0)
    model, said = jepa(cnn(), VicReg(), 4, Scope.BATCH), Said()
    optimizer = Adam(model.parameters(), 4e-3)
    schedule = warmed(optimizer, 100)
    for metrics in learn(model, black(), optimizer, 100, schedule.step):
        said.hear(metrics)
    assert metrics["world_model/latent_scale"] > 0.5
    assert said.kinds() == set()


def test_of_a_healthy_sigreg_nothing_is_said() -> None:
    torch.manual_seed(0)
    model, said = jepa(cnn(normalised=True), SigReg(0.5, 64), 4), Said()
    optimizer = Adam(model.parameters(), 4e-3)
    schedule = warmed(optimizer, 100)
    for metrics in learn(model, black(), optimizer, 100, schedule.step):
        said.hear(metrics)
    assert metrics["world_model/sigreg/per_row"] < 0.03
    assert said.kinds() == set()


@pytest.mark.parametrize("rate", [3e-4, 1e-3])
def test_small_latents_that_grow_slowly_are_not_stuck(rate: float) -> None:
    """SIGReg begins where zeros have it; the slower one longer than the patience."""
    torch.manual_seed(0)
    encoder, said = patches(), Said()
    assert isinstance(encoder.head, nn.Linear)
    encoder.head.weight.data.mul_(0.05)
    model = jepa(encoder, SigReg(0.02, 64), 4)
    near = 0
    for metrics in learn(model, black(), Adam(model.parameters(), rate), 90):
        near += abs(metrics["world_model/sigreg/per_row"] / 0.402 - 1) < 0.01
        said.hear(metrics)
    assert near > (20 if rate < 1e-3 else 10)
    assert metrics["world_model/sigreg/per_row"] < 0.3
    assert said.kinds() == set()


def test_slow_features_have_a_full_rank_and_all_the_background() -> None:
    """VICReg before a background that lasts: arXiv 2211.10831."""
    torch.manual_seed(0)
    model, said = jepa(cnn(), VicReg(), 4, Scope.BATCH), Said()
    world, updates = MovingDotWorld(LASTING, T), 100
    optimizer = Adam(model.parameters(), 4e-3)
    schedule = warmed(optimizer, updates)
    for metrics in learn(model, world, optimizer, updates, schedule.step):
        said.hear(metrics)
    assert metrics["world_model/effective_rank"] > 8
    assert said.kinds() == set()
    model.eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        latents = model.belief.encoder(world.crossed_frames(16 * B, generator))
    shares = crossed_shares(latents)
    assert shares.background > 0.9
    assert shares.dot < 0.1
    said.hear({"evaluate/background_share": shares.background.item()})
    assert said.kinds() == {BEHIND}
