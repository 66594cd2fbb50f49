"""What rays meet: as MuJoCo's own rays, and in closed form."""

import numpy as np
import pytest
import torch

from envs.mujoco.renderers.ray_caster.ray_caster import RayCaster
from envs.mujoco.renderers.renderer import CannotDraw, View
from tests.envs.mujoco.renderers.scenes import (
    SHAPES,
    alone,
    cameras,
    crowded,
    looking,
    pixels,
    placed,
    poses,
    rays_of_mujoco,
)

SQUARE = View(65, 65, 40.0)


@pytest.mark.parametrize(
    "view", [View(64, 64, 60.0), View(84, 84, 45.0), View(30, 50, 90.0)], ids=str
)
def test_everything_is_met_where_mujoco_meets_it(view: View) -> None:
    """Numbers on 99.9 % of pixels, depths to 1e-4, over all shapes and attitudes."""
    right = total = 0
    for seed in range(4):
        scene = crowded(seed)
        eyes, axes = cameras(seed, 5)
        seen = RayCaster(scene.model, view).render(poses(scene, eyes, axes))
        # MuJoCo's rays are endless, pictures end at the far plane.
        far = scene.model.vis.map.zfar * scene.model.stat.extent
        for i in range(len(eyes)):
            # The same camera in double precision, as the picture's was rounded.
            turned = axes[i].astype(np.float32).astype(float)
            who, depth = rays_of_mujoco(scene, eyes[i].astype(np.float32), turned, view)
            who[depth > far] = -1
            found = seen.segmentation[i].numpy()
            same = who == found
            right, total = right + same.sum(), total + same.size
            met = same & (who >= 0)
            off = np.abs(seen.depth[i].numpy() - depth)[met]
            assert (off < 1e-4 * np.maximum(1, depth[met] / 10)).mean() >= 0.999
            assert seen.depth[i].numpy()[found < 0] == pytest.approx(far, rel=1e-6)
    assert right / total >= 0.999


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_alone_is_met_where_mujoco_meets_it(shape: str) -> None:
    """From near by, where most of a picture is one body, and from within edges."""
    view = View(64, 64, 80.0)
    right = total = 0
    for seed in range(6):
        scene = crowded(seed, 7, (shape,))
        eyes, axes = cameras(seed, 2)
        seen = RayCaster(scene.model, view).render(poses(scene, 0.5 * eyes, axes))
        for i in range(len(eyes)):
            eye = (0.5 * eyes[i]).astype(np.float32)
            turned = axes[i].astype(np.float32).astype(float)
            who, depth = rays_of_mujoco(scene, eye, turned, view)
            who[depth > scene.model.vis.map.zfar * scene.model.stat.extent] = -1
            if _holds(scene, eye):
                continue  # MuJoCo's rays hit bodies from inside, pictures do not
            same = who == seen.segmentation[i].numpy()
            right, total = right + same.sum(), total + same.size
            off = np.abs(seen.depth[i].numpy() - depth)[same & (who >= 0)]
            assert (
                off < 1e-4 * np.maximum(1, depth[same & (who >= 0)] / 10)
            ).mean() > 0.999
    assert total > 5 * 64 * 64
    assert right / total >= 0.999


def test_a_sphere_straight_ahead() -> None:
    """Its nearest point, and as many pixels as lie within its outline."""
    scene, at = alone("<geom size='.7'/>", SQUARE)
    seen = RayCaster(scene.model, SQUARE).render(at)
    assert seen.depth[0, 32, 32].item() == pytest.approx(3 - 0.7, abs=1e-5)
    x, y = pixels(SQUARE)
    outline = np.hypot(x, y) < np.tan(np.arcsin(0.7 / 3))
    assert (seen.segmentation[0] == 0).numpy().sum() == outline.sum()
    assert ((seen.segmentation[0] == 0).numpy() == outline).all()


def test_the_face_of_a_box() -> None:
    """Flat at one depth, square, and as wide as it should be."""
    scene, at = alone("<geom type='box' size='.5 .6 .4'/>", SQUARE)
    seen = RayCaster(scene.model, SQUARE).render(at)
    x, y = pixels(SQUARE)
    face = (np.abs(x) < 0.6 / 2.5) & (np.abs(y) < 0.4 / 2.5)
    assert ((seen.segmentation[0] == 0).numpy() == face).all()
    assert seen.depth[0].numpy()[face] == pytest.approx(2.5, abs=1e-5)


