"""World models that break one rule each, and what is said about them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.methods.bootstrap.byol import Byol
from ssl_objectives.methods.bootstrap.direct_pred import DirectPredConfig
from ssl_objectives.methods.contrast.info_nce import DclConfig, InfoNceConfig
from ssl_objectives.methods.memory.moco import MoCoConfig
from ssl_objectives.methods.moments.sigreg import SigRegConfig
from ssl_objectives.methods.moments.vicreg_barlow import VicRegConfig
from ssl_objectives.objective import (
    Loss,
    Needs,
    Objective,
    ObjectiveConfig,
    Sizes,
    TargetKind,
    Views,
)
from world_models.actions import DiscreteEmbedding
from world_models.belief import BeliefModel
from world_models.check.model import ModelContractError, check_model
from world_models.check.samples import small_beliefs
from world_models.cores.recurrent import RecurrentCore
from world_models.latent_dynamics import LatentDynamics
from world_models.model_loss import PREDICTION, ModelLoss
from world_models.open_loop import GruLoop, OpenLoop
from world_models.predictor import Ahead, LatentHead, Prediction, Predictor
from world_models.presets import byol_explore, jepa_vicreg
from world_models.scope import Scope
from world_models.seen import Seen

K = 3
BELIEFS = small_beliefs()


@pytest.mark.parametrize("belief", sorted(BELIEFS))
@pytest.mark.parametrize("horizon", [1, 4])
def test_our_own_keep_the_contract(belief: str, horizon: int) -> None:
    check_model(byol_explore(horizon).build, {belief: BELIEFS[belief]})


@pytest.mark.parametrize("scope", list(Scope))
@pytest.mark.parametrize(
    "objective",
    [VicRegConfig(), InfoNceConfig(), DclConfig(), SigRegConfig()],
    ids=lambda x: type(x).__name__,
)
def test_models_without_a_target_network_keep_it_too(
    scope: Scope, objective: ObjectiveConfig
) -> None:
    name = sorted(BELIEFS)[-1]
    beliefs = {name: BELIEFS[name]}
    check_model(jepa_vicreg(3, objective=objective, scope=scope).build, beliefs)


class Contrast(Objective):
    """A softmax over the rows of a group: rows beside it matter, as they may."""

    needs = Needs(target=TargetKind.EMA)

    def forward(self, views: Views) -> Loss:
        p, t, valid = views.p[0], views.t[1], views.valid
        assert p is not None
        assert t is not None
        assert valid is not None
        logits = torch.einsum("...nd,...md->...nm", p, t.detach())
        logits = logits.masked_fill(~valid.unsqueeze(-2), -1e9)
        each = -logits.log_softmax(-1).diagonal(dim1=-2, dim2=-1)
        return Loss(each.masked_fill(~valid, 0.0), torch.zeros(()))


@pytest.mark.parametrize(
    "objective",
    [DirectPredConfig(), MoCoConfig(queue=64)],
    ids=lambda x: type(x).__name__,
)
def test_objectives_that_remember_keep_it(objective: ObjectiveConfig) -> None:
    check_model(byol_explore(K, objective=objective).build)


@dataclass(frozen=True)
class ContrastConfig:
    def build(self, sizes: Sizes) -> Contrast:
        return Contrast()


def test_objectives_may_compare_rows() -> None:
    check_model(byol_explore(K, objective=ContrastConfig()).build)


def composed(
    belief: BeliefModel, kind: type[LatentDynamics] = LatentDynamics, **parts: Any
) -> LatentDynamics:
    """BYOL-Explore's model with some parts exchanged."""
    size = belief.encoder.size
    own: dict[str, Any] = {
        "belief": belief,
        "open_loop": GruLoop(belief.size, belief.embedding.size),
        "predictor": LatentHead(belief.size, 11, size),
        "objective": Byol(),
        "horizon": K,
        "ema_decay": 0.9,
    }
    return kind(**own | parts)


def scaled(loss: ModelLoss, by: float | Tensor) -> ModelLoss:
    """With predictions that cost more."""
    terms = {**loss.terms, PREDICTION: by * loss.terms[PREDICTION]}
    return replace(loss, terms=terms)


class Attached(LatentDynamics):
    def targets(self, traj: Any, carry: Any) -> Any:
        latent = super().targets(traj, carry)
        return latent + nn.Parameter(torch.zeros(()))


class Short(LatentDynamics):
    def targets(self, traj: Any, carry: Any) -> Any:
        return super().targets(traj, carry)[1:]


class Backwards(LatentDynamics):
    def imagine(self, belief: Any, action: Any) -> Any:
        return super().imagine(belief, action.flip(0))


