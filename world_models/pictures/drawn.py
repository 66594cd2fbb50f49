"""Trajectories beside what is left of them in latents, and what is imagined instead."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, UInt8
from torch import Tensor

from ssl_objectives.evaluating import evaluating
from world_models.pictures.gathered import until_the_end
from world_models.pictures.latent_decoder import LatentDecoder
from world_models.trajectory import Trajectory


class Drawn(NamedTuple):
    """Frames of T+1 rows, and the same rows drawn in three ways.

    Attributes:
        true: as they came.
        reconstructed: each from its own latent.
        imagined: row 0 from its latent, row k from row 0 and the k actions behind it.
        otherwise: likewise, over the actions of another trajectory.
        inside: whether the row is of the episode of row 0; others mean nothing.
    """

    true: UInt8[Tensor, "R B C H W"]
    reconstructed: UInt8[Tensor, "R B C H W"]
    imagined: UInt8[Tensor, "R B C H W"]
    otherwise: UInt8[Tensor, "R B C H W"]
    inside: Bool[Tensor, "R B"]


@torch.no_grad()
def draw(decoder: LatentDecoder, traj: Trajectory, burn_in: int = 0) -> Drawn:
    """Draw a trajectory, from the row behind the burn-in on.

    Args:
        decoder: of a model for such trajectories.
        traj: T transitions of B envs.
        burn_in: transitions in front that only lead up to the rest.
    """
    belief = decoder.model.belief
    with evaluating(decoder.model):
        carry = decoder.model.start(traj.first.shape[1])
        traj, carry = belief.behind_burn_in(traj, carry, burn_in)
        seen = belief.throughout(traj, carry)
    reconstructed = decoder.reconstruct(seen.latent)

    def imagined(action: Tensor) -> Tensor:
        ahead = decoder.imagine(seen.belief[0], action)
        return torch.cat([reconstructed[:1], ahead])

    return Drawn(
        traj.obs,
        reconstructed,
        imagined(traj.action),
        imagined(traj.action.roll(1, 1)),
        until_the_end(traj),
    )
