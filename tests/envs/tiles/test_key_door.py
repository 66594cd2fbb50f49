import pytest
import torch
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    FakeTensorMode,
)

from envs.check import check_env, random_action
from envs.tiles.key_door import (
    FORWARD,
    LEFT,
    PICKUP,
    RIGHT,
    TOGGLE,
    KeyDoorConfig,
    KeyDoorState,
    KeyDoorWorld,
)
from envs.vector_env import Step

TO_KEY = [RIGHT, *[FORWARD] * 4]  # down the left wall, until the key is in front
TO_DOOR = [LEFT, *[FORWARD] * 2, LEFT, *[FORWARD] * 4, RIGHT]
TO_GOAL = [*[FORWARD] * 4, RIGHT, *[FORWARD] * 5]


def play(config: KeyDoorConfig, actions: list[int]) -> list[Step]:
    env = config.build(num_envs=1, device="cpu")
    return [env.reset(seed=0), *[env.step(torch.tensor([a])) for a in actions]]


def fact(row: Step, name: str) -> int:
    return int(row.facts[name])


@pytest.mark.parametrize(
    "config",
    [
        KeyDoorConfig(max_episode_steps=30),
        KeyDoorConfig(size=6, max_episode_steps=30, layout_seed=3),
        KeyDoorConfig(size=5, max_episode_steps=20),
        KeyDoorConfig(size=5, max_episode_steps=20, varied_layouts=True),
        KeyDoorConfig(size=9, max_episode_steps=30, varied_layouts=True),
    ],
)
def test_contract(config: KeyDoorConfig) -> None:
    check_env(lambda: config.build(num_envs=7, device="cpu"), num_steps=70)


def test_scripted_solution() -> None:
    actions = [*TO_KEY, PICKUP, *TO_DOOR, TOGGLE, *TO_GOAL]
    rows = play(KeyDoorConfig(), actions)
    assert [float(row.reward) for row in rows] == [0.0] * len(actions) + [1.0]
    assert [bool(row.terminated) for row in rows] == [False] * len(actions) + [True]
    names = ("x", "y", "room", "has_key", "door_open")
    seen = [tuple(fact(row, name) for name in names) for row in rows]
    assert seen[0] == (1, 1, 0, 0, 0)
    before_key, at_key = len(TO_KEY), len(TO_KEY) + 1
    assert seen[before_key : at_key + 1] == [(1, 5, 0, 0, 0), (1, 5, 0, 1, 0)]
    before_door = at_key + len(TO_DOOR)
    assert seen[before_door : before_door + 4] == [
        (3, 1, 0, 1, 0),
        (3, 1, 0, 1, 1),
        (4, 1, 0, 1, 1),  # the doorway still counts as the first room
        (5, 1, 1, 1, 1),
    ]
    assert seen[-1] == (6, 6, 1, 1, 1)


@pytest.mark.parametrize(("size", "shortest"), [(5, 13), (6, 17), (7, 21), (8, 25)])
def test_grids_of_other_sizes_are_solved_in_fewer_steps(
    size: int, shortest: int
) -> None:
    """The shortest solution of the standard layout, by breadth-first search."""
    world = KeyDoorWorld(KeyDoorConfig(size=size), "cpu")
    generator = torch.Generator()
    state, seen, steps = world.start(1, generator, None), torch.zeros(0), 0
    while True:
        repeated = KeyDoorState(*(x.repeat_interleave(5) for x in state))
        actions = torch.arange(5).repeat(len(state.place))
        outcome = world.transition(repeated, actions, generator)
        steps += 1
        if outcome.terminated.any():
            break
        after = outcome.state
        key = ((after.place * 4 + after.heading) * 2 + after.has_key) * 2
        key = key + after.door_open
        unique, back = key.unique(return_inverse=True)
        some = torch.zeros_like(unique).scatter_(0, back, torch.arange(len(key)))
        some = some[~torch.isin(unique, seen)]
        seen = torch.cat([seen, unique])
        state = KeyDoorState(*(x[some] for x in after))
    assert steps == shortest


def test_without_key_the_door_stays_shut() -> None:
    rows = play(KeyDoorConfig(), [FORWARD, FORWARD, TOGGLE, FORWARD, FORWARD])
    assert [fact(row, "x") for row in rows] == [1, 2, 3, 3, 3, 3]
    assert not any(fact(row, "door_open") for row in rows)


def test_the_key_is_in_the_way_until_it_is_taken() -> None:
    rows = play(KeyDoorConfig(), [PICKUP, *TO_KEY, FORWARD, TOGGLE, PICKUP, FORWARD])
    assert [fact(row, "y") for row in rows[-4:]] == [5, 5, 5, 6]
    assert [fact(row, "has_key") for row in rows[-4:]] == [0, 0, 1, 1]