class LastOnly(LatentDynamics):
    def imagine(self, belief: Any, action: Any) -> Any:
        return super().imagine(belief, action)[-1:]


class Writing(LatentDynamics):
    def predict(self, *args: Any) -> ModelLoss:
        self.updates += 1
        return super().predict(*args)


class Weighted(LatentDynamics):
    def loss(self, *args: Any) -> ModelLoss:
        return scaled(super().loss(*args), 2.0)


class Reduced(LatentDynamics):
    def loss(self, *args: Any) -> Any:
        return super().loss(*args).mean()


class Cut(LatentDynamics):
    def predict(self, seen: Seen, *args: Any) -> ModelLoss:
        return super().predict(replace(seen, belief=seen.belief.detach()), *args)


class Pulling(LatentDynamics):
    """Moves the online encoder towards its target as well."""

    def after_update(self, *losses: ModelLoss) -> None:
        super().after_update(*losses)
        with torch.no_grad():
            for x in self.belief.encoder.parameters():
                x.mul_(0.9)


class Uncounted(LatentDynamics):
    def after_update(self, *losses: ModelLoss) -> None:
        super().after_update(*losses)
        self.updates -= 1


class Unobserved(LatentDynamics):
    def after_update(self, *losses: ModelLoss) -> None:
        super().after_update(*losses[:1])


class Forgetful(LatentDynamics):
    scale = 1.0

    def predict(self, *args: Any) -> ModelLoss:
        return scaled(super().predict(*args), self.scale)

    def after_update(self, *losses: ModelLoss) -> None:
        super().after_update(*losses)
        self.scale += 1.0


class Growing(LatentDynamics):
    def after_update(self, *losses: ModelLoss) -> None:
        super().after_update(*losses)
        self.register_buffer("more", torch.zeros(()))


class Changed(LatentDynamics):
    """The loss, put through a function."""

    change: Callable[[ModelLoss], Any]

    def predict(self, *args: Any) -> ModelLoss:
        loss: ModelLoss = type(self).change(super().predict(*args))
        return loss


def changed(change: Callable[[ModelLoss], Any]) -> Callable[[BeliefModel], Any]:
    kind = type("Mutant", (Changed,), {"change": staticmethod(change)})
    return lambda belief: composed(belief, kind)


def unfit(loss: ModelLoss) -> ModelLoss:
    """Past the checks on shapes that run in tests only."""
    short = {**loss.terms, PREDICTION: loss.terms[PREDICTION][:, 1:]}
    object.__setattr__(loss, "terms", short)
    return loss


class Noise(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x + torch.randn_like(x))


class Rooted(nn.Linear):
    """Finite values with an infinite slope."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + (x - x.detach()).sum(-1, keepdim=True).sqrt()


def short_beside(loss: ModelLoss) -> dict[str, Tensor]:
    return {**loss.terms, "mine": loss.terms[PREDICTION][:, 1:]}


class Through(Predictor):
    """A plain module on the belief."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, ahead: Ahead) -> Prediction:
        return Prediction(self.layers(ahead.after))


def linear(kind: type[nn.Linear]) -> Callable[[BeliefModel], LatentDynamics]:
    return lambda b: composed(b, predictor=Through(kind(b.size, b.encoder.size)))


class Foresight(OpenLoop):
    def all_starts(self, belief: Any, action: Any, horizon: int) -> Any:
        aware = belief + action.roll(-1, 0).sum(-1, keepdim=True)
        return aware.expand(horizon, *belief.shape)

    def forward(self, belief: Any, action: Any) -> Any:
        return belief.expand(len(action), *belief.shape)


def learning_target(belief: BeliefModel) -> LatentDynamics:
    model = composed(belief)
    assert model.target is not None
    model.target.network.requires_grad_(True)
    return model


def elsewhere(belief: BeliefModel) -> LatentDynamics:
    return composed(BELIEFS["recurrent"]())


