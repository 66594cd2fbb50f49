"""What is said of Gymnasium envs that break its contract: one sentence each."""

from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Dict, Discrete, Tuple

from envs.gym.env import GymnasiumConfig
from envs.vector_env import WorldError

ID = "BrokenForTests-v0"
IMAGE = Box(0, 255, (9, 8, 3), np.uint8)
BLACK = np.zeros((9, 8, 3), np.uint8)
VECTOR = Box(-1.0, 1.0, (2,), np.float32)


class Plain(gymnasium.Env[Any, Any]):
    """Nothing is wrong with it."""

    observation_space: Any = IMAGE
    action_space: Any = Discrete(2)
    shown: Any = BLACK
    reward: Any = 1.0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> Any:
        super().reset(seed=seed)
        return self.shown, {}

    def step(self, action: Any) -> Any:
        return self.shown, self.reward, False, False, {}


class Drawn(Plain):
    """Shows a vector, and what it draws is given."""

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"]}  # noqa: RUF012
    observation_space: Any = VECTOR
    shown: Any = np.zeros(2, np.float32)
    drawn: Any = BLACK

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode

    def render(self) -> Any:
        return self.drawn


class NoModes(Plain):
    observation_space: Any = VECTOR


class Human(Drawn):
    metadata: dict[str, Any] = {"render_modes": ["human"]}  # noqa: RUF012


class NoArgument(NoModes):
    metadata: dict[str, Any] = {"render_modes": ["rgb_array"]}  # noqa: RUF012


class Clear(Drawn):
    drawn: Any = np.zeros((9, 8, 4), np.uint8)


class Floats(Drawn):
    drawn: Any = np.zeros((9, 8, 3))


class Nothing(Drawn):
    drawn: Any = None


class Dtype(Plain):
    shown: Any = np.zeros((9, 8, 3), np.int64)


class Wide(Plain):
    shown: Any = np.zeros((9, 8, 3), np.uint16)  # it was wrapped around, silently


class Shape(Plain):
    shown: Any = np.zeros((9, 7, 3), np.uint8)


class Keys(Plain):
    observation_space: Any = Dict({"camera": IMAGE, "arm": VECTOR})
    shown: Any = {"camera": BLACK}  # noqa: RUF012


class Pair(Plain):
    observation_space: Any = Tuple([IMAGE])


class OldReset(Plain):
    def reset(self) -> Any:  # type: ignore[override]
        return self.shown


class ObservationAlone(Plain):
    def reset(self, **kwargs: Any) -> Any:
        return self.shown


class OldStep(Plain):
    def step(self, action: Any) -> Any:
        return self.shown, 1.0, False, {}


class Vector(Plain):
    reward: Any = np.ones(1)


class Unpaid(Plain):
    reward: Any = None


class Imaginary(Plain):
    reward: Any = 1j


class Listed(Plain):
    reward: Any = {}  # noqa: RUF012


class Unsure(Plain):
    def step(self, action: Any) -> Any:
        return self.shown, 1.0, None, False, {}


class Worded(Plain):
    def step(self, action: Any) -> Any:
        return self.shown, 1.0, "no", False, {}


class NoSpace(Plain):
    observation_space: Any = None


class Bug(Plain):
    def step(self, action: Any) -> Any:
        found: dict[str, Any] = {}
        return found["door"]


class Needs(Plain):
    def __init__(self, level: int) -> None:
        pass


@pytest.fixture
def registered(request: pytest.FixtureRequest) -> Iterator[str]:
    gymnasium.register(ID, request.param)
    yield ID
    del gymnasium.registry[ID]


def play(name: str, **kwargs: Any) -> Any:
    env = GymnasiumConfig(name, **kwargs).build(2, "cpu")
    try:
        env.reset(seed=0)
        return env.step(torch.zeros(2, dtype=torch.int64))
    finally:
        env.close()


@pytest.mark.parametrize(
    ("registered", "message"),
    [
        (NoModes, "cannot be drawn: its render modes are none"),
        (Human, "cannot be drawn: its render modes are human"),
        (NoArgument, "must take render_mode='rgb_array'"),
        (Clear, r"uint8 \(9, 8, 4\) with transparent pixels"),
        (Floats, r"gave float64 \(9, 8, 3\), where"),
        (Nothing, "gave nothing, where"),
        (Dtype, r"is int64 \(9, 8, 3\), but .* uint8 \(9, 8, 3\)"),
        (Wide, r"is uint16 \(9, 8, 3\), but .* uint8 \(9, 8, 3\)"),
        (Shape, r"is uint8 \(9, 7, 3\), but .* uint8 \(9, 8, 3\)"),
        (Keys, r"is \['camera'\], but its observation_space has \['arm', 'camera'\]"),
        (Pair, r"is uint8 \(9, 8, 3\), but its observation_space is a tuple of 1"),
        (OldReset, "it is of the old Gym API: reset"),
        (ObservationAlone, r"reset\(\) gave uint8 .* since Gym 0.26"),
        (OldStep, r"step\(\) gave a tuple of 4; since Gym 0.26"),
        (Vector, r"its reward is float64 \(1,\), where one number is meant"),
        (Unpaid, "its reward is nothing, where one number is meant"),
        (Imaginary, "its reward is a complex, where one number is meant"),
        (Listed, "its reward is a dict, where one number is meant"),
        (Unsure, "terminated is nothing, where one bool is meant"),
        (Worded, "terminated is a str, where one bool is meant"),
        (NoSpace, "its observation_space is None"),
        (Bug, r"fails in step\(\): KeyError: 'door' \(test_checked.py, line \d+\)"),
        (Needs, "missing 1 required positional argument: 'level'"),
    ],
    indirect=["registered"],
)
def test_what_is_wrong_is_said(registered: str, message: str) -> None:
    with pytest.raises(WorldError, match=message):
        play(registered)


@pytest.mark.parametrize("registered", [Plain], indirect=True)
def test_an_image_that_cannot_be_drawn_anew(registered: str) -> None:
    with pytest.raises(WorldError) as told:
        play(registered, draw=True)
    assert "render modes are none, without 'rgb_array'. Leave `draw`" in str(told.value)
    assert "no image" not in str(told.value)


class Grey(Drawn):
    drawn: Any = np.full((9, 8), 7, np.uint8)


class Opaque(Drawn):
    drawn: Any = np.full((9, 8, 4), [7, 7, 7, 255], np.uint8)


class Numbered(Plain):
    def step(self, action: Any) -> Any:
        return self.shown, self.reward, 0, np.int64(0), {}


@pytest.mark.parametrize("registered", [Plain, Grey, Opaque, Numbered], indirect=True)
def test_what_is_fine_is_let_be(registered: str) -> None:
    assert play(registered).reward.tolist() == [1.0, 1.0]


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("registered", [Wide], indirect=True)
def test_processes_say_the_same_and_say_it_once(
    registered: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(WorldError, match="is uint16"):
        play(registered, processes=True)
    assert capfd.readouterr() == ("", "")


def test_a_module_that_is_not_there() -> None:
    with pytest.raises(ValueError, match=r"'nowhere_envs'\. Run from the folder"):
        play("nowhere_envs:Plain-v0")
