"""Objects here and there, for the tests of what reads them."""

import torch
from torch import Tensor

from envs.vector_env import DiscreteActions
from world_models.belief import BeliefModel, build_belief
from world_models.cores.history import HistoryConfig
from world_models.objects.layout import Layout
from world_models.trajectory import Trajectory
from world_models.vector_encoder import VectorMlpConfig

LAYOUT = Layout(groups=3, objects=2)
ACTIONS = DiscreteActions(3)
N, B, T = 3, 5, 6
START = 4  # numbers of the vector in front of the objects'


def of_objects(rows: int = N) -> BeliefModel:
    eyes = VectorMlpConfig(START, START + LAYOUT.size, ())
    core = HistoryConfig(rows)
    spec = (1, 1, 1)
    return build_belief(eyes, core, spec, ACTIONS, 6, START + LAYOUT.size)


def latents(generator: torch.Generator, *batch: int) -> Tensor:
    """Objects here and there; those that cannot be seen are at 0."""
    mask = (torch.rand(*batch, 3, 2, generator=generator) > 0.3).float()
    place = torch.randn(*batch, 3, 2, 2, generator=generator) * mask.unsqueeze(-1)
    return torch.cat([place.flatten(-3), mask.flatten(-2)], -1)


def seen_objects(generator: torch.Generator, first: bool = False) -> Trajectory:
    rows = latents(generator, T + 1, B)
    vector = torch.cat([torch.randn(T + 1, B, START, generator=generator), rows], -1)
    begins = torch.zeros(T + 1, B, dtype=torch.bool)
    begins[0] = True
    if first:
        begins[3, 2] = True
    nothing = torch.zeros(T, B)
    action = torch.randint(3, (T, B), generator=generator)
    never = torch.zeros(T, B, dtype=torch.bool)
    obs = torch.zeros(T + 1, B, 1, 1, 1, dtype=torch.uint8)
    return Trajectory(action, nothing, never, never, obs, begins, {}, vector)
