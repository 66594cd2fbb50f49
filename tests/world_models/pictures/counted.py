"""A planted world model that counts: gray frames whose brightness is a sum of actions.

A frame of count n has brightness 10 n everywhere, its latent is that brightness in
[0, 1], and each action a adds a to the count, in the world and in the open loop.
"""

from typing import final

import torch
from torch import Tensor, nn

from envs.vector_env import DiscreteActions
from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.methods.bootstrap.regression import Regression
from ssl_objectives.objective import TargetKind
from world_models.actions import embedding_of
from world_models.belief import BeliefModel
from world_models.cores.latent import LatentCore
from world_models.latent_dynamics import LatentDynamics
from world_models.open_loop import OpenLoop
from world_models.predictor import Ahead, Prediction, Predictor
from world_models.trajectory import Trajectory

T, B, SIDE, STEP = 5, 16, 4, 10


@final
class Adding(OpenLoop):
    def all_starts(self, belief: Tensor, action: Tensor, horizon: int) -> Tensor:
        raise AssertionError("nothing learns here")

    def forward(self, belief: Tensor, action: Tensor) -> Tensor:
        return belief + action.cumsum(0)


@final
class Same(Predictor):
    def forward(self, ahead: Ahead) -> Prediction:
        return Prediction(ahead.after)


def counting() -> LatentDynamics:
    encoder = Encoder(nn.Identity(), (1, SIDE, SIDE), 0, Precision.FLOAT32)
    size = encoder.size
    embedding = embedding_of(DiscreteActions(3), size)
    added = torch.arange(3.0).unsqueeze(1).expand(3, size) * STEP / 255
    embedding.load_state_dict({"table.weight": added})
    belief = BeliefModel(encoder, LatentCore(size), embedding)
    return LatentDynamics(belief, Adding(), Same(), Regression(), 3, TargetKind.STOP)


def counts(generator: torch.Generator) -> Trajectory:
    start = torch.randint(0, 12, (1, B), generator=generator)
    action = torch.randint(0, 3, (T, B), generator=generator)
    count = torch.cat([start, start + action.cumsum(0)])
    obs = (STEP * count).to(torch.uint8).view(T + 1, B, 1, 1, 1)
    no = torch.zeros(T, B, dtype=torch.bool)
    return Trajectory(
        action=action,
        reward=torch.zeros(T, B),
        terminated=no,
        truncated=no,
        obs=obs.expand(T + 1, B, 1, SIDE, SIDE).contiguous(),
        first=torch.zeros(T + 1, B, dtype=torch.bool),
    )
