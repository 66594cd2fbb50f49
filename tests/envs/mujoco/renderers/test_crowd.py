"""The room that renderers are measured by."""

import pytest
import torch

from envs.mujoco.renderers.crowd import Crowd
from envs.mujoco.renderers.ray_caster.ray_caster import RayCaster
from envs.mujoco.renderers.renderer import View


def test_every_world_is_another_and_shows_bodies(generator: torch.Generator) -> None:
    crowd = Crowd(20)
    assert crowd.model.ngeom == 20
    poses = crowd.poses(12, generator, "cpu")
    axes = poses.camera_mat
    torch.testing.assert_close(axes @ axes.mT, torch.eye(3).expand_as(axes))
    torch.testing.assert_close(torch.linalg.det(axes), torch.ones(12))
    seen = RayCaster(crowd.model, View(32, 32, 60.0)).render(poses)
    who = seen.segmentation.flatten(1)
    assert ((who >= 0) & (who < 5)).any(1).all()  # floor or walls
    assert (who >= 5).any(1).sum() >= 10
    assert len({x.numpy().tobytes() for x in seen.rgb}) == 12


def test_too_few_geoms_are_refused() -> None:
    with pytest.raises(ValueError, match="5 geoms"):
        Crowd(4)
