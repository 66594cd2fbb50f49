"""A predictor that sees what came, and its adversary."""

from dataclasses import replace

import pytest
import torch

from ssl_objectives.check.state import copied, unchanged
from ssl_objectives.encoders.precision import Precision
from world_models import presets
from world_models.adversary import Adversary
from world_models.check.model import check_model
from world_models.check.samples import random_trajectory, small_beliefs
from world_models.hindsight.config import HindsightHeadConfig
from world_models.hindsight.head import INVARIANCE, HindsightHead
from world_models.latent_dynamics import LatentDynamics
from world_models.model_loss import PREDICTION
from world_models.predictor import Ahead, LatentHead, LatentHeadConfig
from world_models.trajectory import Trajectory

T, B, K = 9, 4, 3
SMALL = HindsightHeadConfig(
    code=5, noise=6, hidden=12, layers=1, critic_size=6, critic_steps=2
)


def built(
    head: HindsightHeadConfig = SMALL,
) -> tuple[LatentDynamics, HindsightHead, Trajectory]:
    torch.manual_seed(0)
    belief = small_beliefs()["recurrent"]()
    model = presets.byol_hindsight(K, predictor=head).build(belief)
    assert isinstance(model.predictor, HindsightHead)
    return model, model.predictor, random_trajectory(belief, T, B, 4)


def ahead_of(model: LatentDynamics, traj: Trajectory) -> Ahead:
    """What the predictor reads of this trajectory."""
    kept: list[Ahead] = []
    predictor = model.predictor
    hook = predictor.register_forward_pre_hook(lambda _, given: kept.append(given[0]))
    model.loss(traj, model.start(B))
    hook.remove()
    return kept[0]


@pytest.mark.parametrize("head", [SMALL, replace(SMALL, code=0)])
def test_it_keeps_the_contract(head: HindsightHeadConfig) -> None:
    check_model(presets.byol_hindsight(K, predictor=head).build)


@pytest.mark.parametrize(
    "preset", [presets.jepa_vicreg, presets.jepa_sigreg, presets.spr]
)
def test_any_latent_predictor_can_be_told(preset: object) -> None:
    assert callable(preset)
    check_model(preset(K, predictor=SMALL).build)


def test_the_model_and_its_adversary_pull_in_opposite_directions() -> None:
    model, hindsight, traj = built()
    loss = model.loss(traj, model.start(B))
    assert loss.adversary is not None
    assert set(loss.terms) == {PREDICTION, INVARIANCE}
    bound = loss.terms[INVARIANCE][loss.valid].mean()
    torch.testing.assert_close(loss.adversary(), -bound)
    assert not loss.adversary().requires_grad  # frozen, and what it reads is constant
    want = loss.terms[PREDICTION][loss.valid].mean() + 0.2 * bound
    torch.testing.assert_close(loss.mean(), want)
    loss.mean().backward()
    assert hindsight.generator is not None
    for part in (hindsight.generator, hindsight.reconstructor):
        assert all(p.grad is not None and p.grad.any() for p in part.parameters())
    assert hindsight.critic is not None
    assert all(p.grad is None for p in hindsight.critic.parameters())
    before = copied(model)
    model.after_update(loss)
    now = copied(model)
    moved = {
        name for name in before if not unchanged({0: before[name]}, {0: now[name]})
    }
    critic = {name for name in before if ".adversary." in name}
    assert critic <= moved
    assert {x for x in moved - critic if "target" not in x} == {
        "updates",
        "predictor.generator.counter._extra_state",
    }
    assert loss.adversary() < -bound  # on the same batch it has become better


def test_what_keeps_codes_apart_shapes_the_generator_alone() -> None:
    """The error shapes everything; the critic's bound neither encoder nor memory."""
    model, hindsight, traj = built()
    loss = model.loss(traj, model.start(B))
    loss.terms[INVARIANCE].sum().backward()
    touched = {
        name
        for name, p in model.named_parameters()
        if p.grad is not None and bool(p.grad.any())
    }
    assert touched == {
        f"predictor.generator.{name}"
        for name, _ in hindsight.generator.named_parameters()  # type: ignore[union-attr]  # it has codes
    }


def test_without_a_code_it_is_byol_explore() -> None:
    """The same losses and gradients, with the same weights."""
    model, hindsight, traj = built(replace(SMALL, code=0))
    torch.manual_seed(0)
    belief = small_beliefs()["recurrent"]()
    head = LatentHeadConfig(hidden=12)
    plain = presets.byol_explore(K, predictor=head).build(belief)
    assert isinstance(plain.predictor, LatentHead)
    plain.load_state_dict(
        {
            name.replace("reconstructor", "layers"): x
            for name, x in model.state_dict().items()
        }
    )
    assert hindsight.adversary is None
    losses = [x.loss(traj, x.start(B)) for x in (model, plain)]
    assert set(losses[0].terms) == {PREDICTION}
    for x in losses:
        x.mean().backward()
    torch.testing.assert_close(losses[0].terms[PREDICTION], losses[1].terms[PREDICTION])
    for one, two in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one.grad, two.grad)


