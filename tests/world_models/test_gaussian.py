"""The RSSM's prior and posterior, against torch's normal distributions."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence
from torch.nn.functional import softplus

from agents.trajectories import rollout
from envs.toys.moving_dot import MovingDotConfig
from ssl_objectives.encoders.decoders import DecoderConfig
from ssl_objectives.encoders.menet import MeNetConfig
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.methods.pretext.autoencoder import ReconstructionConfig
from tests.world_models.small_model import B, K, T, build, noise
from world_models.gaussian import GaussianHead, GaussianHeadConfig
from world_models.latent_dynamics import LatentDynamics
from world_models.model_loss import PREDICTION
from world_models.predictor import Ahead
from world_models.presets import rssm
from world_models.trajectory import Trajectory

S, P, E, H = 7, 5, 4, 9


def head(free_nats: float = 0.0, weight: float = 1.0) -> GaussianHead:
    torch.manual_seed(0)
    return GaussianHead(S, P, P, H, free_nats, weight)


def ahead(generator: torch.Generator) -> Ahead:
    return Ahead(
        torch.randn(T, B, S, generator=generator),
        torch.randn(K, T, B, S, generator=generator),
        torch.randn(K, T, B, E, generator=generator),
        torch.randn(K, T, B, P, generator=generator),
        torch.ones(K, T, B, dtype=torch.bool),
    )


def normal(made: Tensor) -> Normal:
    return Normal(made[..., :P], softplus(made[..., P:]) + 0.1)


def both(predictor: GaussianHead, some: Ahead) -> tuple[Normal, Normal]:
    """Prior and posterior."""
    assert some.aim is not None
    seen = torch.cat([some.after, some.aim], -1)
    return normal(predictor.prior(some.after)), normal(predictor.posterior(seen))


def test_the_divergence_is_from_prior_to_posterior(generator: torch.Generator) -> None:
    """Summed over numbers, and in this direction."""
    predictor, some = head(), ahead(generator)
    prior, posterior = both(predictor, some)
    made = predictor(some)
    want = kl_divergence(prior, posterior).sum(-1)
    torch.testing.assert_close(made.terms["kl"], want, rtol=1e-4, atol=1e-5)
    other = kl_divergence(posterior, prior).sum(-1)
    assert not torch.allclose(made.terms["kl"], other, rtol=1e-2)
    assert made.weights == {"kl": 1.0}
    assert head(weight=0.3)(some).weights == {"kl": 0.3}


def test_free_nats_cost_nothing_more(generator: torch.Generator) -> None:
    """Below them the term is constant, and has no gradient."""
    some = ahead(generator)
    plain = head()(some).terms["kl"].detach()
    free = float(plain.median())
    predictor = head(free)
    term = predictor(some).terms["kl"]
    torch.testing.assert_close(term, plain.clamp(min=free))
    below = plain < free
    assert below.any()
    assert not below.all()
    term[below].sum().backward(retain_graph=True)
    assert all(not p.grad.any() for p in predictor.parameters() if p.grad is not None)
    term[~below].sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in predictor.parameters())


def test_predicted_is_a_sample_of_the_prior(generator: torch.Generator) -> None:
    """Standardised by mean and deviation, it is noise; gradient reaches both."""
    predictor, some = head(), ahead(generator)
    drawn, (prior, _) = predictor(some).latent, both(predictor, some)
    noises = ((drawn - prior.mean) / prior.stddev).detach().flatten()
    assert noises.mean().abs() < 0.2
    assert 0.8 < noises.std() < 1.2
    drawn.square().sum().backward()
    last = predictor.prior[-1].weight.grad
    assert isinstance(last, Tensor)
    assert last[:P].any()
    assert last[P:].any()
    assert all(p.grad is None for p in predictor.posterior.parameters())


def test_what_is_imagined_or_evaluated_is_the_mean(generator: torch.Generator) -> None:
    predictor, some = head(), ahead(generator)
    prior, _ = both(predictor, some)
    imagined = predictor(replace(some, aim=None, valid=None))
    assert torch.equal(imagined.latent, prior.mean)
    assert not imagined.terms
    assert not torch.allclose(predictor(some).latent, prior.mean, atol=1e-2)
    learned = predictor(some).terms["kl"]
    predictor.eval()
    evaluated = predictor(some)
    assert torch.equal(evaluated.latent, prior.mean)
    torch.testing.assert_close(evaluated.terms["kl"], learned)


def test_draws_repeat_until_the_next_step(generator: torch.Generator) -> None:
    """And go on from a state dict as if nothing had happened."""
    one, two, some = head(), head(), ahead(generator)
    first = one(some).latent
    torch.rand(3)  # whoever else draws
    assert torch.equal(one(some).latent, first)
    one.follow()
    second = one(some).latent
    assert not torch.allclose(second, first, atol=1e-2)
    two.load_state_dict(one.state_dict())
    for _ in range(2):
        assert torch.equal(two(some).latent, one(some).latent)
        one.follow()
        two.follow()


def test_no_gradient_reaches_what_came(generator: torch.Generator) -> None:
    some = ahead(generator)
    assert some.aim is not None
    aim, after = some.aim.requires_grad_(), some.after.requires_grad_()
    made = head()(some)
    (made.latent.sum() + made.terms["kl"].sum()).backward()
    assert aim.grad is None
    assert after.grad is not None
    assert after.grad.any()


def test_what_comes_later_does_not_change_the_prediction(
    generator: torch.Generator,
) -> None:
    """It is the prior's sample: the posterior alone has seen what came."""
    predictor, some = head(), ahead(generator)
    assert some.aim is not None
    before = predictor(some)
    after = predictor(replace(some, aim=some.aim + 1))
    assert torch.equal(after.latent, before.latent)
    assert not torch.allclose(after.terms["kl"], before.terms["kl"])


