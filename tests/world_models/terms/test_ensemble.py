"""Disagreement of an ensemble: the variance that torch finds among its heads."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from ssl_objectives.encoders.heads import Mlp
from tests.shapes import rounds
from tests.world_models.terms.unrolling import D, S, drawn
from world_models.check.samples import random_trajectory, small_beliefs
from world_models.latent_dynamics import LatentDynamics
from world_models.model_config import LatentDynamicsConfig
from world_models.model_loss import PREDICTION
from world_models.predictor import LatentHeadConfig
from world_models.presets import byol_explore, jepa_vicreg
from world_models.terms.ensemble import Ensemble, EnsembleConfig


def heads(count: int = 4) -> Ensemble:
    torch.manual_seed(0)
    return Ensemble(S, D, count, hidden=7)


def guesses(term: Ensemble, after: Tensor) -> Tensor:
    return torch.stack([normalize(head(after), dim=-1) for head in term.heads])


@pytest.mark.parametrize("count", [2, 5])
def test_disagreement_is_the_variance_over_heads(
    generator: torch.Generator, count: int
) -> None:
    some, term = drawn(generator), heads(count)
    added = term(some.unrolled())
    each = guesses(term, some.after)
    want = each.var(0, correction=0).mean(-1)
    torch.testing.assert_close(added.terms["disagreement"], want.detach())
    assert not added.terms["disagreement"].requires_grad
    error = (each - normalize(some.aim, dim=-1)).square().sum(-1).mean(0)
    torch.testing.assert_close(added.terms["ensemble"], error)
    assert added.weights == {"ensemble": 1.0}


def test_heads_that_are_alike_agree(generator: torch.Generator) -> None:
    term = heads()
    for head in term.heads:
        head.load_state_dict(term.heads[0].state_dict())
    disagreement = term(drawn(generator).unrolled()).terms["disagreement"]
    assert (disagreement >= 0).all()
    torch.testing.assert_close(disagreement, torch.zeros_like(disagreement))


def test_heads_learn_and_beliefs_do_not(generator: torch.Generator) -> None:
    some, term = drawn(generator), heads()
    term(some.unrolled()).terms["ensemble"].sum().backward()
    assert some.after.grad is None
    assert all(p.grad is not None and p.grad.any() for p in term.parameters())


@pytest.mark.parametrize(
    "make",
    [
        lambda *terms: byol_explore(3, predictor=LatentHeadConfig(8), terms=terms),
        lambda *terms: jepa_vicreg(3, predictor=LatentHeadConfig(8), terms=terms),
    ],
    ids=["with a target network", "without"],
)
def test_the_heads_of_a_model_do_not_shape_its_encoder(
    make: type[LatentDynamicsConfig],
) -> None:
    belief = small_beliefs()["recurrent"]()
    traj = random_trajectory(belief, 9, 3, 4)
    model: LatentDynamics = make(EnsembleConfig(3, 8)).build(belief)  # type: ignore[arg-type]  # a config all the same
    loss = model.loss(traj, model.start(3))
    assert set(loss.terms) == {PREDICTION, "ensemble", "disagreement"}
    loss.terms["ensemble"].sum().backward()
    reached = {name for name, p in model.named_parameters() if p.grad is not None}
    own = {name for name, _ in model.named_parameters() if name.startswith("terms.")}
    assert reached == own
    assert len(own) == 3 * 4


def test_heads_say_what_is_predicted_behind_a_projector_too() -> None:
    """Of another size than the latents: SPR's projections."""
    belief = small_beliefs()["recurrent"]()
    traj = random_trajectory(belief, 9, 3, 4)
    config = byol_explore(3, projector=Mlp(11, 7), terms=(EnsembleConfig(3, 8),))
    model = config.build(belief)
    loss = model.loss(traj, model.start(3))
    assert loss.terms["disagreement"][loss.valid].min() > 0
    [term] = model.terms
    assert isinstance(term, Ensemble)
    assert [x[-1].out_features for x in term.heads] == [11] * 3  # type: ignore[index]  # sequences


def test_where_heads_were_trained_they_agree_and_elsewhere_they_do_not(
    generator: torch.Generator,
) -> None:
    """What a signal pays for: few visits, much disagreement."""
    known, unknown = drawn(generator), drawn(generator)
    torch.manual_seed(0)
    term = Ensemble(S, D, heads=5, hidden=64)
    optimizer = torch.optim.Adam(term.parameters(), 1e-2)
    for _ in rounds(300):
        optimizer.zero_grad()
        term(known.unrolled()).terms["ensemble"].mean().backward()
        optimizer.step()
    there, elsewhere = (
        term(x.unrolled()).terms["disagreement"].mean() for x in (known, unknown)
    )
    assert elsewhere > 2 * there


def test_one_head_cannot_disagree() -> None:
    with pytest.raises(ValueError, match="heads must be at least 2, not 1"):
        EnsembleConfig(heads=1)
