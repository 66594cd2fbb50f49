"""A trajectory from any worlds, for who trains a world model alone."""

import torch
from torch import Tensor

from agents.acting import ActingPolicy, RandomPolicy
from envs.vector_env import Step, VectorEnv
from world_models.trajectory import Trajectory


@torch.no_grad()
def rollout(
    env: VectorEnv,
    num_steps: int,
    policy: ActingPolicy | None = None,
    row: Step | None = None,
) -> tuple[Trajectory, Step]:
    """T steps of all envs, with the facts that the worlds tell; and the row behind.

    Args:
        env: the worlds.
        num_steps: T.
        policy: acts in them, with an empty memory at first; default: at random, with
            seed 0.
        row: what the envs show now; default: they are reset, without a seed.
    """
    policy = RandomPolicy(env, 0) if policy is None else policy
    rows = [env.reset() if row is None else row]
    carry, actions = policy.start(env.spec.num_envs), []
    for _ in range(num_steps):
        acted = policy.act(rows[-1], carry)
        carry = acted.carry
        actions.append(acted.action)
        rows.append(env.step(acted.action))

    def led_to(name: str) -> Tensor:
        return torch.stack([getattr(x, name) for x in rows[1:]])

    vectors = [x.vector for x in rows if x.vector is not None]
    traj = Trajectory(
        action=torch.stack(actions),
        reward=led_to("reward"),
        terminated=led_to("terminated"),
        truncated=led_to("truncated"),
        obs=torch.stack([x.obs for x in rows]),
        first=torch.stack([x.first for x in rows]),
        facts={k: torch.stack([x.facts[k] for x in rows]) for k in rows[0].facts},
        vector=torch.stack(vectors) if vectors else None,
    )
    return traj, rows[-1]
