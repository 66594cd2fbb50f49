"""Pictures: through which camera, of which bodies, and what is released behind them."""

import mujoco
import pytest
import torch

from envs.mujoco.drawn import ABOVE, Drawn
from envs.mujoco.physics import Bodies, Told
from envs.mujoco.pictures import Camera, Pictures
from envs.mujoco.renderers.choose import Chosen
from envs.mujoco.renderers.ray_caster.ray_caster import RayCaster
from envs.mujoco.renderers.renderer import Picture, Poses, Renderer, View
from envs.mujoco.threads import ThreadedPhysics
from envs.mujoco.world import MujocoWorld
from envs.native_env import NativeVectorEnv
from tests.envs.mujoco.dropped import XML, Dropped, Fall

SIDE = '<camera name="side" pos="0 -4 1.5" xyaxes="1 0 0 0 0 1" fovy="60"/>'
WIDE = SIDE.replace("side", "wide").replace("60", "100").replace("-4", "-2")
TWO = XML.replace(SIDE, WIDE + SIDE)
MODEL = mujoco.MjModel.from_xml_string(TWO)
NUM = 3


def seen(drawn: Drawn, camera: str, xml: str = TWO, above: str = "") -> torch.Tensor:
    """The first frame, or the overview where there is one."""
    stage = Dropped()
    stage.xml, stage.camera, stage.above = xml, camera, above
    row = NativeVectorEnv(drawn.world(stage, "cpu"), NUM).reset(seed=1)
    return row.facts.get("overview", row.obs)


def test_each_camera_takes_in_its_own_angle() -> None:
    """Of two cameras the second, as if it were alone; and the first from above."""
    assert MODEL.cam_fovy.tolist() == [100, 60]
    alone = seen(Drawn(24), "side", XML)
    assert torch.equal(seen(Drawn(24), "side"), alone)
    assert not torch.equal(seen(Drawn(24), "wide"), alone)
    eye = seen(Drawn(ABOVE), "wide")
    assert torch.equal(seen(Drawn(8, overview=True), "side", above="wide"), eye)
    eye = seen(Drawn(ABOVE), "side")
    assert torch.equal(seen(Drawn(8, overview=True), "wide", above="side"), eye)


def test_a_camera_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="no camera 'front'"):
        seen(Drawn(24), "front")
    with pytest.raises(ValueError, match="no camera 'top'"):
        seen(Drawn(24, overview=True), "side", above="top")


def test_a_picture_is_of_the_bodies_it_is_asked_for() -> None:
    """Also where those of the latest picture are gone, and their memory used anew."""
    physics = ThreadedPhysics(MODEL)
    caster = RayCaster(MODEL, View(16, 16, 60.0))
    pictures = Pictures(Camera(1, Chosen(caster, "")), depth=True)
    stage, own = Dropped(), Fall(torch.zeros(1))
    heights = [
        torch.tensor([[0.0, 0, 0.3 + 0.1 * i, 1, 0, 0, 0, 0]]) for i in range(12)
    ]
    whole = [physics.go(physics.reference(1), Told(x), 0).bodies for x in heights]
    wanted = [caster.render(poses_of(x)) for x in whole]
    for fields, picture in zip(map(tuple, whole), wanted, strict=True):
        bodies = Bodies(*fields)
        told = pictures.describe(stage, own, bodies)
        assert torch.equal(told["depth"], picture.depth)
        assert torch.equal(pictures.frames(stage, own, bodies), picture.rgb)
        del bodies


def poses_of(bodies: Bodies) -> Poses:
    return Poses(
        bodies.geom_pos,
        bodies.geom_mat,
        bodies.camera_pos[:, 1],
        bodies.camera_mat[:, 1],
    )


class Noting(Renderer):
    """Draws nothing, and counts how often it is closed."""

    def __init__(self) -> None:
        self.view, self.device = View(8, 8), torch.device("cpu")
        self.closed = 0

    def render(self, poses: Poses) -> Picture:
        raise AssertionError("nobody looks")

    def frames(self, poses: Poses) -> torch.Tensor:
        raise AssertionError("nobody looks")

    def close(self) -> None:
        self.closed += 1


def test_who_closes_a_world_releases_all_that_draws() -> None:
    eye, above = Noting(), Noting()
    pictures = Pictures(Camera(0, Chosen(eye, "")), Camera(1, Chosen(above, "")))
    world = MujocoWorld(Dropped(), ThreadedPhysics(MODEL), pictures)
    NativeVectorEnv(world, NUM).close()
    assert (eye.closed, above.closed) == (1, 1)
