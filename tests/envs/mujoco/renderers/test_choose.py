"""Who draws, by what the scene needs and the machine has."""

import pytest

from envs.mujoco.renderers.choose import Backend, choose_renderer
from envs.mujoco.renderers.native.context import found_api
from envs.mujoco.renderers.native.native import NativeRenderer
from envs.mujoco.renderers.ray_caster.ray_caster import RayCaster
from envs.mujoco.renderers.renderer import CannotDraw, View
from envs.mujoco.renderers.warp.warp import has_warp
from tests.envs.mujoco.renderers.scenes import Placed, crowded, placed

VIEW = View(16, 16)


def rock() -> Placed:
    mesh = "<asset><mesh name='m' vertex='0 0 0 1 0 0 0 1 0 0 0 1'/></asset>"
    return placed("<geom name='rock' type='mesh' mesh='m'/>", rest=mesh)


@pytest.mark.parametrize("backend", [Backend.AUTO, Backend.RAY_CASTER])
def test_plain_shapes_are_for_the_ray_caster(backend: Backend) -> None:
    chosen = choose_renderer(crowded(0).model, VIEW, backend=backend)
    assert isinstance(chosen.renderer, RayCaster)
    assert "ray caster" in chosen.why
    assert "\n" not in chosen.why


def test_a_mesh_is_for_mujocos_own_renderer_where_there_is_one() -> None:
    if found_api() is None:
        with pytest.raises(CannotDraw, match=r"rock is a mesh.*libosmesa6"):
            choose_renderer(rock().model, VIEW)
        return
    chosen = choose_renderer(rock().model, VIEW)
    assert isinstance(chosen.renderer, NativeRenderer)
    assert "rock is a mesh" in chosen.why
    chosen.renderer.close()


def test_the_ray_caster_refuses_a_mesh_also_when_told() -> None:
    with pytest.raises(CannotDraw, match="rock is a mesh"):
        choose_renderer(rock().model, VIEW, backend=Backend.RAY_CASTER)


@pytest.mark.skipif(has_warp(), reason="MuJoCo Warp is installed")
def test_warp_is_refused_where_it_is_missing() -> None:
    with pytest.raises(CannotDraw, match="not installed"):
        choose_renderer(crowded(0).model, VIEW, backend=Backend.WARP)
