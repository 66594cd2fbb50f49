"""What was found beside the bonuses of theirs, with a number for each."""

from collections.abc import Iterator
from typing import Any

import torch
from peers.rllte import build, pay, same_eyes, transitions
from peers.seen import ENVS, STEPS, Seen, paid, rows
from peers.signals import EYES, RIDGE, SIZE, statistics
from torch import Tensor

from agents.curiosity.episodic.e3b import E3bConfig


@torch.no_grad()
def defects(seen: Seen) -> Iterator[dict[str, Any]]:
    """Each with what it is."""
    drawn = torch.rand(STEPS, ENVS)
    yield told(
        "scale with γ = 0.99 pays the filtered return, which is for the std alone: "
        "correlation of what it pays with rewards drawn anew each step (1 without γ)",
        correlation(
            drawn,
            build("ICM", seen.spec, rwd_norm_type="rms", gamma=0.99).scale(
                drawn.clone()
            ),
        ),
    )
    signal = build("PseudoCounts", seen.spec)
    found = pay(signal, transitions(seen.trajs[0]), watched=True)
    yield told(
        "pseudo-counts (NGU, RIDE) divide by a mean distance that is 0 until the first "
        "rollout has been paid: share of it that is paid more than 0.9 / c",
        (found > 0.9 / signal.c).float().mean().item(),
    )
    signal = build("RND", seen.spec)
    signal.obs_norm, signal.obs_norm_type = statistics(seen), "rms"
    before = signal.obs_norm.count
    signal.compute(transitions(seen.trajs[0]), sync=False)
    yield told(
        "compute(sync=False) of RND moves the statistics of pixels: frames that it "
        "took",
        signal.obs_norm.count - before,
    )
    yield told(
        "NGU of the release never keeps `mrs`, and compute raises AttributeError: "
        "signals of it that can pay",
        int(hasattr(build("NGU", seen.spec), "mrs")),
    )
    yield from drift(seen)


def told(what: str, value: float) -> dict[str, Any]:
    """As it is written down."""
    return {"what": what, "value": value}


def correlation(one: Tensor, other: Tensor) -> float:
    """Of all their numbers."""
    both = torch.stack([one.flatten(), other.flatten()])
    return torch.corrcoef(both)[0, 1].item()


def drift(seen: Seen) -> Iterator[dict[str, Any]]:
    """How far E3B's are from solving with the matrix itself, in float64."""
    ours = E3bConfig(EYES, ridge=RIDGE).build(seen.around)
    raw = paid(seen, [ours.reward(x).raw for x in seen.scored()])
    signal = build("E3B", seen.spec, latent_dim=SIZE, ridge=RIDGE)
    same_eyes(signal.encoder, ours.embedding.encoder)
    theirs, exact = rows(seen, signal), []
    matrix = torch.zeros(ENVS, SIZE, SIZE, dtype=torch.float64)
    for i, traj in enumerate(seen.trajs):
        embedded, worth = ours.embedding(traj.obs).double(), []
        for r in range(int(i > 0), traj.num_steps + 1):
            matrix[traj.first[r]] = RIDGE * torch.eye(SIZE, dtype=torch.float64)
            row = embedded[r].unsqueeze(-1)
            worth.append((row.mT @ torch.linalg.solve(matrix, row)).view(-1))
            matrix += row @ row.mT
        exact.append(torch.stack(worth[-traj.num_steps :]))
    truth = paid(seen, exact)
    for name, found in (("theirs", theirs), ("ours", raw)):
        worst = ((found.double() - truth) / truth).abs().max().item()
        yield told(f"E3B, {name}: largest relative error, beside float64", worst)
