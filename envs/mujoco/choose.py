"""Who simulates, by what the machine has."""

import mujoco
import torch

from envs.mujoco.physics import CannotSimulate, Physics
from envs.mujoco.renderers.warp.warp import has_warp
from envs.mujoco.threads import ThreadedPhysics
from envs.mujoco.warp_physics import WarpPhysics


def choose_physics(model: mujoco.MjModel, device: torch.device | str) -> Physics:
    """MuJoCo Warp on a GPU where it is installed and can do it; else MuJoCo's threads.

    Args:
        model: as compiled.
        device: where states and bodies are to be.
    """
    if torch.device(device).type == "cuda" and has_warp():
        try:
            return WarpPhysics(model, device)
        except CannotSimulate:  # it lacks something of the model, and MuJoCo does not
            pass
    return ThreadedPhysics(model, device)
