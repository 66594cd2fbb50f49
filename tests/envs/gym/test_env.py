import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete, Tuple
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

from envs.check import check_env, random_action
from envs.gym.env import GymnasiumConfig, GymnasiumVectorEnv
from envs.gym.senses import Rendering
from envs.vector_env import DiscreteActions

ID = "CountingForTests-v0"


class Counting(gymnasium.Env[Any, Any]):
    """Shows (seed's luck, episode, step, last action); even episodes terminate.

    An episode lasts `3 + luck % 4 + episode % 2` steps; step s pays s.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"]}  # noqa: RUF012

    def __init__(
        self,
        shape: tuple[int, ...] = (6, 8, 3),
        axis: int = -1,
        image: bool = True,
        render_mode: str | None = None,
    ) -> None:
        self.shape, self.axis, self.image = shape, axis, image
        self.render_mode = render_mode
        self.action_space = Discrete(5, start=2)
        self.observation_space = (
            Box(0, 255, shape, np.uint8) if image else Box(-1.0, 1.0, (2,), np.float32)
        )
        self.luck = self.episode = -1

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        if seed is not None or self.luck < 0:
            self.luck, self.episode = int(self.np_random.integers(200)), -1
        self.episode, self.steps, self.last = self.episode + 1, 0, 0
        return self.see(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action)
        self.steps, self.last = self.steps + 1, int(action)
        over = self.steps >= 3 + self.luck % 4 + self.episode % 2
        even = self.episode % 2 == 0
        # Odd episodes say both things at once now and then, as time limits do.
        both = over and self.episode % 4 == 2
        return (
            self.see(),
            float(self.steps),
            over and even,
            (over and not even) or both,
            {},
        )

    def see(self) -> Any:
        return self.draw() if self.image else np.zeros(2, np.float32)

    def draw(self) -> Any:
        grey = np.zeros((6, 8), np.uint8)
        grey[0, :4] = self.luck, self.episode, self.steps, self.last
        grey[3:] = 200
        if len(self.shape) == 2:
            return grey
        return np.stack([grey // (i + 1) for i in range(3)], self.axis)

    def render(self) -> Any:
        return self.draw()


def sync(num: int = 3, **kwargs: Any) -> SyncVectorEnv:
    return SyncVectorEnv([lambda: Counting(**kwargs)] * num)


def play(env: GymnasiumVectorEnv, steps: int) -> None:
    """Every row shows the step, the episode and the action that it should."""
    generator = torch.Generator().manual_seed(1)
    row = env.reset(seed=4)
    luck, ended = row.obs[:, 0, 0, 0].tolist(), row.first & False
    assert len(set(luck)) == env.spec.num_envs  # seeded apart
    episode = [0] * env.spec.num_envs
    step = [0] * env.spec.num_envs
    for _ in range(steps):
        action = random_action(env, generator)
        row = env.step(action)
        assert torch.equal(row.first, ended)
        for i in range(env.spec.num_envs):
            begins = bool(ended[i])
            step[i] = 0 if begins else step[i] + 1
            episode[i] += begins
            last = 0 if begins else int(action[i]) + 2
            assert row.obs[i, 0, 0, :4].tolist() == [luck[i], episode[i], step[i], last]
            assert row.reward[i] == step[i]
            over = step[i] >= 3 + luck[i] % 4 + episode[i] % 2
            assert bool(row.terminated[i]) == (over and episode[i] % 2 == 0)
            assert bool(row.truncated[i]) == (over and episode[i] % 2 == 1)
        ended = row.terminated | row.truncated
    env.close()
    assert min(episode) > 3


@pytest.mark.parametrize(
    ("shape", "axis", "channels"),
    [((6, 8, 3), -1, 3), ((3, 6, 8), 0, 3), ((6, 8), 0, 1)],
)
def test_rows_of_images_line_up(
    shape: tuple[int, ...], axis: int, channels: int
) -> None:
    env = GymnasiumVectorEnv(sync(shape=shape, axis=axis))
    assert env.spec.obs_shape == (channels, 6, 8)
    assert env.spec.actions == DiscreteActions(5)
    play(env, 40)


def test_rows_of_drawn_worlds_line_up() -> None:
    """No resize, so that the numbers stay readable."""
    envs = sync(image=False, render_mode="rgb_array")
    env = GymnasiumVectorEnv(envs, rendering=Rendering(height=6, width=8))
    assert env.spec.obs_shape == (3, 6, 8)
    play(env, 40)


def test_drawn_in_grey_and_resized() -> None:
    envs = sync(2, image=False, render_mode="rgb_array")
    env = GymnasiumVectorEnv(envs, rendering=Rendering(12, 20, grayscale=True))
    obs = env.reset(seed=0).obs
    assert obs.shape == (2, 1, 12, 20)
    # red 200, green 100, blue 66 weigh .299, .587 and .114
    assert (obs[:, 0, 8:] == 126).all()


@pytest.mark.parametrize(
    "make",
    [
        lambda: GymnasiumVectorEnv(sync()),
        lambda: GymnasiumVectorEnv(sync(image=False, render_mode="rgb_array")),
    ],
)
def test_contract(make: Callable[[], GymnasiumVectorEnv]) -> None:
    check_env(make, num_steps=60)


def test_an_episode_that_ended_begins_anew_though_others_were_reset_between() -> None:
    env, action = GymnasiumVectorEnv(sync()), torch.zeros(3, dtype=torch.int64)
    row = env.reset(seed=4)
    ended = row.terminated
    while not ended.any():
        row = env.step(action)
        ended = row.terminated | row.truncated
    assert not ended.all()
    env.reset(mask=~ended)
    row = env.step(action)
    assert torch.equal(row.first, ended)
    assert torch.equal(row.obs[:, 0, 0, 2] == 0, ended)  # the step of the episode
    assert torch.equal(row.reward, (~ended).float())
    env.close()


def test_actions_that_do_not_exist() -> None:
    env = GymnasiumVectorEnv(sync(2))
    env.reset(seed=0)
    with pytest.raises(ValueError, match="0 … 4"):
        env.step(torch.tensor([0, 5]))


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_registered_by_name() -> None:
    gymnasium.register(ID, lambda **kwargs: Counting(**kwargs))
    try:
        play(GymnasiumConfig(ID).build(3, "cpu"), 30)
        play(GymnasiumConfig(ID, processes=True).build(2, "cpu"), 30)
        for name in ("CountingForTest-v0", "CountingForTests-v7", "Counting For-Tests"):
            with pytest.raises(ValueError, match=f"Did you mean {ID}"):
                GymnasiumConfig(name).build(3, "cpu")
        with pytest.raises(ValueError, match=r"no env 'Xylophone-v0'\. All names"):
            GymnasiumConfig("Xylophone-v0").build(3, "cpu")
    finally:
        del gymnasium.registry[ID]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("CountingForTests-v9", f"Did you mean {__name__}:{ID}\\? All"),
        ("CartPole-v1x", f"{__name__} registers {ID}. All"),  # another's, though near
    ],
)
def test_a_module_that_registers_its_own_is_searched_alone(
    wanted: str, said: str
) -> None:
    gymnasium.register(ID, f"{__name__}:Counting")
    try:
        with pytest.raises(ValueError, match=said):
            GymnasiumConfig(f"{__name__}:{wanted}").build(1, "cpu")
    finally:
        del gymnasium.registry[ID]


def test_cartpole_is_drawn() -> None:
    pytest.importorskip("pygame")
    check_env(lambda: GymnasiumConfig("CartPole-v1").build(2, "cpu"), num_steps=40)


@pytest.mark.skipif(sys.platform != "linux", reason="SDL has screens elsewhere")
def test_drawing_without_a_screen_says_nothing() -> None:
    """In a process of its own: SDL complains once, when it begins."""
    pytest.importorskip("pygame")
    screens = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER", "XDG_RUNTIME_DIR")
    code = "from envs.gym.env import GymnasiumConfig as G; G().build(1, 'cpu').reset()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={k: x for k, x in os.environ.items() if k not in screens},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "XDG_RUNTIME_DIR" not in done.stderr + done.stdout


def test_what_cannot_be_taken_is_refused() -> None:
    same_step = SyncVectorEnv([Counting] * 2, autoreset_mode=AutoresetMode.SAME_STEP)
    with pytest.raises(ValueError, match="make it with autoreset_mode"):
        GymnasiumVectorEnv(same_step)
    with pytest.raises(ValueError, match='render_mode="rgb_array"'):
        GymnasiumVectorEnv(sync(image=False))
    many = sync()
    many.single_action_space = Tuple([Discrete(2), Discrete(3)])
    with pytest.raises(ValueError, match="wrap the env"):
        GymnasiumVectorEnv(many)
    many.single_action_space = MultiBinary(13)
    with pytest.raises(ValueError, match="8,192 combinations of 13 choices"):
        GymnasiumVectorEnv(many)


class Deaf(VectorEnv[Any, Any, Any]):
    """Somebody's vector env that resets all its envs whatever the mask."""

    metadata: dict[str, Any] = {  # noqa: RUF012
        "autoreset_mode": AutoresetMode.NEXT_STEP
    }
    num_envs = 2
    single_observation_space = Box(0, 255, (4, 5), np.uint8)
    observation_space = Box(0, 255, (2, 4, 5), np.uint8)
    single_action_space = Discrete(2)
    action_space = MultiDiscrete([2, 2])

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        self.seen = np.zeros((2, 4, 5), np.uint8)
        return self.seen, {}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        self.seen += 1  # in place: the adapter has to copy
        return self.seen, np.ones(2), np.zeros(2, bool), np.zeros(2, bool), {}


def test_masks_that_are_not_heeded_are_noticed() -> None:
    env = GymnasiumVectorEnv(Deaf())
    before = env.reset(seed=0)
    row = env.step(torch.zeros(2, dtype=torch.int64))
    assert (before.obs == 0).all()
    assert (row.obs == 1).all()
    nobody = env.reset(mask=torch.zeros(2, dtype=torch.bool))
    assert torch.equal(nobody.obs, row.obs)
    with pytest.raises(RuntimeError, match="Deaf does not heed"):
        env.reset(mask=torch.tensor([True, False]))
