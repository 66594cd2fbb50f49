"""Small worlds and models to measure progress in, and rollouts one behind the other."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from agents.curiosity.normalize import Unscaled
from agents.curiosity.progress.config import DeltaProgressConfig, GammaProgressConfig
from agents.curiosity.progress.progress import Progress
from agents.curiosity.scored import Learning, Scored
from agents.curiosity.signal import Surroundings
from agents.experience import Experience
from envs.vector_env import DiscreteActions, EnvSpec
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.precision import Precision
from world_models.belief import Carry
from world_models.context import Context
from world_models.cores.core import CoreConfig
from world_models.cores.latent import LatentCoreConfig
from world_models.cores.recurrent import RecurrentConfig
from world_models.latent_dynamics import LatentDynamics
from world_models.predictor import LatentHeadConfig
from world_models.presets import byol_explore
from world_models.trajectory import Trajectory

T, B, K, V, SHAPE, ACTIONS = 7, 3, 4, 5, (1, 8, 12), DiscreteActions(6)
PATCHES = PatchConfig(9, patch=4, width=3, depth=1, precision=Precision.FLOAT32)
CORES: dict[str, CoreConfig] = {
    "recurrent": RecurrentConfig(11, num_frames=2),
    "latent": LatentCoreConfig(),
}
SPEC = EnvSpec(B, SHAPE, ACTIONS, torch.device("cpu"), vector_size=V)


def model_of(core: str = "recurrent", seed: int = 0) -> LatentDynamics:
    torch.manual_seed(seed)
    config = byol_explore(K, predictor=LatentHeadConfig(13))
    return config.of(SHAPE, ACTIONS, PATCHES, CORES[core], V)


def around(model: LatentDynamics | None, updates: int | None = None) -> Surroundings:
    return Surroundings(SPEC, 11, 9, 0.9, model, updates)


def signal_of(
    config: GammaProgressConfig | DeltaProgressConfig, model: LatentDynamics
) -> Progress:
    """Without a scale: it pays what it measures."""
    torch.manual_seed(3)
    made = config.build(around(model))
    made.scale = Unscaled()
    return made


def perturb(module: torch.nn.Module, size: float = 0.05, seed: int = 0) -> None:
    """What a gradient step does, as far as weights can tell."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for x in module.parameters():
            x.add_(size * torch.randn(x.shape, generator=generator))


def trajectory(generator: torch.Generator, joins: bool = True) -> Trajectory:
    """Random frames, vectors and actions."""
    first = torch.rand(T + 1, B, generator=generator) < 0.15
    first &= torch.tensor(joins)
    never = torch.zeros(T, B, dtype=torch.bool)
    obs = torch.randint(0, 256, (T + 1, B, *SHAPE), generator=generator)
    return Trajectory(
        torch.randint(0, ACTIONS.n, (T, B), generator=generator),
        torch.zeros(T, B),
        never,
        never,
        obs.to(torch.uint8),
        first,
        vector=torch.randn(T + 1, B, V, generator=generator),
    )


def joined(one: Trajectory, two: Trajectory) -> Trajectory:
    """Both as one; row T of the first is row 0 of the second."""
    assert one.vector is not None
    assert two.vector is not None
    rows, steps = ("obs", "first", "vector"), ("action", "reward")
    parts: dict[str, Any] = {
        k: torch.cat([getattr(one, k)[:-1], getattr(two, k)]) for k in rows
    }
    parts |= {k: torch.cat([getattr(one, k), getattr(two, k)]) for k in steps}
    never = torch.zeros(parts["reward"].shape, dtype=torch.bool)
    return Trajectory(**parts, terminated=never, truncated=never)


def behind(one: Trajectory, two: Trajectory) -> Trajectory:
    """The second, whose first row is the last of the first."""
    assert one.vector is not None
    assert two.vector is not None
    parts: dict[str, Any] = {
        k: torch.cat([getattr(one, k)[-1:], getattr(two, k)[1:]])
        for k in ("obs", "first", "vector")
    }
    return replace(two, **parts)


@dataclass
class Rollouts:
    """A stream of rollouts, each with its carry and the context in front of it."""

    model: LatentDynamics
    seed: int = 1

    def __iter__(self) -> Iterator[Scored]:
        generator = torch.Generator().manual_seed(self.seed)
        carry: Carry = self.model.start(B)
        context: Context | None = None
        before: Trajectory | None = None
        split = T - (K - 1)
        while True:
            traj = trajectory(generator)
            traj = traj if before is None else behind(before, traj)
            with torch.no_grad():
                between = self.model.belief.along(traj.steps(0, split), carry).carry
                tail = traj.steps(split, T)
                end = self.model.belief.along(tail, between).carry
            experience = Experience(traj, carry, end, {}, context, K - 1)
            yield Scored.by(self.model, experience)
            before, carry, context = traj, end, Context(tail, between)


def learning_of(scored: Scored) -> Learning:
    return Learning(
        scored.traj,
        scored.experience.carry,
        torch.Generator(),
        scored.belief,
        scored.target,
    )


def mean_of(x: Tensor, scored: Scored) -> Tensor:
    return x[scored.valid].mean()
