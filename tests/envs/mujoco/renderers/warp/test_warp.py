"""MuJoCo Warp's pictures beside the ray caster's, where it is installed."""

import pytest

from envs.mujoco.renderers.ray_caster.ray_caster import RayCaster
from envs.mujoco.renderers.renderer import CannotDraw, View
from envs.mujoco.renderers.warp.warp import WarpRenderer, has_warp
from tests.envs.mujoco.renderers.agreement import agree
from tests.envs.mujoco.renderers.scenes import crowded

VIEW = View(64, 64, 60.0)


@pytest.mark.slow  # compiles for minutes
@pytest.mark.skipif(not has_warp(), reason="MuJoCo Warp is not installed")
def test_both_see_the_same() -> None:
    scene = crowded(2)
    agree(scene, WarpRenderer(scene.model, VIEW), RayCaster(scene.model, VIEW))


@pytest.mark.skipif(has_warp(), reason="MuJoCo Warp is installed")
def test_that_it_is_missing_is_told() -> None:
    with pytest.raises(CannotDraw, match="pip install"):
        WarpRenderer(crowded(0, 3).model, VIEW)