MUTANTS: dict[str, tuple[Callable[[BeliefModel], Any], str]] = {
    "no model": (lambda b: b, "it must be a LatentDynamics, not a BeliefModel"),
    "own belief": (elsewhere, "built around the belief model it is given"),
    "horizon": (lambda b: composed(b, horizon=0), "at least 1, not 0"),
    "attached": (lambda b: composed(b, Attached), "targets carry gradient; detach"),
    "short": (lambda b: composed(b, Short), r"targets is torch.float32 \(10, 3, 24\)"),
    "learning target": (learning_target, "target network's parameters require grad"),
    "no loss": (
        lambda b: composed(b, Reduced),
        "loss must be a ModelLoss, not a Tensor",
    ),
    "shape": (changed(unfit), r"'prediction' is torch.float32 \(3, 9, 3\), expected"),
    "nan": (
        changed(lambda x: scaled(x, torch.nan)),
        "the term 'prediction' is not finite",
    ),
    "no prediction": (
        changed(lambda x: replace(x, terms={"mine": x.terms[PREDICTION]}, weights={})),
        r"the loss has the terms \['mine'\] and weights for \[\]; 'prediction' must",
    ),
    "weight of nothing": (
        changed(lambda x: replace(x, weights={**x.weights, "mine": 1.0})),
        "'prediction' must be among the terms, and each weight's term too",
    ),
    "short term": (
        changed(lambda x: replace(x, terms=short_beside(x))),
        r"the term 'mine' is torch.float32 \(3, 9, 3\), expected",
    ),
    "valid": (
        changed(lambda x: replace(x, valid=torch.ones_like(x.valid))),
        "`valid` must be True exactly for predictions inside one episode",
    ),
    "regularizer": (
        changed(lambda x: replace(x, regularizer=torch.tensor(torch.inf))),
        "the regularizer is not finite",
    ),
    "last only": (lambda b: composed(b, LastOnly), "what is imagined is torch.float32"),
    "backwards": (lambda b: composed(b, Backwards), "imagined after k actions depends"),
    "noise": (linear(Noise), "loss twice on the same trajectory"),
    "noisy loss": (
        changed(lambda x: scaled(x, torch.rand(()))),
        "loss twice on the same trajectory gave two results",
    ),
    "writing": (lambda b: composed(b, Writing), "computing the loss writes state"),
    "weighted": (
        lambda b: composed(b, Weighted),
        "predict, on beliefs and targets, differs from loss",
    ),
    "foresight": (
        lambda b: composed(b, open_loop=Foresight()),
        "a prediction depends on actions that came later",
    ),
    "cut": (lambda b: composed(b, Cut), "no gradient reaches the encoder"),
    "rooted": (linear(Rooted), "a gradient is not finite"),
    "still": (
        lambda b: composed(b, ema_decay=1.0),
        "after_update does not move the target",
    ),
    "pulling": (
        lambda b: composed(b, Pulling),
        "after_update changes the belief model itself",
    ),
    "uncounted": (lambda b: composed(b, Uncounted), "must count in `updates`"),
    "unobserved": (
        lambda b: composed(b, Unobserved),
        "let the objective observe 1 times, where the step was taken on two losses",
    ),
    "growing": (lambda b: composed(b, Growing), "its state does not fit another one"),
    "forgetful": (
        lambda b: composed(b, Forgetful),
        "with the state of another loaded, the loss differs",
    ),
}


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_mutants_are_told_what_is_wrong(name: str) -> None:
    make, message = MUTANTS[name]
    recurrent = {"recurrent": BELIEFS["recurrent"]}
    with pytest.raises(ModelContractError, match=f"^recurrent: .*({message})"):
        check_model(make, recurrent)


class Remembering(RecurrentCore):
    """Does not forget at the first row of an episode."""

    def forward(self, latent: Any, action: Any, first: Any, memory: Any) -> Any:
        return super().forward(latent, action, torch.zeros_like(first), memory)


class Crowd(RecurrentCore):
    """Mixes the envs."""

    def forward(self, latent: Any, action: Any, first: Any, memory: Any) -> Any:
        mixed = latent + latent.mean(1, keepdim=True)
        return super().forward(mixed, action, first, memory)


class Prophet(RecurrentCore):
    """Sees the next row already, where it is of the same episode."""

    def forward(self, latent: Any, action: Any, first: Any, memory: Any) -> Any:
        later = torch.cat([latent[1:], latent[-1:]])
        same = ~torch.cat([first[1:], torch.ones_like(first[:1])]).unsqueeze(-1)
        return super().forward(torch.where(same, later, latent), action, first, memory)


@pytest.mark.parametrize(
    ("core", "message"),
    [
        (Remembering, "depends on the one before or behind it: forget at `first`"),
        (Crowd, "the loss of an env depends on the envs beside it"),
        (Prophet, "a prediction depends on frames that came later"),
    ],
)
def test_cores_from_outside_are_held_to_it_too(
    core: type[RecurrentCore], message: str
) -> None:
    def belief() -> BeliefModel:
        plain = BELIEFS["recurrent"]()
        return BeliefModel(plain.encoder, core(24, 6, 17), DiscreteEmbedding(5, 6))

    with pytest.raises(ModelContractError, match=message):
        check_model(byol_explore(K).build, {"mine": belief})
