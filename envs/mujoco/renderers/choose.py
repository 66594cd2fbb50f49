"""Which renderer draws, by what the scene and the machine have."""

from dataclasses import dataclass
from typing import final

import mujoco
import torch

from envs.mujoco.renderers.backend import Backend as Backend
from envs.mujoco.renderers.native.context import MISSING, found_api
from envs.mujoco.renderers.native.native import NativeRenderer
from envs.mujoco.renderers.ray_caster.ray_caster import RayCaster
from envs.mujoco.renderers.renderer import CannotDraw, Renderer, View
from envs.mujoco.renderers.warp.warp import WarpRenderer, has_warp


@final
@dataclass(frozen=True)
class Chosen:
    """A renderer, and one line for people: which it is and why."""

    renderer: Renderer
    why: str


def choose_renderer(
    model: mujoco.MjModel,
    view: View,
    device: torch.device | str = "cpu",
    backend: Backend = Backend.AUTO,
) -> Chosen:
    """The renderer of a scene.

    Left to itself, it takes MuJoCo Warp on a GPU where that is installed and the model
    has a camera; otherwise the ray caster, and MuJoCo's own renderer only for what the
    ray caster cannot draw.

    Raises:
        CannotDraw: nothing here can draw the scene, or not what was asked for; the
            message says what to do.
    """
    device = torch.device(device)
    if backend is Backend.RAY_CASTER:
        return Chosen(
            RayCaster(model, view, device), "Drawn by the ray caster, as told."
        )
    if backend is Backend.NATIVE:
        return Chosen(
            NativeRenderer(model, view, device), "Drawn by MuJoCo's renderer, as told."
        )
    if backend is Backend.WARP:
        return Chosen(
            WarpRenderer(model, view, device), "Drawn by MuJoCo Warp, as told."
        )
    if device.type == "cuda" and has_warp() and model.ncam:
        return Chosen(
            WarpRenderer(model, view, device),
            "Drawn by MuJoCo Warp: it is installed, and there is a GPU.",
        )
    try:
        caster = RayCaster(model, view, device)
    except CannotDraw as error:
        if found_api() is None:
            raise CannotDraw(f"{error} But: {MISSING}") from error
        return Chosen(
            NativeRenderer(model, view, device),
            f"Drawn by MuJoCo's own renderer. {error}",
        )
    return Chosen(
        caster,
        "Drawn by the ray caster: it knows every shape of this scene, and needs no "
        "OpenGL.",
    )