def test_an_rssm_adds_its_divergence_to_the_loss(generator: torch.Generator) -> None:
    traj = noise(generator)
    pixels = ReconstructionConfig(DecoderConfig(4))
    config = rssm(K, predictor=GaussianHeadConfig(H, 0.1, 0.5), objective=pixels)
    model = config.build(build().belief)
    loss = model.loss(traj, model.start(B))
    each = {name: x[loss.valid].mean() for name, x in loss.terms.items()}
    want = each[PREDICTION] + 0.5 * each["kl"] + loss.regularizer
    torch.testing.assert_close(loss.mean(), want)
    # each gradient step draws anew
    again = model.loss(traj, model.start(B)).terms[PREDICTION]
    assert torch.equal(again, loss.terms[PREDICTION])
    model.after_update(loss)
    later = model.loss(traj, model.start(B)).terms[PREDICTION]
    assert not torch.equal(later, loss.terms[PREDICTION])


def watched(num_envs: int, num_steps: int) -> tuple[LatentDynamics, Trajectory]:
    """A small RSSM, and the moving dot seen while it moves at random."""
    torch.manual_seed(0)
    env = MovingDotConfig().build(num_envs, "cpu")
    traj, _ = rollout(env, num_steps, row=env.reset(0))
    config = rssm(
        2,
        predictor=GaussianHeadConfig(32),
        objective=ReconstructionConfig(DecoderConfig(6)),
    )
    eyes = MeNetConfig(16, (4, 8), 32, Precision.FLOAT32)
    return config.of(env.spec.obs_shape, env.spec.actions, eyes), traj


def test_it_learns_to_see_the_moving_dot() -> None:
    """Pixels get nearer, and posterior and prior do not drift apart."""
    model, traj = watched(8, 5)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    pixels, totals = [], []
    for _ in range(30):
        loss = model.loss(traj, model.start(8))
        total = loss.mean()
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        model.after_update(loss)
        pixels.append(loss.terms[PREDICTION][loss.valid].mean().item())
        totals.append(total.item())
    assert totals[-1] < totals[0]
    assert sum(pixels[-5:]) < 0.7 * sum(pixels[:5])
