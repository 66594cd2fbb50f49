"""How well a world model predicts each part of a world, under a hard-coded gaze."""

import torch

from agents.trajectories import rollout
from envs.vector_env import VectorEnv, WatchedWorld
from ssl_objectives.evaluating import evaluating
from world_models.latent_dynamics import LatentDynamics
from world_models.model_loss import PREDICTION

CHUNK = 100
"""env steps that are seen at once: frames of a thousand might not fit"""


@torch.no_grad()
def loss_of_parts(
    world: WatchedWorld,
    env: VectorEnv,
    model: LatentDynamics,
    num_steps: int,
    seed: int,
) -> dict[str, float]:
    """The mean loss of predictions on each part, by name.

    Whatever an agent chose to look at: its worlds are copied as they are now, the gaze
    rests on one part in each copy, and the model, which learns nothing from it, goes
    along. The model's memory begins empty.

    Args:
        world: that `env` was built from.
        env: worlds that have begun; they are left as they are.
        model: is put into evaluation mode meanwhile.
        num_steps: of each copy.
        seed: of the copies' draws.
    """
    watched = world.watching(env, seed)
    try:
        parts = len(world.parts)
        total = torch.zeros(watched.spec.num_envs, device=watched.spec.device)
        count = torch.zeros_like(total)
        row, carry = watched.reset(), model.start(watched.spec.num_envs)
        with evaluating(model):
            for start in range(0, num_steps, CHUNK):
                steps = min(CHUNK, num_steps - start)
                traj, row = rollout(watched, steps, row=row)
                seen = model.belief.along(traj, carry)
                loss = model.surprise(traj, carry, belief=seen.belief)
                carry = seen.carry
                kept = loss.terms[PREDICTION].masked_fill(~loss.valid, 0.0)
                total += kept.sum((0, 1))
                count += loss.valid.sum((0, 1))
    finally:
        watched.close()
    each = total.view(-1, parts).sum(0) / count.view(-1, parts).sum(0).clamp(min=1.0)
    return dict(zip(world.parts, each.tolist(), strict=True))