def test_the_horizon() -> None:
    """Two metres above an endless floor, level: rows below the middle see it."""
    view = View(64, 64, 90.0)
    scene = placed("<geom type='plane' size='0 0 1'/>")
    eye = np.array([[0.0, 0.0, 2.0]])
    level = looking(eye[0], np.array([1.0, 0, 2]))[None]
    seen = RayCaster(scene.model, view).render(poses(scene, eye, level))
    _, y = pixels(view)
    far = scene.model.vis.map.zfar * scene.model.stat.extent
    floor = (y < 0) & (2 / np.maximum(-y, 1e-9) < far)
    assert ((seen.segmentation[0] == 0).numpy() == floor).all()
    assert seen.depth[0].numpy()[floor] == pytest.approx(2 / -y[floor], rel=1e-5)


def test_a_floor_is_not_seen_from_below() -> None:
    scene = placed("<geom type='plane' size='0 0 1'/><geom type='plane' size='2 2 1'/>")
    eye = np.array([[0.0, 0.0, -2.0]])
    up = looking(eye[0], np.array([0.1, 0, 0]))[None]
    seen = RayCaster(scene.model, View(16, 16)).render(poses(scene, eye, up))
    assert (seen.segmentation == -1).all()


@pytest.mark.parametrize("shape", ["box", "sphere", "capsule", "cylinder", "ellipsoid"])
def test_who_is_in_a_body_sees_through_it(shape: str) -> None:
    scene = placed(
        f"<geom type='{shape}' size='.5 .5 .5'/>"
        "<geom type='box' size='.1 9 9' pos='-4 0 0'/>"
    )
    eye = np.array([[0.1, 0.05, 0.02]])
    axes = looking(eye[0], np.array([-4.0, 0, 0]))[None]
    seen = RayCaster(scene.model, View(16, 16)).render(poses(scene, eye, axes))
    assert (seen.segmentation == 1).all()


def test_worlds_do_not_change_each_other() -> None:
    """Many at once are those one by one, bit for bit, in any portions."""
    scene = crowded(3)
    view = View(64, 64, 60.0)
    eyes, axes = cameras(3, 40)  # more than are drawn at once
    renderer = RayCaster(scene.model, view)
    many = renderer.render(poses(scene, eyes, axes))
    assert (renderer.frames(poses(scene, eyes, axes)) == many.rgb).all()
    for i in range(0, 40, 9):
        one = renderer.render(poses(scene, eyes[i : i + 1], axes[i : i + 1]))
        assert (one.segmentation[0] == many.segmentation[i]).all()
        assert torch.equal(one.depth[0], many.depth[i])
        assert torch.equal(one.rgb[0], many.rgb[i])


def test_only_groups_that_are_shown_are_drawn() -> None:
    geoms = "".join(
        f"<geom size='.3' pos='0 {y} 0' group='{group}'/>"
        for group, y in enumerate((-1, 0, 1))
    )
    view = View(32, 64, 40.0, groups=(0, 2))
    scene, at = alone(geoms, view)
    seen = RayCaster(scene.model, view).render(at)
    assert set(seen.segmentation.unique().tolist()) == {-1, 0, 2}


def test_a_scene_without_geoms_is_sky() -> None:
    scene, at = alone("", SQUARE)
    seen = RayCaster(scene.model, SQUARE).render(at)
    assert (seen.segmentation == -1).all()
    assert not seen.rgb.any()


def test_shapes_that_it_does_not_know_are_refused() -> None:
    mesh = "<asset><mesh name='m' vertex='0 0 0 1 0 0 0 1 0 0 0 1'/></asset>"
    scene = placed("<geom name='rock' type='mesh' mesh='m'/>", rest=mesh)
    with pytest.raises(CannotDraw, match="rock is a mesh"):
        RayCaster(scene.model, SQUARE)
    RayCaster(scene.model, View(8, 8, groups=(1,)))


def _holds(scene: object, eye: np.ndarray) -> bool:
    """Whether any body holds the eye, by definition of each."""
    model, data = scene.model, scene.data  # type: ignore[attr-defined]
    for i in range(1, model.ngeom):
        a, b, c = size = model.geom_size[i]
        x, y, z = place = data.geom_xmat[i].reshape(3, 3).T @ (eye - data.geom_xpos[i])
        kind = int(model.geom_type[i])
        within = {
            0: False,
            2: np.linalg.norm(place) < a,
            3: np.linalg.norm([x, y, max(abs(z) - b, 0)]) < a,
            4: bool(c) and np.linalg.norm(place / np.where(size > 0, size, 1)) < 1,
            5: np.hypot(x, y) < a and abs(z) < b,
            6: bool((np.abs(place) < size).all()),
        }
        if within[kind]:
            return True
    return False
