"""Styles: each of their numbers moves one thing, and by as much as it should."""

from math import pi

import mujoco
import pytest
import torch
from torch import Tensor

from envs.mujoco.renderers.renderer import Lights, Poses
from envs.mujoco.social_room.config import SocialRoomConfig
from envs.mujoco.social_room.styles import Styles
from envs.mujoco.world import MujocoWorld
from envs.native_env import NativeVectorEnv

GEOMS = 3
MODEL = mujoco.MjModel.from_xml_string(
    "<mujoco><worldbody><light/>"
    "<geom size='1' rgba='.5 .4 .3 1'/><geom size='1' rgba='.2 .6 .9 1'/>"
    "<geom size='1' rgba='.1 .3 .7 .5'/></worldbody></mujoco>"
)
STYLES = Styles(MODEL, "cpu")
PLAIN = torch.full((1, STYLES.size), 0.5)


def but(number: int, value: float) -> Tensor:
    """The plain style with one number changed."""
    style = PLAIN.clone()
    style[0, number] = value
    return style


def worn(style: Tensor) -> tuple[Tensor, Lights]:
    """Colours `[G, 4]` and lights of one world."""
    none, axes = torch.zeros(1, GEOMS, 3), torch.eye(3).expand(1, GEOMS, 3, 3)
    poses = STYLES.worn(style, Poses(none, axes, none[:, 0], axes[:, 0]))
    assert poses.geom_rgba is not None
    assert poses.lights is not None
    return poses.geom_rgba[0], poses.lights


def test_the_eye_has_a_number_for_its_height_and_one_for_its_pitch() -> None:
    assert STYLES.size == 5 + 3 * GEOMS
    for number in range(STYLES.size):
        for value in (0.0, 0.75):
            style, around = but(number, value), 2 * value - 1
            height = 1.5 + (0.3 * around if number == 0 else 0)
            pitch = 0.17 + (0.08 * around if number == 1 else 0)
            assert float(STYLES.eye(style)) == pytest.approx(height)
            assert float(STYLES.pitch(style)) == pytest.approx(pitch)


def test_the_lamp_shines_from_above_where_its_numbers_say() -> None:
    for number in range(STYLES.size):
        lights = worn(but(number, 0.75))[1]
        way = torch.tensor([0.5 * (number == 2), 0.5 * (number == 3), -1.0])
        wanted = way / way.norm()
        torch.testing.assert_close(lights.direction, wanted.expand(1, 1, 3))
        power = 0.5 + 0.3 * 0.5 * (number == 4)
        torch.testing.assert_close(lights.diffuse, torch.full((1, 1, 3), power))
        assert not lights.ambient.any()


def test_each_geom_has_three_numbers_for_its_colour() -> None:
    own = torch.from_numpy(MODEL.geom_rgba)
    for number in range(STYLES.size):
        wanted = own.clone()
        if number >= 5:
            geom, channel = divmod(number - 5, 3)
            wanted[geom, channel] *= 1 - 0.35
        torch.testing.assert_close(worn(but(number, 0.0))[0], wanted)
    bright, _ = worn(torch.ones(1, STYLES.size))
    assert float(bright.max()) == 1
    torch.testing.assert_close(bright[:, 3], own[:, 3])


def test_eyes_of_varied_rooms_look_down_by_their_own_pitch() -> None:
    env = SocialRoomConfig(pixels=0, varied=True).build(20, "cpu")
    env.reset(seed=0)
    assert isinstance(env, NativeVectorEnv)
    assert isinstance(env.world, MujocoWorld)
    model = mujoco.MjModel.from_xml_string(env.world.stage.xml)
    state = env.state_dict()["state"]
    style, bodies = state["own"]["style"], state["bodies"]
    eye = model.camera("eye").id
    down = torch.asin(bodies["camera_mat"][:, eye, 2, 2])  # it looks along -z
    torch.testing.assert_close(down, 0.17 + 0.08 * (2 * style[:, 1] - 1))
    assert 0 < float(down.min()) < float(down.max()) < pi / 4
    height = bodies["camera_pos"][:, eye, 2]
    torch.testing.assert_close(height, 1.5 + 0.3 * (2 * style[:, 0] - 1))
    assert abs(torch.corrcoef(torch.stack([down, height]))[0, 1]) < 0.7
