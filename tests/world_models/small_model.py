"""A small world model, and a trajectory of noise for it: for the tests of models."""

from dataclasses import replace

import torch

from envs.vector_env import DiscreteActions
from ssl_objectives.encoders.cnn import nature_cnn
from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.methods.moments.vicreg_barlow import VicReg
from ssl_objectives.objective import Objective, TargetKind
from world_models.actions import embedding_of
from world_models.belief import BeliefModel, Carry
from world_models.cores.recurrent import RecurrentCore
from world_models.latent_dynamics import LatentDynamics
from world_models.predictor import LatentHeadConfig
from world_models.presets import byol_explore
from world_models.scope import Scope
from world_models.trajectory import Trajectory

T, B, K = 9, 3, 4


def build() -> LatentDynamics:
    torch.manual_seed(1)
    encoder = Encoder(nature_cnn(1), (1, 40, 44), 24, Precision.FLOAT32)
    embedding = embedding_of(DiscreteActions(5), 6)
    belief = BeliefModel(encoder, RecurrentCore(24, 6, 17), embedding)
    return byol_explore(horizon=K, predictor=LatentHeadConfig(13)).build(belief)


def target_of(model: LatentDynamics) -> Encoder:
    """The slow copy of the encoder; there is no projector behind it."""
    assert model.target is not None
    copy = model.target.network[0]  # type: ignore[index]  # a sequence
    assert isinstance(copy, Encoder)
    return copy


def noise(generator: torch.Generator) -> Trajectory:
    """Frames of noise; episodes begin here and there, surely in rows 0 and 5."""
    first = torch.rand(T + 1, B, generator=generator) < 0.2
    first[0, 0], first[5, 1] = True, True
    no = torch.zeros(T, B, dtype=torch.bool)
    obs = torch.randint(0, 256, (T + 1, B, 1, 40, 44), generator=generator)
    return Trajectory(
        action=torch.randint(0, 5, (T, B), generator=generator),
        reward=torch.zeros(T, B),
        terminated=no,
        truncated=no,
        obs=obs.to(torch.uint8),
        first=first,
    )


def jepa(
    scope: Scope = Scope.BATCH, objective: Objective | None = None
) -> LatentDynamics:
    model = build()
    return LatentDynamics(
        model.belief,
        model.open_loop,
        model.predictor,
        objective or VicReg(),
        K,
        TargetKind.SHARED,
        scope=scope,
    )


def aged(model: LatentDynamics) -> Carry:
    """A carry that is not the start."""
    carry = model.start(B).acted(torch.tensor([4, 2, 3]))
    return replace(carry, memory=0.3 * torch.ones_like(carry.memory))
