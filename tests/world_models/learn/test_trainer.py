"""A gradient step of the trainer against the same step written out."""

import copy
import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from agents.trajectories import rollout
from envs.vector_env import ContinuousActions
from ssl_objectives.encoders.cnn import NatureConfig
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.learn.optimizer import AdamWConfig
from tests.envs.probe_world import ProbeConfig
from tests.world_models.small_model import B, T, aged, build, jepa, noise, target_of
from world_models.belief import Carry, build_belief
from world_models.cores.recurrent import RecurrentConfig
from world_models.latent_dynamics import LatentDynamics
from world_models.learn.trainer import ModelTrainer
from world_models.presets import jepa_vicreg
from world_models.trajectory import Trajectory

STEPS = 4
ADAM = AdamWConfig(learning_rate=3e-3, weight_decay=0.1, warm_up=0.3, max_norm=0.5)


def rate(step: int) -> float:
    """In the middle of each step: a line up to 0.3 of all, then half a cosine."""
    done = (step + 0.5) / STEPS
    if done < 0.3:
        return 3e-3 * done / 0.3
    return 3e-3 * 0.5 * (1 + math.cos(math.pi * (done - 0.3) / 0.7))


class ByHand:
    """AdamW as in its paper (arXiv 1711.05101), a parameter at a time."""

    def __init__(self, model: nn.Module) -> None:
        self.params = [p for p in model.parameters() if p.requires_grad]
        self.first = [torch.zeros_like(p) for p in self.params]
        self.second = [torch.zeros_like(p) for p in self.params]

    @torch.no_grad()
    def step(self, number: int) -> float:
        """Clip what is there, descend, and give the norm before clipping."""
        grads = [p.grad for p in self.params]
        squares = sum(float(g.double().square().sum()) for g in grads if g is not None)
        norm = math.sqrt(squares)
        scale = min(1.0, 0.5 / (norm + 1e-6))
        t, lr = number + 1, rate(number)
        for p, g, m, v in zip(self.params, grads, self.first, self.second, strict=True):
            if g is None:
                continue
            g = g * scale
            if p.ndim > 1:
                p.sub_(lr * 0.1 * p)
            m.lerp_(g, 0.1)
            v.lerp_(g * g, 0.001)
            p.sub_(lr * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)).sqrt() + 1e-8))
        return norm


@pytest.mark.parametrize("burn_in", [0, 3])
@pytest.mark.parametrize("remembers", [False, True])
def test_steps_are_those_written_out(
    burn_in: int, remembers: bool, generator: torch.Generator
) -> None:
    model = jepa()
    other = copy.deepcopy(model)
    trainer, adam = ModelTrainer(model, ADAM, STEPS, burn_in), ByHand(other)
    carry = aged(model) if remembers else None
    clipped = []
    for number in range(STEPS):
        traj = noise(generator)
        metrics = trainer.step(traj, carry)
        other.zero_grad()
        loss = other.loss(traj, carry or other.start(B), burn_in=burn_in)
        loss.mean().backward()
        norm = adam.step(number)
        other.after_update(loss)
        clipped.append(norm > 0.5)
        assert_close(
            metrics["loss/world_model"], loss.mean().detach(), rtol=1e-4, atol=1e-4
        )
        assert float(metrics["world_model/gradient_norm"]) == pytest.approx(
            norm, rel=1e-3
        )
    assert any(clipped)
    assert trainer.steps == STEPS
    begun = jepa().state_dict()
    moved = 0
    for name, x in other.state_dict().items():
        got = model.state_dict()[name]
        assert_close(got, x, rtol=2e-3, atol=2e-4, msg=name)
        moved += not torch.equal(got, begun[name])
    assert moved > 10


def test_what_follows_a_step_follows_once(generator: torch.Generator) -> None:
    model = build()
    before = {k: x.clone() for k, x in target_of(model).named_parameters()}
    ModelTrainer(model, ADAM, STEPS).step(noise(generator))
    assert int(model.updates) == 1
    online = dict(model.belief.encoder.named_parameters())
    for name, x in target_of(model).named_parameters():
        assert not x.requires_grad
        assert_close(x, 0.99 * before[name] + 0.01 * online[name].detach())


def test_without_a_bound_nothing_is_clipped(generator: torch.Generator) -> None:
    """Adam forgets scales, but not that one batch's gradient was clipped."""
    weights, norms = [], []
    trajs = [noise(generator) for _ in range(2)]
    for bound in (0.0, 1e9, 1e-2):
        model = jepa()
        trainer = ModelTrainer(model, replace(ADAM, max_norm=bound), STEPS)
        found = [float(trainer.step(x)["world_model/gradient_norm"]) for x in trajs]
        weights.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
        norms.append(found)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert norms[0] == norms[1]
    assert norms[0][0] == norms[2][0]  # as it was, before it is clipped


def test_a_state_goes_on_bit_for_bit(generator: torch.Generator) -> None:
    trajs = [noise(generator) for _ in range(STEPS)]
    whole = ModelTrainer(build(), ADAM, STEPS)
    told = [whole.step(x) for x in trajs]
    half = ModelTrainer(build(), ADAM, STEPS)
    for x in trajs[:2]:
        half.step(x)
    state = copy.deepcopy(half.state_dict())
    rest = ModelTrainer(build(), ADAM, STEPS)
    rest.step(noise(generator))  # what it was is forgotten
    rest.load_state_dict(state)
    again = [rest.step(x) for x in trajs[2:]]
    for one, two in zip(told[2:], again, strict=True):
        assert one.keys() == two.keys()
        assert all(torch.equal(one[k], two[k]) for k in one)
    for name, x in whole.model.state_dict().items():
        assert torch.equal(rest.model.state_dict()[name], x), name


def with_dials() -> tuple[LatentDynamics, list[Trajectory]]:
    env = ProbeConfig().build(B, "cpu")
    row, trajs = env.reset(3), []
    for _ in range(3):
        traj, row = rollout(env, T, row=row)
        trajs.append(traj)
    torch.manual_seed(2)
    encoder = NatureConfig(size=16, precision=Precision.FLOAT32)
    actions = ContinuousActions((-0.5, 0.0), (0.5, 3.0))
    core = RecurrentConfig(12)
    belief = build_belief(encoder, core, env.spec.obs_shape, actions, 6, 3)
    return jepa_vicreg(3).build(belief), trajs


def test_moments_of_vectors_follow_what_was_learned_from() -> None:
    model, trajs = with_dials()
    trainer = ModelTrainer(model, ADAM, STEPS)
    for traj in trajs:
        trainer.step(traj)
    assert model.belief.vector_input is not None
    moments = model.belief.vector_input.moments
    rows: list[Tensor] = [
        x.vector[1:].flatten(0, 1) for x in trajs if x.vector is not None
    ]
    every = torch.cat(rows).double()
    assert int(moments.count) == 3 * T * B
    assert_close(moments.mean, every.mean(0))
    assert_close(moments.std, every.std(0, correction=0).float())


def test_an_empty_memory_is_where_it_begins(generator: torch.Generator) -> None:
    traj = noise(generator)
    carries: list[Carry | None] = [None, jepa().start(B), aged(jepa())]
    losses = [
        float(ModelTrainer(jepa(), ADAM, STEPS).step(traj, x)["loss/world_model"])
        for x in carries
    ]
    assert losses[0] == losses[1] != losses[2]
