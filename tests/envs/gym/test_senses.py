"""What is seen of Gymnasium envs beside, or instead of, one image."""

from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Dict, Discrete, Tuple
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv

from envs.check import check_env, random_action
from envs.gym.env import GymnasiumConfig, GymnasiumVectorEnv
from envs.gym.senses import Rendering

IMAGE = Box(0, 255, (6, 8, 3), np.uint8)


def dials(num: int, dtype: Any = np.float32) -> Box:
    return Box(-np.inf, np.inf, (num,), dtype)


class Cockpit(gymnasium.Env[Any, Any]):
    """A camera, a dial of luck and step, and a lever; episodes of 6 to 9 steps."""

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"]}  # noqa: RUF012
    action_space = Box(-2.0, 2.0, (1,), np.float32)

    def __init__(
        self, space: Dict | Box | None = None, render_mode: str | None = None
    ) -> None:
        self.render_mode = render_mode
        self.observation_space = space or Dict(
            {"zoo": dials(2, np.float64), "camera": IMAGE, "arm": dials(1)}
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.luck, self.steps = int(self.np_random.integers(250)), 0
        self.lever = 0.0
        return self.see(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.steps, self.lever = self.steps + 1, float(action[0])
        over = self.steps >= 6 + self.luck % 4
        return self.see(), self.lever, over, False, {}

    def see(self) -> Any:
        parts = {
            "camera": self.render(),
            "zoo": np.array([self.luck, self.steps], np.float64),
            "arm": np.array([self.lever], np.float32),
        }
        space = self.observation_space
        if isinstance(space, Dict):
            fit = {
                k
                for k, x in parts.items()
                if k in space.spaces and x.shape == space[k].shape
            }
            return {k: parts[k] if k in fit else space[k].sample() for k in space}
        return parts["zoo"]

    def render(self) -> Any:
        frame = np.zeros((6, 8, 3), np.uint8)
        frame[..., 0], frame[..., 1] = self.luck, self.steps
        return frame


def cockpits(
    space: Dict | Box | None = None, render_mode: str | None = None
) -> SyncVectorEnv:
    return SyncVectorEnv([lambda: Cockpit(space, render_mode)] * 3)


def test_an_image_among_vectors_is_seen_and_they_are_joined_by_key(
    generator: torch.Generator,
) -> None:
    check_env(lambda: GymnasiumVectorEnv(cockpits()), 40)
    env = GymnasiumVectorEnv(cockpits())
    assert (env.spec.obs_shape, env.spec.vector_size) == ((3, 6, 8), 3)
    row = env.reset(seed=5)
    assert len(set(row.obs[:, 0, 0, 0].tolist())) == 3
    for _ in range(30):
        action = random_action(env, generator)
        row = env.step(action)
        assert row.vector is not None
        lever = (2 * action[:, 0]).masked_fill(row.first, 0)
        torch.testing.assert_close(row.vector[:, 0], lever)  # `arm` comes first
        assert torch.equal(row.vector[:, 1], row.obs[:, 0, 0, 0].float())
        assert torch.equal(row.vector[:, 2], row.obs[:, 1, 0, 0].float())


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_processes_show_the_same() -> None:
    envs = [
        GymnasiumVectorEnv(kind([Cockpit] * 2, autoreset_mode=AutoresetMode.NEXT_STEP))
        for kind in (SyncVectorEnv, AsyncVectorEnv)
    ]
    rows = [env.reset(seed=1) for env in envs]
    for _ in range(12):
        one, two = rows
        assert one.vector is not None
        assert two.vector is not None
        assert torch.equal(one.vector, two.vector)
        assert torch.equal(one.obs, two.obs)
        rows = [env.step(torch.full((2, 1), 0.3)) for env in envs]
    for env in envs:
        env.close()


def test_a_camera_alone_needs_no_rendering() -> None:
    env = GymnasiumVectorEnv(cockpits(Dict({"camera": IMAGE})))
    assert (env.spec.obs_shape, env.spec.vector_size) == ((3, 6, 8), 0)
    assert env.reset(seed=0).vector is None


@pytest.mark.parametrize(
    "space",
    [
        Dict({"camera": IMAGE, "second": IMAGE}),
        Dict({"camera": IMAGE, "arm": dials(1), "mode": Discrete(3)}),
        Dict({"camera": IMAGE, "arm": Box(0.0, 1.0, (2, 2), np.float32)}),
        Dict({"arm": dials(1)}),
    ],
)
def test_other_dictionaries_are_drawn_by_wish_alone(space: Dict) -> None:
    """Where there is something like an image, that is; nothing replaces it unasked."""
    match = "`image`" if "camera" in space.spaces else 'render_mode="rgb_array"'
    with pytest.raises(ValueError, match=match):
        GymnasiumVectorEnv(cockpits(space))
    env = GymnasiumVectorEnv(cockpits(space, "rgb_array"), draw=True)
    assert (env.spec.obs_shape, env.spec.vector_size) == ((3, 84, 84), 0)
    assert env.spec.about.startswith("pictures of it, 84 × 84, in place of its obs")
    assert env.reset(seed=5).vector is None


def test_one_image_of_several_things_is_seen_by_name() -> None:
    space = Dict({"camera": IMAGE, "arm": dials(1), "mode": Discrete(3)})
    envs = SyncVectorEnv([lambda: Cockpit(space)] * 2)
    env = GymnasiumVectorEnv(envs, image="camera")
    row = env.reset(seed=5)
    assert (env.spec.obs_shape, env.spec.vector_size) == ((3, 6, 8), 1)
    assert len(set(row.obs[:, 0, 0, 0].tolist())) == 2
    about = "its own images at 'camera' and vectors (arm), without mode"
    assert env.spec.about == about
    with pytest.raises(ValueError, match=r"no image 'kamera' .* only camera"):
        GymnasiumVectorEnv(envs, image="kamera")
    with pytest.raises(ValueError, match="leave one of them out"):
        GymnasiumVectorEnv(envs, image="camera", draw=True)


class Nested(Cockpit):
    """Its camera and its dials lie deeper."""

    def see(self) -> Any:
        zoo = np.array([self.luck, self.steps], np.float64)
        return {"head": {"eyes": (self.render(),)}, "body": {"zoo": zoo}}


def test_what_lies_deeper_is_reached() -> None:
    space = Dict(
        {
            "head": Dict({"eyes": Tuple([IMAGE])}),
            "body": Dict({"zoo": dials(2, np.float64)}),
        }
    )
    check_env(
        lambda: GymnasiumVectorEnv(SyncVectorEnv([lambda: Nested(space)] * 3)), 30
    )
    env = GymnasiumVectorEnv(SyncVectorEnv([lambda: Nested(space)] * 3))
    row = env.reset(seed=5)
    assert row.vector is not None
    assert torch.equal(row.vector[:, 0], row.obs[:, 0, 0, 0].float())
    assert env.spec.about == "its own images at 'head/eyes/0' and vectors (body/zoo)"


@pytest.mark.parametrize("shape", [(4, 36, 30), (12, 36, 30), (36, 30, 6), (2, 36, 30)])
def test_any_number_of_planes_is_an_image(shape: tuple[int, ...]) -> None:
    class Planes(Cockpit):
        def see(self) -> Any:
            return np.arange(int(np.prod(shape))).reshape(shape).astype(np.uint8)

    envs = SyncVectorEnv([lambda: Planes(Box(0, 255, shape, np.uint8))] * 2)
    env = GymnasiumVectorEnv(envs)
    first = shape[0] < 36
    assert env.spec.obs_shape == (shape if first else (6, 36, 30))
    seen = envs.envs[0].unwrapped.see()  # type: ignore[attr-defined]
    shown = env.reset(seed=0).obs[0].numpy()
    assert (shown == (seen if first else seen.transpose(2, 0, 1))).all()


@pytest.mark.parametrize(
    ("space", "match"),
    [
        (Box(0.0, 1.0, (36, 36, 3), np.float32), "255 \\* x"),
        (Box(0, 65535, (36, 36), np.uint16), "images of bytes"),
        (Box(0, 255, (4, 36, 36, 3), np.uint8), "images of bytes"),
        (Dict({"image": Box(0.0, 1.0, (36, 36, 3)), "arm": dials(1)}), "at 'image'"),
    ],
)
def test_images_that_are_not_bytes_are_not_replaced_unasked(
    space: Any, match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        GymnasiumVectorEnv(cockpits(space, "rgb_array"))
    assert GymnasiumVectorEnv(cockpits(space, "rgb_array"), draw=True).spec.about


def test_a_size_of_pictures_that_would_do_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="`rendering` does not change"):
        GymnasiumVectorEnv(cockpits(IMAGE), rendering=Rendering(grayscale=True))
    envs = cockpits(IMAGE, "rgb_array")
    env = GymnasiumVectorEnv(envs, rendering=Rendering(6, 8), draw=True)
    assert env.spec.obs_shape == (3, 6, 8)


def test_four_channels_are_an_image() -> None:
    class Rgba(Cockpit):
        def see(self) -> Any:
            return np.dstack([self.render(), np.full((6, 8), 9, np.uint8)])

    space = Box(0, 255, (6, 8, 4), np.uint8)
    env = GymnasiumVectorEnv(SyncVectorEnv([lambda: Rgba(space)] * 2))
    row = env.reset(seed=0)
    assert row.obs.shape == (2, 4, 6, 8)
    assert (row.obs[:, 3] == 9).all()


def test_a_drawn_vector_is_kept_only_by_wish() -> None:
    def make(vector: bool) -> GymnasiumVectorEnv:
        envs = cockpits(dials(2, np.float64), "rgb_array")
        return GymnasiumVectorEnv(envs, vector=vector)

    assert make(False).spec.vector_size == 0
    assert make(False).reset(seed=3).vector is None
    check_env(lambda: make(True), 40)
    env = make(True)
    env.reset(seed=3)
    row = env.step(torch.zeros(3, 1))
    assert row.vector is not None
    assert row.vector[:, 1].tolist() == [1.0] * 3
    assert torch.equal(row.vector[:, 0], row.obs[:, 0, 0, 0].float())


def test_vectors_of_goals_are_joined_by_wish() -> None:
    both = Dict({"zoo": dials(2, np.float64), "arm": dials(1)})
    env = GymnasiumVectorEnv(cockpits(both, "rgb_array"), vector=True)
    row = env.reset(seed=3)
    assert row.vector is not None
    assert torch.equal(row.vector[:, 1], row.obs[:, 0, 0, 0].float())
    assert row.vector.shape == (3, 3)


@pytest.mark.parametrize("space", [IMAGE, Dict({"mode": Discrete(3)})])
def test_a_vector_that_is_not_there_is_refused(space: Any) -> None:
    with pytest.raises(ValueError, match="no vector of floats"):
        GymnasiumVectorEnv(cockpits(space, "rgb_array"), vector=True)


def test_pendulum_shows_its_angle_by_wish() -> None:
    pytest.importorskip("pygame")
    assert GymnasiumConfig("Pendulum-v1").build(1, "cpu").spec.vector_size == 0
    config = GymnasiumConfig("Pendulum-v1", vector=True)
    check_env(lambda: config.build(2, "cpu"), num_steps=12)
    row = config.build(2, "cpu").reset(seed=0)
    assert row.vector is not None
    angle = row.vector[:, :2].square().sum(1)  # its cosine and its sine
    torch.testing.assert_close(angle, torch.ones(2))