def test_a_code_that_is_not_read_leaves_byol_explore_s_error() -> None:
    """The weights that read it at 0: only the generator still hears the critic."""
    model, hindsight, traj = built()
    first = hindsight.reconstructor[0]
    assert isinstance(first, torch.nn.Linear)
    size = model.belief.size
    with torch.no_grad():
        first.weight[:, size:] = 0
    torch.manual_seed(0)
    belief = small_beliefs()["recurrent"]()
    plain = presets.byol_explore(K, predictor=LatentHeadConfig(12)).build(belief)
    state = {k: x for k, x in model.state_dict().items() if "predictor" not in k}
    rest = {
        name.replace("reconstructor", "layers"): x[:, :size] if x.dim() == 2 else x
        for name, x in model.state_dict().items()
        if name
        in ("predictor.reconstructor.0.weight", "predictor.reconstructor.0.bias")
    }
    rest |= {
        name.replace("reconstructor", "layers"): x
        for name, x in model.state_dict().items()
        if name.startswith("predictor.reconstructor.2.")
    }
    plain.load_state_dict(state | rest)
    losses = [x.loss(traj, x.start(B)) for x in (model, plain)]
    terms = (x.terms[PREDICTION] for x in losses)
    torch.testing.assert_close(*terms)
    for x in losses:
        x.mean().backward()
    for one, two in zip(
        model.belief.parameters(), plain.belief.parameters(), strict=True
    ):
        torch.testing.assert_close(one.grad, two.grad)


def test_noise_repeats_until_the_next_step() -> None:
    model, _, traj = built()
    losses = [model.loss(traj, model.start(B)) for _ in range(2)]
    one, two = (x.terms[PREDICTION] for x in losses)
    assert torch.equal(one, two)
    model.after_update()
    three = model.loss(traj, model.start(B)).terms[PREDICTION]
    assert not torch.allclose(one, three)
    model.eval()
    quiet = [model.loss(traj, model.start(B)).terms[PREDICTION]]
    model.after_update()
    quiet.append(model.loss(traj, model.start(B)).terms[PREDICTION])
    assert not torch.allclose(three, quiet[0])


def test_codes_are_made_of_what_the_slow_copy_saw() -> None:
    model, hindsight, traj = built(replace(SMALL, noise=0))
    ahead = ahead_of(model, traj)
    want = model.targets(traj, model.start(B))
    assert ahead.aim is not None
    assert not ahead.aim.requires_grad
    for k in range(K):
        torch.testing.assert_close(ahead.aim[k, : T - k], want[k + 1 :])
    plain = hindsight(ahead).latent
    changed = ahead.aim.clone()
    changed[1, 2, 3] = torch.randn_like(changed[1, 2, 3])
    other = hindsight(replace(ahead, aim=changed)).latent
    differs = (plain != other).any(-1)
    assert differs[1, 2, 3]
    assert differs.sum() == 1


def test_an_adversary_may_be_given_later() -> None:
    """By assignment, as modules usually are."""
    head = LatentHead(4, 5, 6)
    assert head.adversary is None
    head.adversary = Adversary(torch.nn.Linear(6, 1))
    assert isinstance(head.adversary, Adversary)
    assert any(name.startswith("adversary.") for name in head.state_dict())


def test_imagining_asks_for_a_latent_alone() -> None:
    model, hindsight, traj = built()
    belief = torch.randn(B, 17)
    latent = model.imagine(belief, traj.action[:5])
    after = model.open_loop(belief, model.belief.embedding(traj.action[:5]))
    code = torch.zeros(5, B, hindsight.code_size)
    want = hindsight.reconstructor(torch.cat([after, code], -1))
    torch.testing.assert_close(latent, want)


@pytest.mark.parametrize("env", [1, 3])
def test_what_does_not_count_is_nobodys_negative(env: int) -> None:
    """Env 1 begins an episode in row 4, the last one in the last row."""
    model, _, traj = built(replace(SMALL, noise=0))
    loss = model.loss(traj, model.start(B))
    row = {1: 3, 3: T - 1}[env]  # the transition that joins
    assert not loss.valid[0, row, env]
    traj.action[row, env] = (traj.action[row, env] + 1) % 5
    again = model.loss(traj, model.start(B))
    kept = loss.valid
    terms = (x.terms[INVARIANCE][kept] for x in (loss, again))
    torch.testing.assert_close(*terms)


def test_it_multiplies_as_the_encoder_does() -> None:
    model, hindsight, traj = built()
    want = model.loss(traj, model.start(B))
    for x in (*hindsight.reconstructor, *hindsight.generator.network):  # type: ignore[union-attr]  # it has codes
        if hasattr(x, "precision"):
            x.precision = Precision.BFLOAT16
    got = model.loss(traj, model.start(B))
    for name in want.terms:
        one, two = got.terms[name], want.terms[name]
        assert one.dtype == torch.float32
        assert not torch.equal(one, two)
        torch.testing.assert_close(one, two, atol=0.05, rtol=0.05)
    got.mean().backward()


@pytest.mark.parametrize(
    ("field", "value"), [("lam", 0.0), ("code", -1), ("critic_steps", 0), ("group", 1)]
)
def test_settings_out_of_range_are_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        replace(SMALL, **{field: value})  # type: ignore[arg-type]  # wrong on purpose
