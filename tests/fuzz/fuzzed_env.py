"""A Gymnasium env that shows, takes and does whatever it is told to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np


class Broken(Exception):
    """Of the env's author: whoever tells of it names it."""


@dataclass(frozen=True)
class Habits:
    """What such an env does.

    Attributes:
        space, actions: what it says of itself; may be no spaces at all.
        shows: `own` samples of its space, or something else, by name.
        reward, ends, drawn: what `step` and `render` give, by name.
        fails_at: the step that raises; -1 never does.
        modes: its render modes.
    """

    space: Any
    actions: Any
    shows: str = "own"
    reward: str = "number"
    ends: str = "bools"
    drawn: str = "picture"
    fails_at: int = -1
    modes: tuple[str, ...] = ("rgb_array",)


REWARDS: Mapping[str, Any] = {
    "number": 0.5,
    "int": 2,
    "numpy": np.float64(0.25),
    "bool": True,
    "nan": float("nan"),
    "inf": float("inf"),
    "huge": 1e300,
    "none": None,
    "text": "1",
    "list": [1.0, 2.0],
    "one": np.array([1.0]),
    "zero-d": np.array(1.0),
    "complex": 1j,
    "dict": {},
}
ENDS: Mapping[str, tuple[Any, Any]] = {
    "bools": (False, False),
    "over": (True, False),
    "both": (True, True),
    "ints": (0, 1),
    "numpy": (np.bool_(False), np.bool_(True)),
    "none": (None, None),
    "text": ("no", ""),
    "lists": ([False], [False]),
    "nan": (float("nan"), False),
}
DRAWN: Mapping[str, Any] = {
    "picture": np.full((20, 30, 3), 7, np.uint8),
    "small": np.zeros((1, 1, 3), np.uint8),
    "gray": np.zeros((20, 30), np.uint8),
    "clear": np.zeros((20, 30, 4), np.uint8),
    "floats": np.zeros((20, 30, 3)),
    "empty": np.zeros((0, 30, 3), np.uint8),
    "none": None,
    "list": [np.zeros((20, 30, 3), np.uint8)],
    "text": "a picture",
}


class FuzzedEnv(gymnasium.Env[Any, Any]):
    """Follows its habits."""

    def __init__(self, habits: Habits, render_mode: str | None = None) -> None:
        self.habits, self.render_mode = habits, render_mode
        self.metadata = {"render_modes": list(habits.modes), "render_fps": 30}
        self.observation_space, self.action_space = habits.space, habits.actions
        self.steps = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> Any:
        super().reset(seed=seed)
        self.steps = 0
        if self.habits.shows == "no info":
            return self.seen()
        return self.seen(), {}

    def step(self, action: Any) -> Any:
        self.steps += 1
        if self.steps == self.habits.fails_at:
            raise Broken("the world broke")
        terminated, truncated = ENDS[self.habits.ends]
        reward = REWARDS[self.habits.reward]
        if self.habits.shows == "old api":
            return self.seen(), reward, terminated, {}
        return self.seen(), reward, terminated, truncated, {}

    def seen(self) -> Any:
        shows = self.habits.shows
        if shows == "nan" and isinstance(self.observation_space, gymnasium.spaces.Box):
            bad = np.full(self.observation_space.shape, np.nan)
            floats = np.issubdtype(self.observation_space.dtype, np.floating)
            if floats and self.steps == 2:
                return bad.astype(self.observation_space.dtype)
        if shows == "none":
            return None
        if shows == "scalar":
            return 3
        if shows == "other shape":
            return np.zeros((2, 3, 5), np.float64)
        if shows == "list":
            return [0.0, 1.0]
        return self.observation_space.sample()

    def render(self) -> Any:
        return DRAWN[self.habits.drawn]