def test_a_locked_door_needs_the_toggle_even_with_the_key() -> None:
    rows = play(KeyDoorConfig(), [*TO_KEY, PICKUP, *TO_DOOR, FORWARD, PICKUP, FORWARD])
    assert fact(rows[-1], "x") == 3
    assert fact(rows[-1], "door_open") == 0


def test_walls_stop() -> None:
    rows = play(KeyDoorConfig(), [LEFT, FORWARD, LEFT, FORWARD])
    assert {(fact(row, "x"), fact(row, "y")) for row in rows} == {(1, 1)}


def test_frames_differ_exactly_where_states_do() -> None:
    """All states of the standard layout, reachable or not."""
    world = KeyDoorWorld(KeyDoorConfig(), "cpu")
    start = world.start(1, torch.Generator(), None)
    size, door, key = world.size, int(start.door), int(start.key)
    states = [
        (place, heading, has_key, door_open)
        for y in range(1, size - 1)
        for x in range(1, size - 1)
        for place in [y * size + x]
        for heading in range(4)
        for has_key in (False, True)
        for door_open in (False, True)
        if x != door % size or (place == door and door_open)
        if place != key or has_key
    ]
    moving = [torch.tensor(column) for column in zip(*states, strict=True)]
    layout = [number.expand(len(states)) for number in start[4:]]
    frames = world.render(KeyDoorState(*moving, *layout)).flatten(1)
    assert len(states) > 400
    assert len(frames.unique(dim=0)) == len(states)


def test_layouts_vary_and_are_always_solvable() -> None:
    world = KeyDoorWorld(KeyDoorConfig(size=7, varied_layouts=True), "cpu")
    state = world.start(5_000, torch.Generator().manual_seed(1), None)
    x, y = {}, {}
    for name in ("place", "key", "door", "goal"):
        x[name], y[name] = getattr(state, name) % 7, getattr(state, name) // 7
        assert y[name].unique().tolist() == [1, 2, 3, 4, 5]
    # Both rooms are bare rectangles, so this order is all that a solution needs.
    assert (x["place"] >= 1).all()
    assert (x["place"] < x["door"]).all()
    assert (x["key"] >= 1).all()
    assert (x["key"] < x["door"]).all()
    assert (x["goal"] > x["door"]).all()
    assert (x["goal"] <= 5).all()
    assert (state.place != state.key).all()
    assert x["door"].unique().tolist() == [2, 3, 4]
    assert state.heading.unique().tolist() == [0, 1, 2, 3]


def test_a_layout_seed_fixes_another_layout() -> None:
    frames = []
    for seed in (None, 0, 1):
        env = KeyDoorConfig(layout_seed=seed, max_episode_steps=1).build(3, "cpu")
        first = env.reset(seed=5).obs
        env.step(torch.zeros(3, dtype=torch.int64))
        again = env.step(torch.zeros(3, dtype=torch.int64))
        assert again.first.all()
        assert torch.equal(first, again.obs)
        assert torch.equal(first, first[:1].expand_as(first))
        frames.append(first[0])
    assert len(torch.stack(frames).flatten(1).unique(dim=0)) == 3


@pytest.mark.parametrize("varied", [False, True])
def test_nothing_waits_for_the_device(varied: bool) -> None:
    """Fake tensors have no values: whatever looked at one would raise."""
    world = KeyDoorWorld(KeyDoorConfig(varied_layouts=varied), "cpu")
    generator = torch.Generator()
    with FakeTensorMode(allow_non_fake_inputs=True):
        state = world.start(6, generator, None)
        action = torch.zeros(6, dtype=torch.int64)
        outcome = world.transition(state, action, generator)
        assert world.render(outcome.state).shape == (6, 3, 40, 45)
        assert set(world.describe(outcome.state)) == set(world.facts)
        with pytest.raises(DataDependentOutputException):
            bool(outcome.terminated.any())


def test_configs_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="size must be at least 5"):
        KeyDoorConfig(size=4)
    with pytest.raises(ValueError, match="layout_seed fixes a layout"):
        KeyDoorConfig(layout_seed=1, varied_layouts=True)


@pytest.mark.slow
def test_random_play_almost_never_succeeds(generator: torch.Generator) -> None:
    env = KeyDoorConfig().build(num_envs=1_000, device="cpu")
    env.reset(seed=0)
    episodes = successes = 0
    while episodes < 20_000:
        row = env.step(random_action(env, generator))
        episodes += int((row.terminated | row.truncated).sum())
        successes += int(row.terminated.sum())
    assert successes / episodes < 0.001


@pytest.mark.gpu
def test_many_envs_on_a_gpu_without_waiting() -> None:
    env = KeyDoorConfig(varied_layouts=True).build(num_envs=4096, device="cuda")
    env.reset(seed=0)
    actions = torch.randint(5, (50, 4096), device="cuda")
    torch.cuda.set_sync_debug_mode("error")
    try:
        for action in actions:
            row = env.step(action)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert row.obs.shape == (4096, 3, 40, 45)
    assert len(row.obs.flatten(1).unique(dim=0)) > 1_000
