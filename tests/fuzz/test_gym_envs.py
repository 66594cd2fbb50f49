"""Gymnasium envs of any space, and with any habits, recorded and trained in."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.fuzzed_env import DRAWN, ENDS, REWARDS, FuzzedEnv, Habits
from tests.fuzz.outcome import cases, check_kept, curious, held
from world_models.data.dataset import open_dataset

SHAPES = (
    *((4,), (4,), (1,), (0,), (), (12, 10, 3), (12, 10, 3), (3, 12, 10), (12, 10)),
    *(
        (12, 10, 1),
        (12, 10, 4),
        (12, 10, 7),
        (2, 3, 4, 5),
        (2, 2),
        (1, 1, 1),
        (9, 9, 9),
    ),
)
DTYPES = (
    *(np.float32, np.float32, np.uint8, np.uint8, np.float64, np.int64, np.int8),
    *(np.float16, np.uint16, np.bool_),
)


@st.composite
def boxes(draw: st.DrawFn) -> spaces.Box:
    shape, dtype = draw(st.sampled_from(SHAPES)), draw(st.sampled_from(DTYPES))
    if dtype == np.uint8:
        return spaces.Box(0, 255, shape, np.uint8)
    if dtype == np.bool_:
        return spaces.Box(0, 1, shape, np.int8)
    low: float
    high: float
    low, high = draw(st.sampled_from(((-1, 1), (0, 1), (0, 0), (-5, 7))))
    if np.issubdtype(dtype, np.unsignedinteger):
        low = 0
    if np.issubdtype(dtype, np.floating) and draw(st.integers(0, 3)) == 0:
        low, high = draw(
            st.sampled_from(((-np.inf, np.inf), (0, np.inf), (-np.inf, 3)))
        )
    return spaces.Box(low, high, shape, dtype)


LEAVES = st.one_of(
    boxes(),
    boxes(),
    st.builds(spaces.Discrete, st.sampled_from((1, 2, 5, 5000))),
    st.builds(spaces.MultiBinary, st.sampled_from((1, 3, 20))),
    st.builds(
        spaces.MultiDiscrete, st.sampled_from(([2], [2, 3], [[2, 2], [3, 1]], [99, 99]))
    ),
    st.just(spaces.Text(5)),
    st.just(spaces.Sequence(spaces.Discrete(3))),
)
SPACES: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda x: st.one_of(
        st.dictionaries(
            st.sampled_from(("image", "state", "a/b", "ä", "0")), x, max_size=3
        ).map(spaces.Dict),
        st.lists(x, max_size=3).map(spaces.Tuple),
    ),
    max_leaves=4,
)
USUAL = st.sampled_from((spaces.Discrete(3), spaces.Box(-1, 1, (2,), np.float32)))


@dataclass(frozen=True)
class World:
    habits: Habits
    flags: tuple[str, ...]
    trains: bool


@st.composite
def worlds(draw: st.DrawFn) -> World:
    kind = draw(st.sampled_from(("space", "space", "actions", "habits", "habits")))
    image = spaces.Box(0, 255, (12, 10, 3), np.uint8)
    vector = spaces.Box(-1, 1, (4,), np.float32)
    usual = st.sampled_from((image, vector))
    space = draw(SPACES if kind == "space" else usual)
    actions = draw(SPACES if kind == "actions" else USUAL)
    habits = Habits(space, actions)
    if kind == "habits":
        shows = ("own", "own", "own", "nan", "none", "scalar", "other shape", "list")
        habits = Habits(
            draw(st.sampled_from((space, space, space, None, "Box", spaces.Discrete))),
            actions,
            draw(st.sampled_from((*shows, "no info", "old api"))),
            draw(st.sampled_from(("number", *REWARDS))),
            draw(st.sampled_from(("bools", *ENDS))),
            draw(st.sampled_from(("picture", *DRAWN))),
            draw(st.sampled_from((-1, -1, 1, 3))),
            draw(st.sampled_from((("rgb_array",), ("human",), ("ansi",), ()))),
        )
    options = (
        *("--world.draw", "--world.vector", "--world.image=image", "--world.reach=0.5"),
        *(
            "--world.image=",
            "--world.rendering.grayscale",
            "--world.rendering.height=9",
        ),
        "--facts",
    )
    flags = draw(st.lists(st.sampled_from(options), max_size=2, unique=True))
    return World(habits, tuple(flags), draw(st.sampled_from((True, False, False))))


@contextmanager
def registered(habits: Habits) -> Iterator[str]:
    def make(**kwargs: Any) -> FuzzedEnv:
        return FuzzedEnv(habits, **kwargs)

    gymnasium.register("Fuzzed-v0", entry_point=make)
    try:
        yield "Fuzzed-v0"
    finally:
        del gymnasium.registry["Fuzzed-v0"]


def check(world: World) -> None:
    """It is recorded as it is, or somebody is told what is wrong with it."""
    with TemporaryDirectory(prefix="fuzz") as name, registered(world.habits) as label:
        root = Path(name)
        (root / "mine.txt").write_text("all I have")
        before = held(root)
        place = ("--world", "gymnasium", "--world.id", label, "--num-envs", "2")
        if world.trains:
            flags = [x for x in world.flags if x != "--facts"]
            done = curious(
                *("train", "ppo", "--size", "debug", *place, "--env-steps", "20"),
                *("--agent.ppo.num-steps", "5", "--agent.ppo.num-minibatches", "1"),
                *("--video-steps", "0", "--runs", f"{root}/runs", *flags),
            )
        else:
            steps = ("--steps", "8", "--out", f"{root}/data")
            done = curious("record", *place, *steps, *world.flags)
        check_kept(before, root)
        if done.code == 0 and not world.trains:
            check_recorded(world, root / "data")


def check_recorded(world: World, path: Path) -> None:
    """Rewards are those that the env gave, and nothing that is no number is there."""
    dataset = open_dataset(path)
    dataset.verify()
    block = next(x for _, x in dataset.reader.blocks())
    if "vector" in block:
        assert np.isfinite(block["vector"]).all()
    acted = ~block["first"]
    wanted = np.float32(REWARDS[world.habits.reward])
    assert (block["reward"][acted] == wanted).all()
    assert (block["reward"][~acted] == 0).all()


CASES = worlds()


@cases(12, repeated=True)
@given(worlds())
def test_a_few_gym_envs(world: World) -> None:
    check(world)


@pytest.mark.slow
@cases(250, repeated=False)
@given(worlds())
def test_many_gym_envs(world: World) -> None:
    check(world)
