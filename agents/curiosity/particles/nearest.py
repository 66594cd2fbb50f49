"""Distances to the nearest of many states."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor

from ssl_objectives.encoders.planned import taken_at_once

# distances at a time: what a CPU keeps in its caches, what a GPU has room for
_CPU_NUMBERS, _NUMBERS = 1 << 21, 1 << 26


class Particles(NamedTuple):
    """States among which neighbours are looked for.

    Attributes:
        states: embedded.
        there: which of the places are taken.
        origin: numbers of the states; a state is no neighbour of its own.
    """

    states: Float32[Tensor, "M D"]
    there: Bool[Tensor, "M"]
    origin: Int64[Tensor, "M"]


@torch.no_grad()
def nearest_distances(
    states: Float32[Tensor, "N D"],
    origin: Int64[Tensor, "N"],
    particles: Particles,
    nearest: int,
) -> Float32[Tensor, "N k"]:
    """Euclidean distances to the k nearest particles, nearest first.

    Infinite where there are fewer than k. Taken in chunks of states.

    Args:
        states: to be compared.
        origin: their numbers.
        particles: what they are compared with.
        nearest: k; fewer if there are fewer places.
    """
    places = len(particles.states)
    rows = taken_at_once(states.device, _CPU_NUMBERS, _NUMBERS) // max(1, places)
    nearest = min(nearest, places)
    found = []
    for some, own in zip(
        states.split(max(1, rows)), origin.split(max(1, rows)), strict=True
    ):
        # by differences: expanded squares lose the small distances, which count
        apart = torch.cdist(
            some, particles.states, compute_mode="donot_use_mm_for_euclid_dist"
        )
        other = particles.there & (own.unsqueeze(1) != particles.origin)
        apart = apart.masked_fill(~other, float("inf"))
        found.append(apart.topk(nearest, -1, largest=False).values)
    return torch.cat(found)
