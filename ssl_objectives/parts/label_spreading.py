"""Label propagation from a few labelled rows, over nearest neighbours.

For labels, and as well for sparse rewards: `(weight * reward[which]).sum(-1)` with the
`Neighbors` that `known_neighbors` finds.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from ssl_objectives.parts.critics import unit

CHUNK = 4096  # rows compared with all others at once


class Neighbors(NamedTuple):
    """The nearest known rows of each row, and how much each of them counts.

    Attributes:
        which: of the known rows.
        weight: of them; they sum to 1.
    """

    which: Int64[Tensor, "N k"]
    weight: Float[Tensor, "N k"]


@torch.no_grad()
def log_density(
    rows: Float[Tensor, "M D"],
    among: Float[Tensor, "N D"],
    neighbors: int = 50,
    temperature: float = 0.07,
) -> Float[Tensor, "M"]:
    """`log Σ e^{s/τ}` over the nearest rows `among`, itself included, s the cosine."""
    keys, found = unit(among), []
    for x in unit(rows).split(CHUNK):
        nearest = (x @ keys.mT).topk(min(neighbors, len(keys)), -1).values
        found.append((nearest / temperature).logsumexp(-1))
    return torch.cat(found)


@torch.no_grad()
def known_neighbors(
    rows: Float[Tensor, "N D"],
    known: Float[Tensor, "M D"],
    density: Float[Tensor, "M"],
    neighbors: int = 10,
    temperature: float = 0.07,
) -> Neighbors:
    """The nearest known rows by cosine; weights `∝ ρ_j e^{s_ij/τ}`, ρ_j = 1 / density.

    Known rows in dense places thus do not speak for everything around them.

    Args:
        rows: what is asked about.
        known: what is known.
        density: log of the local density of each known row.
        neighbors: k, or all where fewer are known.
        temperature: τ > 0.
    """
    keys, which, weight = unit(known), [], []
    for x in unit(rows).split(CHUNK):
        near = (x @ keys.mT).topk(min(neighbors, len(keys)), -1)
        score = near.values / temperature - density[near.indices]
        which.append(near.indices)
        weight.append(score.softmax(-1))
    return Neighbors(torch.cat(which), torch.cat(weight))


@torch.no_grad()
def propagate_labels(
    rows: Float[Tensor, "N D"],
    labels: Int64[Tensor, "N"],
    num_classes: int,
    neighbors: int = 10,
    density_neighbors: int = 50,
    temperature: float = 0.07,
) -> tuple[Int64[Tensor, "N"], Float[Tensor, "N"]]:
    """The propagation of LLP (arXiv 1905.11581): weighted votes of labelled neighbours.

    Args:
        rows: all of them.
        labels: of each; -1 where unknown.
        num_classes: labels are below.
        neighbors: k labelled rows vote, `ρ_j e^{s_ij/τ}` each.
        density_neighbors: rows that make up the local density 1/ρ_j.
        temperature: τ > 0.

    Returns:
        The class with most votes and its share of them; labelled rows keep their
        label, with share 1.

    Raises:
        ValueError: no label is known.
    """
    given = labels >= 0
    known = rows[given]
    if not len(known):
        raise ValueError("there is no labelled row from which labels could spread")
    density = log_density(known, rows, density_neighbors, temperature)
    near = known_neighbors(rows, known, density, neighbors, temperature)
    votes = near.weight.new_zeros(len(rows), num_classes)
    votes.scatter_add_(-1, labels[given][near.which], near.weight)
    share, winner = votes.max(-1)
    return torch.where(given, labels, winner), share.masked_fill(given, 1.0).clamp(
        max=1
    )
