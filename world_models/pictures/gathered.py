"""What a decoder learns from: latents with their frames, and what was said of them."""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float32, Shaped, UInt8
from torch import Tensor

from ssl_objectives.evaluating import evaluating
from ssl_objectives.refusal import TrainingDiverged
from world_models.latent_dynamics import LatentDynamics
from world_models.trajectory import Trajectory


class Gathered(NamedTuple):
    """Rows of a model that is only looked at.

    Attributes:
        latent: the encoder's, of frames that it saw.
        frames: the newest frame of each.
        told: what the model said, without seeing it, of the row of `aim`.
        aim: the latent of what then came.
    """

    latent: Float32[Tensor, "N D"]
    frames: UInt8[Tensor, "N C H W"]
    told: Float32[Tensor, "M E"]
    aim: Float32[Tensor, "M D"]


@torch.no_grad()
def gather(
    model: LatentDynamics, trajectories: Iterable[Trajectory], burn_in: int = 0
) -> Gathered:
    """All rows of some trajectories, detached; open loops begin in their first ones.

    Args:
        model: is put into evaluation mode meanwhile, and changed in nothing.
        trajectories: at least one.
        burn_in: transitions in front of each that only lead up to the rest.

    Raises:
        TrainingDiverged: latents are not finite.
    """
    parts = []
    for whole in trajectories:
        with evaluating(model):
            carry = model.start(whole.first.shape[1])
            traj, carry = model.belief.behind_burn_in(whole, carry, burn_in)
            seen = model.belief.throughout(traj, carry)
            told = foretold(model, seen.belief[0], traj.action)
        inside = until_the_end(traj)[1:]
        parts.append(
            Gathered(
                seen.latent.flatten(0, 1),
                traj.obs.flatten(0, 1),
                told[inside],
                seen.latent[1:][inside],
            )
        )
    gathered = Gathered(*map(torch.cat, zip(*parts, strict=True)))
    if not (gathered.latent.isfinite().all() and gathered.told.isfinite().all()):
        raise TrainingDiverged(
            "The model's latents are not finite, so that nothing can be decoded from "
            "them: its training has diverged. Take an earlier checkpoint."
        )
    return gathered


def foretold(
    model: LatentDynamics,
    belief: Float32[Tensor, "*batch S"],
    action: Shaped[Tensor, "..."],
) -> Float32[Tensor, "K *batch E"]:
    """All that a model says of each of K steps ahead: open-loop belief, prediction."""
    with torch.no_grad(), evaluating(model):
        ahead = model.ahead(belief, action)
        return torch.cat([ahead, model.imagine(belief, action).float()], -1)


def until_the_end(traj: Trajectory) -> Bool[Tensor, "R B"]:
    """Which rows belong to the episode of row 0."""
    inside = traj.valid.cumprod(0).bool()
    return torch.cat([torch.ones_like(inside[:1]), inside])
