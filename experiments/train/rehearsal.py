"""A rollout that never was, for an agent that only shows how much memory it takes."""

import torch
from jaxtyping import Bool, Shaped
from torch import Tensor

from agents.agent import Agent
from agents.experience import Experience
from envs.vector_env import EnvSpec, Step, VectorEnv
from world_models.context import Context
from world_models.trajectory import Trajectory


class NoWorlds(VectorEnv):
    """Worlds that are never entered: all that they have is a spec."""

    def __init__(self, spec: EnvSpec) -> None:
        self.spec = spec

    def reset(
        self, seed: int | None = None, mask: Bool[Tensor, "B"] | None = None
    ) -> Step:
        """Never called."""
        raise NotImplementedError

    def step(self, action: Shaped[Tensor, "B ..."]) -> Step:
        """Never called."""
        raise NotImplementedError


def blank_experience(agent: Agent) -> Experience:
    """A rollout as the agent collects them, all zero, where its worlds lie.

    With the context of a rollout before, as every rollout but the first has one.
    """
    spec, steps = agent.env.spec, agent.collector.num_steps
    batch, rows = (steps, spec.num_envs), (steps + 1, spec.num_envs)
    carry = agent.collector.policy.start(spec.num_envs)

    def zeros(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.zeros(shape, dtype=dtype, device=spec.device)

    traj = Trajectory(
        action=carry.action.expand(steps, *carry.action.shape).clone(),
        reward=zeros(*batch),
        terminated=zeros(*batch, dtype=torch.bool),
        truncated=zeros(*batch, dtype=torch.bool),
        obs=zeros(*rows, *spec.obs_shape, dtype=torch.uint8),
        first=zeros(*rows, dtype=torch.bool),
        vector=zeros(*rows, spec.vector_size) if spec.vector_size else None,
    )
    overlap = agent.collector.overlap
    tail = traj.steps(steps - overlap, steps).copy()
    return Experience(
        traj,
        carry,
        carry,
        {name: zeros(*batch, *sizes) for name, sizes in agent.notes.items()},
        Context(tail, carry) if overlap else None,
        overlap,
    )
