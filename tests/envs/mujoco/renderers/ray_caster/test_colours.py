"""What surfaces look like: light by hand, paint per world."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from envs.mujoco.renderers.ray_caster.ray_caster import RayCaster
from envs.mujoco.renderers.renderer import Lights, View
from tests.envs.mujoco.renderers.scenes import (
    Placed,
    cameras,
    crowded,
    looking,
    pixels,
    placed,
    poses,
)

VIEW = View(48, 48, 45.0)
EYE = np.array([2.5, 0.4, 1.2])
RGB = np.array([0.9, 0.5, 0.2])
DARK = "<visual><headlight active='0'/></visual>"
KINDS = {
    "far": "type='directional'",
    "spot": "type='spot' cutoff='40' exponent='5' attenuation='1 .2 .1'",
    "point": "type='point' attenuation='.5 0 .2'",
}


def ball(light: str, rest: str = "") -> Placed:
    geom = f"<geom size='1' rgba='{RGB[0]} {RGB[1]} {RGB[2]} 1'/>"
    return placed(geom, light, rest)


def by_hand(scene: Placed, axes: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Lambert's law upon the unit ball, from the definitions, pixel by pixel."""
    model, data = scene.model, scene.data
    x, y = pixels(VIEW)
    shown = np.zeros((*seen.shape, 3))
    for row, column in zip(*np.nonzero(seen >= 0), strict=True):
        ray = axes @ [x[row, column], y[row, column], -1.0]
        half, length = ray @ EYE, ray @ ray
        root = np.sqrt(half**2 - length * (EYE @ EYE - 1))
        normal = place = EYE + (-half - root) / length * ray
        head = model.vis.headlight
        light = bool(head.active) * (
            head.ambient + head.diffuse * max(0, normal @ axes[:, 2])
        )
        for i in range(model.nlight):
            along, power = data.light_xdir[i], 1.0
            if model.light_type[i] == 1:
                towards = -along
            else:
                way = data.light_xpos[i] - place
                distance = np.linalg.norm(way)
                towards = way / distance
                power /= model.light_attenuation[i] @ [1, distance, distance**2]
            if model.light_type[i] == 0:
                cosine = -towards @ along
                within = cosine >= np.cos(np.radians(model.light_cutoff[i]))
                power *= within * max(0, cosine) ** model.light_exponent[i]
            facing = max(0, normal @ towards)
            light = light + power * (
                model.light_ambient[i] + model.light_diffuse[i] * facing
            )
        shown[row, column] = np.clip(RGB * light, 0, 1)
    return 255 * shown


@pytest.mark.parametrize("kind", KINDS)
def test_light_upon_a_ball(kind: str) -> None:
    light = (
        f"<light {KINDS[kind]} pos='2 2 2' dir='-1 -.8 -1.2' ambient='.1 .05 0' "
        "diffuse='.5 .7 .9'/>"
    )
    scene = ball(light)
    axes = looking(EYE, np.zeros(3))
    seen = RayCaster(scene.model, VIEW).render(poses(scene, EYE[None], axes[None]))
    wanted = by_hand(scene, axes, seen.segmentation[0].numpy())
    assert wanted.max() > 120
    found = seen.rgb[0].permute(1, 2, 0).numpy().astype(float)
    assert np.abs(found - wanted).max() <= 0.51  # a byte's rounding, and float32's


def test_lights_that_are_off_do_not_shine() -> None:
    scene = ball("<light pos='0 0 5' active='false' ambient='1 1 1'/>", DARK)
    at = poses(scene, EYE[None], looking(EYE, np.zeros(3))[None])
    assert not RayCaster(scene.model, VIEW).frames(at).any()


def test_lights_of_a_world_are_its_own() -> None:
    """Those of the model, told, change nothing; others change their world alone."""
    scene = ball("<light type='spot' pos='2 2 2' dir='-1 -1 -1'/><light pos='0 1 3'/>")
    renderer = RayCaster(scene.model, VIEW)
    at = poses(scene, np.stack([EYE, EYE]), np.stack(2 * [looking(EYE, np.zeros(3))]))

    def told(values: np.ndarray) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float32).expand(2, -1, -1).clone()

    model, data = scene.model, scene.data
    lights = Lights(
        told(data.light_xpos),
        told(data.light_xdir),
        told(model.light_ambient),
        told(model.light_diffuse),
    )
    plain = renderer.frames(at)
    assert torch.equal(renderer.frames(replace(at, lights=lights)), plain)
    lights.diffuse[1] = 0
    lights.ambient[1] = torch.tensor([0.5, 0.0, 0.0])
    changed = renderer.frames(replace(at, lights=lights))
    assert torch.equal(changed[0], plain[0])
    assert not torch.equal(changed[1], plain[1])


def test_a_geom_has_its_worlds_colour() -> None:
    """A face straight ahead under light without direction is its paint, exactly."""
    view = View(9, 9, 20.0)
    rest = "<visual><headlight ambient='1 1 1' diffuse='0 0 0'/></visual>"
    scene = placed("<geom type='box' size='1 1 1'/>", rest=rest)
    eye = np.array([[3.0, 0, 0]])
    axes = looking(eye[0], np.zeros(3))[None]
    at = poses(scene, eye.repeat(3, 0), axes.repeat(3, 0))
    paint = torch.tensor([[1.0, 0, 0.4, 1], [0, 0.2, 0.6, 0.3], [1, 1, 1, 0]])
    seen = RayCaster(scene.model, view).render(
        replace(at, geom_rgba=paint.unsqueeze(1))
    )
    assert (seen.rgb[0] == torch.tensor([255, 0, 102]).view(3, 1, 1)).all()
    assert (seen.rgb[1] == torch.tensor([0, 51, 153]).view(3, 1, 1)).all()
    assert (seen.segmentation[2] == -1).all()  # alpha 0: not there
    assert not seen.rgb[2].any()


def test_paint_of_materials() -> None:
    """A geom without a colour of its own has its material's; glow needs no light."""
    rest = f"{DARK}<asset><material name='m' rgba='.2 .4 .6 1' emission='.5'/></asset>"
    view = View(16, 32, 60.0)
    scene = placed(
        "<geom size='.5' pos='0 -1 0' material='m'/>"
        "<geom size='.5' pos='0 1 0' material='m' rgba='1 0 0 1'/>",
        rest=rest,
    )
    eye = np.array([[3.0, 0, 0]])
    at = poses(scene, eye, looking(eye[0], np.zeros(3))[None])
    seen = RayCaster(scene.model, view).render(at)
    for geom, rgb in ((0, [26, 51, 76]), (1, [128, 0, 0])):
        mine = seen.rgb[0][:, seen.segmentation[0] == geom]
        assert mine.shape[1] > 15
        assert (mine.int() - torch.tensor(rgb).unsqueeze(1)).abs().max() <= 1


def test_a_picture_of_many_shapes_is_not_flat() -> None:
    """Every body that is large enough shows several shades of its colour."""
    scene = crowded(5)
    eyes, axes = cameras(5, 4)
    seen = RayCaster(scene.model, View(64, 64, 60.0)).render(poses(scene, eyes, axes))
    for geom in seen.segmentation.unique().tolist():
        mine = seen.segmentation == geom
        if geom > 0 and mine.sum() > 200:
            assert len(seen.rgb.permute(0, 2, 3, 1)[mine].unique(dim=0)) > 2
