"""MuJoCo's own pictures beside the ray caster's, where this machine has OpenGL."""

from collections.abc import Iterator

import pytest
import torch

from envs.mujoco.renderers.native import context
from envs.mujoco.renderers.native.native import NativeRenderer
from envs.mujoco.renderers.ray_caster.ray_caster import RayCaster
from envs.mujoco.renderers.renderer import CannotDraw, View
from tests.envs.mujoco.renderers.agreement import agree
from tests.envs.mujoco.renderers.scenes import SHAPES, Placed, cameras, crowded, poses

VIEW = View(64, 64, 60.0)


@pytest.fixture(scope="module")
def scene() -> Placed:
    return crowded(2, shapes=SHAPES[:5])  # sheets show through from behind there


@pytest.fixture(scope="module")
def native(scene: Placed) -> Iterator[NativeRenderer]:
    if context.found_api() is None:
        pytest.skip("no OpenGL here")
    renderer = NativeRenderer(scene.model, VIEW)
    yield renderer
    renderer.close()


def test_both_see_the_same(scene: Placed, native: NativeRenderer) -> None:
    agree(scene, native, RayCaster(scene.model, VIEW))


def test_what_a_machine_lacks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """GLFW without a display has no context; nothing crashes, now or at the end."""
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("MUJOCO_GL", "glfw")
    context._works.cache_clear()
    try:
        assert context.found_api() is None
        with pytest.raises(CannotDraw, match="libosmesa6"):
            NativeRenderer(crowded(0, 3).model, VIEW)
    finally:
        context._works.cache_clear()


def test_closing_twice_is_harmless(scene: Placed, native: NativeRenderer) -> None:
    other = NativeRenderer(scene.model, View(8, 8))
    other.close()
    other.close()
    assert torch.is_tensor(native.frames(poses(scene, *cameras(0, 1))))
