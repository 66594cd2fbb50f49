"""Which way of drawing without a window this machine has, found out without harm."""

import os
import platform
import subprocess
import sys
from enum import Enum
from functools import cache
from importlib import import_module
from typing import Any

from envs.mujoco.renderers.renderer import CannotDraw


class Api(Enum):
    """Modules of MuJoCo that make contexts of OpenGL."""

    EGL = "egl"
    OSMESA = "osmesa"
    CGL = "cgl"
    GLFW = "glfw"


_TRIED = {
    "Linux": (Api.EGL, Api.OSMESA),
    "Darwin": (Api.CGL,),
    "Windows": (Api.GLFW,),
}
_PROBE = """
from mujoco.{name} import GLContext
context = GLContext(8, 8)
context.make_current()
import mujoco
model = mujoco.MjModel.from_xml_string("<mujoco/>")
drawn = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_150)
drawn.free()
context.free()
print("drawn")
"""
PATIENCE = 60
"""seconds after which a driver that says nothing counts as none"""


def found_api() -> Api | None:
    """The first one that works here, or the one that `MUJOCO_GL` names, if it does.

    Each is tried once, in a process of its own: a library that is missing leaves
    MuJoCo and PyOpenGL half imported otherwise, and complains again at the very end;
    a driver may even crash.
    """
    wished = os.environ.get("MUJOCO_GL", "").lower().strip()
    names = {x.value: x for x in Api}
    tried = (names[wished],) if wished in names else _TRIED.get(platform.system(), ())
    return next((x for x in tried if _works(x)), None)


def gl_context(width: int, height: int) -> Any:
    """A context of OpenGL to draw in, without a window.

    Raises:
        CannotDraw: there is none; says what to install.
    """
    api = found_api()
    if api is None:
        raise CannotDraw(MISSING)
    return import_module(f"mujoco.{api.value}").GLContext(width, height)


MISSING = (
    "MuJoCo's own renderer finds no OpenGL without a window here: install EGL or "
    "OSMesa (Debian, Ubuntu: apt-get install libegl1 libgl1 libosmesa6), or use the "
    "ray caster, which needs neither."
)


@cache
def _works(api: Api) -> bool:
    wished = {"MUJOCO_GL": api.value}
    kept = {x: y for x, y in os.environ.items() if x != "PYOPENGL_PLATFORM"}
    try:
        tried = subprocess.run(
            [sys.executable, "-c", _PROBE.format(name=api.value)],
            env=kept | wished,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return "drawn" in tried.stdout
