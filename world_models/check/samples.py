"""Small beliefs, random trajectories and stand-ins for `check_model`."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ssl_objectives.encoders.cnn import nature_cnn, patches
from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.objective import Loss, Objective, Views
from world_models.actions import (
    ActionEmbedding,
    ContinuousEmbedding,
    DiscreteEmbedding,
)
from world_models.belief import BeliefModel
from world_models.cores.frame_stack import FeedForwardCore
from world_models.cores.recurrent import RecurrentCore
from world_models.latent_dynamics import LatentDynamics
from world_models.trajectory import Trajectory
from world_models.vector_encoder import VectorEncoder

BeliefMaker = Callable[[], BeliefModel]


def small_beliefs() -> dict[str, BeliefMaker]:
    """A recurrent one, a frame stack, and one of both with continuous actions."""

    def recurrent() -> BeliefModel:
        encoder = Encoder(nature_cnn(1), (1, 40, 44), 24, Precision.FLOAT32)
        return BeliefModel(encoder, RecurrentCore(24, 6, 17), DiscreteEmbedding(5, 6))

    def stacked() -> BeliefModel:
        encoder = Encoder(patches(9, 5, 4), (9, 15, 20), 26, Precision.FLOAT32)
        return BeliefModel(encoder, FeedForwardCore(26), DiscreteEmbedding(4, 6), 3)

    def continuous() -> BeliefModel:
        encoder = Encoder(patches(2, 5, 4), (2, 15, 20), 22, Precision.FLOAT32)
        core = RecurrentCore(22, 6, 18)
        return BeliefModel(encoder, core, ContinuousEmbedding(3, 6), 2)

    return {
        "recurrent": recurrent,
        "frame stack": stacked,
        "continuous actions": continuous,
    }


def random_trajectory(
    belief: BeliefModel,
    num_steps: int,
    num_envs: int,
    cut: int,
    facts: Mapping[str, int] | None = None,
) -> Trajectory:
    """Frames and vectors of noise; env 1 begins anew at row `cut`, the last at the end.

    `facts` are noise as well: how many numbers, by name.
    """
    generator = torch.Generator().manual_seed(1)
    channels, height, width = belief.encoder.image_shape
    shape = (num_steps + 1, num_envs, channels // belief.num_frames, height, width)
    obs = torch.randint(0, 256, shape, generator=generator).to(torch.uint8)
    first = torch.zeros(num_steps + 1, num_envs, dtype=torch.bool)
    first[0] = first[cut, 1] = first[num_steps, num_envs - 1] = True
    ended = first[1:].roll(-1, 0)
    ended[-1] = False
    never = torch.zeros_like(ended)
    batch = (num_steps, num_envs)
    action = random_actions(belief.embedding, batch, generator)
    reward = torch.randn(batch, generator=generator)
    rows = (num_steps + 1, num_envs)
    told = {
        name: torch.randn(*rows, size, generator=generator)
        for name, size in (facts or {}).items()
    }
    size = _numbers_read(belief)
    vector = torch.randn(*rows, size, generator=generator) if size else None
    return Trajectory(action, reward, never, ended, obs, first, told, vector)


def _numbers_read(belief: BeliefModel) -> int:
    """V, of the vector that the belief reads; 0 where it reads none."""
    if isinstance(belief.encoder, VectorEncoder):
        return belief.encoder.stop
    reader = belief.vector_input
    return 0 if reader is None else reader.linear.in_features


def random_actions(
    embedding: ActionEmbedding, batch: tuple[int, ...], generator: torch.Generator
) -> Tensor:
    """Actions that the embedding accepts."""
    one = embedding.none(1)
    if isinstance(embedding, DiscreteEmbedding):
        num = embedding.table.num_embeddings
        return torch.randint(num, (*batch, *one.shape[1:]), generator=generator)
    return torch.randn((*batch, *one.shape[1:]), generator=generator)


class Spy(Objective):
    """An objective that counts how often it may observe."""

    def __init__(self, inner: Objective) -> None:
        super().__init__()
        self.inner, self.needs = inner, inner.needs
        self.observed = 0

    def forward(self, views: Views) -> Loss:
        """The inner loss."""
        loss: Loss = self.inner(views)
        return loss

    def observe(self, views: Views) -> None:
        """Count."""
        self.observed += 1


@contextmanager
def objective_replaced(model: LatentDynamics, objective: Objective) -> Iterator[None]:
    """Another objective for a while."""
    own = model.objective
    model.objective = objective
    try:
        yield
    finally:
        model.objective = own


@contextmanager
def without_terms(model: LatentDynamics) -> Iterator[None]:
    """Predictions alone for a while."""
    own = model.terms
    model.terms = nn.ModuleList()  # type: ignore[assignment]  # torch's list is not generic
    try:
        yield
    finally:
        model.terms = own
