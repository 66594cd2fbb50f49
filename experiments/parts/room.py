"""Whether so many worlds have room in memory, asked before they are built."""

from math import prod

import torch

from envs.vector_env import WorldConfig
from ssl_objectives.footprint.plan import MemoryPlan, check_fits

FEW = 4_096
"""worlds that are built without asking"""


def check_room(
    world: WorldConfig, num_envs: int, num_rows: int, device: torch.device, lever: str
) -> None:
    """Refuse worlds whose frames alone are more than the memory holds.

    One world is built for its size, which takes a moment: few worlds are let be.

    Args:
        world: as it will be built.
        num_envs: B, how many of them.
        num_rows: how many of their rows will be held at once.
        device: where.
        lever: flags that make it less.

    Raises:
        DoesNotFit: they are more.
        ValueError: see `WorldConfig.build`.
    """
    if num_envs <= FEW:
        return
    one = world.build(1, device)
    frame = prod(one.spec.obs_shape)
    one.close()
    plan = MemoryPlan().add("frames", num_envs * num_rows * frame, lever)
    check_fits(plan, device)
