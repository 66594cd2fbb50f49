"""Pictures on planes and around the world: by hand, and beside MuJoCo's own."""

import mujoco
import numpy as np
import pytest
import torch

from envs.mujoco.renderers.native.context import found_api
from envs.mujoco.renderers.native.native import NativeRenderer
from envs.mujoco.renderers.ray_caster.ray_caster import RayCaster
from envs.mujoco.renderers.ray_caster.sky import Sky
from envs.mujoco.renderers.renderer import View
from tests.envs.mujoco.renderers.scenes import Placed, looking, pixels, placed, poses

LIT = "<visual><headlight ambient='1 1 1' diffuse='0 0 0'/></visual>"
CHECKER = (
    "<texture name='c' type='2d' builtin='checker' rgb1='1 0 0' rgb2='0 0 1' "
    "width='64' height='64'/>"
)
SKY = (
    "<texture type='skybox' builtin='gradient' rgb1='.3 .6 .9' rgb2='.2 .1 0' "
    "width='64' height='384'/>"
)


def floor(material: str, size: str = "0 0 1", more: str = "") -> Placed:
    assets = (
        f"<asset>{CHECKER}{more}<material name='m' texture='c' {material}/></asset>"
    )
    geom = f"<geom type='plane' size='{size}' material='m'/>"
    return placed(geom, rest=LIT + assets)


def above(scene: Placed, view: View, height: float) -> torch.Tensor:
    """Straight down, with x to the right and y upwards."""
    eye = np.array([[0.0, 0.0, height]])
    at = poses(scene, eye, np.eye(3)[None])
    return RayCaster(scene.model, view).frames(at)[0].int()


def test_fields_of_a_checker_lie_where_they_should() -> None:
    """One picture has 2 x 2 fields and is 2 m wide: fields are 1 m wide."""
    view = View(64, 64, 90.0)
    found = above(floor("texrepeat='1 1' texuniform='true'"), view, 3.0)
    x, y = pixels(view)
    even = (np.floor(3 * x) + np.floor(3 * y)) % 2 == 0
    inner = np.minimum(np.abs(3 * x % 1 - 0.5), np.abs(3 * y % 1 - 0.5)) < 0.5
    inner &= np.maximum(np.abs(3 * x % 1 - 0.5), np.abs(3 * y % 1 - 0.5)) < 0.4
    one, other = found[:, torch.from_numpy(even & inner)], found[:, ~even & inner]
    assert len(one.unique(dim=1).T) == len(other.unique(dim=1).T) == 1
    assert {tuple(one[:, 0].tolist()), tuple(other[:, 0].tolist())} == {
        (255, 0, 0),
        (0, 0, 255),
    }


def test_a_pictures_first_row_is_up_and_its_first_column_left() -> None:
    """Seen from above, of four quarters: red and green, below them blue and white."""
    scene = floor("texrepeat='1 1'", "1 1 1")
    rows, columns = np.mgrid[:64, :64] // 32
    quarters = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]])
    scene.model.tex_data[:] = quarters[rows, columns].ravel()
    found = above(scene, View(64, 64, 90.0), 2.0)  # whose middle is 1 m wide
    for y, row in ((24, 0), (40, 1)):
        for x, column in ((24, 0), (40, 1)):
            assert found[:, y, x].tolist() == quarters[row, column].tolist()


def test_what_is_far_is_smoothed() -> None:
    """From where a pixel takes in many fields, all of it is their mean."""
    found = above(
        floor("texrepeat='20 20' texuniform='true'"), View(64, 64, 45.0), 10.0
    )
    assert (found - torch.tensor([128, 0, 128]).view(3, 1, 1)).abs().max() <= 20
    assert found.float().std((1, 2)).max() < 12


def test_other_shapes_have_the_mean_of_their_texture() -> None:
    assets = f"<asset>{CHECKER}<material name='m' texture='c'/></asset>"
    scene = placed("<geom size='1' material='m'/>", rest=LIT + assets)
    found = above(scene, View(9, 9, 20.0), 3.0)
    assert (found - torch.tensor([128, 0, 128]).view(3, 1, 1)).abs().max() <= 1


def test_directions_of_a_skybox_have_their_faces() -> None:
    """A box whose six sides are six greys: right, left, up, down, back, front."""
    model = mujoco.MjModel.from_xml_string(f"<mujoco><asset>{SKY}</asset></mujoco>")
    for side in range(6):
        model.tex_data[side * 64 * 64 * 3 : (side + 1) * 64 * 64 * 3] = 40 * side
    ray = torch.tensor(
        [[1.0, 0, 0], [-1, 0, 0], [0, 0, 1], [0, 0, -1], [0, -1, 0], [0, 1, 0]]
    )
    near = ray + 0.3 * torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    for rays in (ray, near):
        found = Sky(model, torch.device("cpu")).colours(rays.t().contiguous())
        assert (255 * found[0]).round().tolist() == [0, 40, 80, 120, 160, 200]


def test_pictures_are_those_of_mujoco() -> None:
    """Floors without and with edges, three ways to repeat, under a sky."""
    if found_api() is None:
        pytest.skip("no OpenGL here")
    view = View(64, 64, 60.0)
    cases = [
        floor("texrepeat='1 2' texuniform='true'", more=SKY),
        floor("texrepeat='2 3.5'", "1.5 1.2 1", SKY),
        floor("texrepeat='1.3 .8' texuniform='true'", "1.5 1.2 1", SKY),
    ]
    eyes = np.array([[2.0, 1, 1.5], [0, -2, 2], [0.1, 0.2, 3]])
    axes = np.stack([looking(x, np.array([0, 0, 0.3])) for x in eyes])
    for scene in cases:
        at = poses(scene, eyes, axes)
        native = NativeRenderer(scene.model, view)
        wanted, found = native.render(at), RayCaster(scene.model, view).render(at)
        native.close()
        near = (wanted.segmentation == found.segmentation) & (found.depth < 8)
        sky = (wanted.segmentation == -1) & (found.segmentation == -1)
        off = (wanted.rgb.float() - found.rgb.float()).abs().mean(1)
        assert near.sum() > 2000
        assert off[near].mean() < 4
        assert off[sky].numel() == 0 or off[sky].mean() < 3
