"""What an expert does in a small world, as demonstrations."""

import torch

from agents.expert import Expert
from agents.rewards.demonstration import Demonstration
from envs.vector_env import WorldConfig


def demonstrated(world: WorldConfig, num: int, seed: int = 0) -> list[Demonstration]:
    """Episodes from the beginning to the goal, with a mistake now and then."""
    env = world.build(1, "cpu")
    expert = Expert(env, seed, mistakes=0.1)
    row, carry = env.reset(seed), expert.start(1)
    found: list[Demonstration] = []
    frames: list[torch.Tensor] = []
    while len(found) < num:
        frames.append(row.obs[0])
        if row.terminated[0] or row.truncated[0]:
            if row.terminated[0]:
                found.append(Demonstration(torch.stack(frames)))
            frames = []
        acted = expert.act(row, carry)
        row, carry = env.step(acted.action), acted.carry
    return found
