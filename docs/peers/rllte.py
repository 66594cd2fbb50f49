"""rllte's signals (RLeXplore) with networks of ours, and rollouts as they read them.

rllte-core 1.0.1: `pip install --no-deps rllte-core==1.0.1 termcolor pynvml==11.5.0`
beside our dependencies; what it pins else is not needed for its rewards.
"""

from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from gymnasium.spaces import Box, Discrete
from torch import Tensor, nn

from agents.curiosity.embeddings.forward import ForwardModel
from envs.vector_env import EnvSpec
from ssl_objectives.encoders.encoder import Encoder
from world_models.actions import DiscreteEmbedding
from world_models.trajectory import Trajectory

PACKAGE = "rllte-core"
INSTALL = "pip install --no-deps rllte-core==1.0.1 termcolor pynvml==11.5.0"

Samples = dict[str, Tensor]
"""what their `compute` reads: `[T, B, ...]` each"""


class Spaces:
    """All that their constructors ask of an env."""

    def __init__(self, spec: EnvSpec) -> None:
        self.observation_space = Box(0, 255, spec.obs_shape, np.uint8)
        self.action_space = Discrete(spec.actions.n)
        self.num_envs = spec.num_envs
        self.unwrapped = self


def rewards() -> Any:
    """Their module of signals.

    Raises:
        SystemExit: it is not there.
    """
    try:
        return import_module("rllte.xplore.reward")
    except ImportError as error:
        raise SystemExit(
            f"compared with {PACKAGE}, which cannot be imported ({error}): {INSTALL}"
        ) from error


def build(name: str, spec: EnvSpec, **settings: Any) -> Any:
    """A signal of theirs that pays what it measures, and does not learn."""
    chosen = {"rwd_norm_type": "none", "obs_norm_type": "none"} | settings
    signal = getattr(rewards(), name)(Spaces(spec), **chosen)
    for part in getattr(signal, "rewards", [signal]):
        part.update = lambda samples: None
    return signal


def pay(signal: Any, samples: Samples, watched: bool = False) -> Tensor:
    """Their bonus of every row of some samples, which they have watched one by one."""
    for row in zip(*samples.values(), strict=True) if watched else ():
        signal.watch(**dict(zip(samples, row, strict=True)))
    paid: Tensor = signal.compute({k: x.clone() for k, x in samples.items()})
    return paid


def transitions(traj: Trajectory) -> Samples:
    """As their users collect them: envs that reset within a step; floats from 0 to 255.

    Raises:
        ValueError: episodes of the envs do not end together.
    """
    kept = traj.valid[:, 0]
    if not bool((traj.valid == kept.unsqueeze(1)).all()):
        raise ValueError("episodes of all envs must end together; take shorter ones")
    return {
        "observations": traj.obs[:-1][kept].float(),
        "actions": traj.action[kept],
        "rewards": traj.reward[kept],
        "terminateds": traj.terminated[kept],
        "truncateds": traj.truncated[kept],
        "next_observations": traj.obs[1:][kept].float(),
    }


def rows_left(traj: Trajectory, since: int) -> Samples:
    """Rows `since … T`, each as one that is left: theirs pay those.

    The last row of an episode, which nobody leaves, is among them, and there it ends.
    """
    rows = traj.obs[since:].float()
    ended = torch.cat([torch.zeros_like(traj.valid[:1]), _ended(traj)])[since:]
    nothing = torch.zeros(ended.shape)
    return {
        "observations": rows,
        "actions": nothing.long(),
        "rewards": nothing,
        "terminateds": ended,
        "truncateds": torch.zeros_like(ended),
        "next_observations": rows,
    }


def _ended(traj: Trajectory) -> Tensor:
    return traj.terminated | traj.truncated


@torch.no_grad()
def same_eyes(theirs: Any, ours: Encoder) -> None:
    """Weights of our Nature CNN in theirs, whose ReLU behind the last layer goes."""
    theirs.trunk[-1] = nn.Identity()
    layers = [x for x in theirs.trunk if isinstance(x, nn.Conv2d | nn.Linear)]
    own = [x for x in ours.body if isinstance(x, nn.Conv2d)]
    for layer, conv in zip(layers[:-1], own, strict=True):
        layer.weight.copy_(conv.weight)
        layer.bias.copy_(conv.bias)
    maps, height, width = ours.maps_shape
    # ours flattens places before channels
    head = ours.head.weight.view(-1, height, width, maps).permute(0, 3, 1, 2)
    layers[-1].weight.copy_(head.flatten(1))
    layers[-1].bias.copy_(ours.head.bias)


@torch.no_grad()
def same_forward(theirs: Any, ours: ForwardModel) -> None:
    """Weights of our forward model in theirs, which reads actions as one-hot."""
    first, _, second = theirs.trunk.trunk
    assert isinstance(ours.action, DiscreteEmbedding)
    table, weight = ours.action.table.weight, ours.net[0].weight
    size = weight.shape[1] - table.shape[1]
    first.weight.copy_(torch.cat([weight[:, :size], weight[:, size:] @ table.mT], 1))
    first.bias.copy_(ours.net[0].bias)
    second.weight.copy_(ours.net[2].weight)
    second.bias.copy_(ours.net[2].bias)


def installed() -> str:
    """Its name and version."""
    return f"{PACKAGE} {version(PACKAGE)}"
