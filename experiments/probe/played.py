"""Footage of a world that somebody plays."""

from collections.abc import Callable, Collection

import torch
from torch import Tensor

from agents.acting import ActingPolicy
from envs.vector_env import Step, VectorEnv
from ssl_objectives.footprint.plan import MemoryPlan, check_fits
from world_models.probing.asked import MOST_NUMBERS
from world_models.probing.footage import Footage


@torch.no_grad()
def played_footage(
    env: VectorEnv,
    policy: ActingPolicy,
    frames: int,
    seed: int = 0,
    facts: Collection[str] = (),
    about: str = "the world",
    told: Callable[[int], None] = lambda _: None,
) -> Footage:
    """Play, and keep every row that the worlds show.

        env = MovingDotConfig().build(16, "cpu")
        footage = played_footage(env, RandomPolicy(env, 0), 5_000)

    The last episode of each world is cut off where the frames are enough.

    Args:
        env: the worlds, with facts.
        policy: acts in them.
        frames: of all worlds together, at least.
        seed: of the worlds.
        facts: those that are kept however many numbers they have; others are kept up to
            64 numbers.
        about: what the worlds are called.
        told: hears how many frames there are.

    Raises:
        DoesNotFit: that many frames are more than this machine can hold.
    """
    spec = env.spec
    kept = [
        k for k, x in spec.facts.items() if k in facts or _size(x.shape) <= MOST_NUMBERS
    ]
    row, carry = env.reset(seed), policy.start(spec.num_envs)
    rows, actions = [_kept(row, kept)], [carry.action]
    check_fits(_memory(rows[0], frames, spec.num_envs), "cpu")
    while len(rows) * spec.num_envs < frames:
        did = policy.act(row, carry)
        row, carry = env.step(did.action), did.carry
        rows.append(_kept(row, kept))
        actions.append(did.action.cpu())
        told(len(rows) * spec.num_envs)
    first = _by_env([x.first for x in rows])
    vectors = [x.vector for x in rows if x.vector is not None]
    return Footage(
        obs=_by_env([x.obs for x in rows]),
        episode=first.long().cumsum(0),
        facts={k: _by_env([x.facts[k] for x in rows]) for k in kept},
        action=_by_env([x.cpu() for x in actions]),
        vector=_by_env(vectors) if vectors else None,
        reward=_by_env([x.reward for x in rows]),
        units={k: x.unit for k, x in spec.facts.items()},
        names={k: x.names for k, x in spec.facts.items() if x.names},
        about=about,
    )


def _memory(row: Step, frames: int, num_envs: int) -> MemoryPlan:
    """Rows as they are collected, and once more when they are laid together."""
    parts = [row.obs, *row.facts.values()]
    parts += [] if row.vector is None else [row.vector]
    each = sum(x.numel() * x.element_size() for x in parts) // num_envs
    return MemoryPlan().add(f"{frames:,} frames", 2 * each * frames, "--frames")


def _size(shape: tuple[int, ...]) -> int:
    return int(torch.Size(shape).numel())


def _kept(row: Step, facts: Collection[str]) -> Step:
    """On the host, without the facts that nobody asks for."""
    vector = None if row.vector is None else row.vector.cpu()
    return Step(
        row.obs.cpu(),
        row.reward.cpu(),
        row.terminated.cpu(),
        row.truncated.cpu(),
        row.first.cpu(),
        {k: row.facts[k].cpu() for k in facts},
        vector,
    )


def _by_env(rows: list[Tensor]) -> Tensor:
    """`[R B …]` as `[B R …]` with both axes in one: the rows of each world together."""
    return torch.stack(rows, 1).flatten(0, 1)
