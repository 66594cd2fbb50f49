from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    FakeTensorMode,
)

from envs.check import check_env, random_action
from envs.tiles.maze.layout import Maze, Place, first_visits, generate_maze
from envs.tiles.maze.pixel_maze import (
    NOOP,
    PixelMazeConfig,
    PixelMazeState,
    PixelMazeWorld,
)

SMALL = PixelMazeConfig(rooms=(2, 3), room_size=6, locks=2, loops=1)
_UNUSED = torch.Generator()


class Explored:
    """All states that can be reached, and how; found by playing, breadth first."""

    def __init__(self, world: PixelMazeWorld) -> None:
        self._came_from: dict[tuple[int, ...], tuple[tuple[int, ...], int]] = {}
        self.goal: tuple[int, ...] | None = None
        state = world.start(1, _UNUSED, None)
        self.states = [state]
        self._begin = _names(state)[0]
        seen = {self._begin}
        while len(state.room):
            num, before = len(state.room), _names(state)
            many = PixelMazeState(*[field.repeat_interleave(4, 0) for field in state])
            action = torch.arange(1, 5).repeat(num)
            outcome = world.transition(many, action, _UNUSED)
            fresh = []
            for i, name in enumerate(_names(outcome.state)):
                if name in seen:
                    continue
                seen.add(name)
                self._came_from[name] = (before[i // 4], 1 + i % 4)
                if outcome.terminated[i]:
                    self.goal = self.goal or name
                else:
                    fresh.append(i)
            state = PixelMazeState(*[field[fresh] for field in outcome.state])
            self.states.append(state)

    def way(self, name: tuple[int, ...]) -> list[int]:
        """Shortest actions from the start to a state."""
        actions: list[int] = []
        while name != self._begin:
            name, action = self._came_from[name]
            actions.insert(0, action)
        return actions

    def all(self) -> PixelMazeState:
        return PixelMazeState(*map(torch.cat, zip(*self.states, strict=True)))


def _names(state: PixelMazeState) -> list[tuple[int, ...]]:
    """Without the rooms that were visited: where one has been changes nothing."""
    columns = [field.view(len(field), -1).long() for field in state[:-1]]
    return [tuple(row) for row in torch.cat(columns, 1).tolist()]


def state_at(place: Place, taken: list[bool]) -> PixelMazeState:
    room, x, y = (torch.tensor([number]) for number in place)
    return PixelMazeState(
        room,
        x,
        y,
        torch.tensor([taken]),
        torch.tensor([[False] * len(taken)]),
        (torch.arange(6) == place.room).unsqueeze(0),
    )


def at_door(maze: Maze, lock: int) -> tuple[Place, int]:
    """A cell beside a locked door, in the first of its rooms, and the way into it."""
    (passage,) = [p for p in maze.passages if p.lock == lock]
    room, x, y = maze.opening(passage)[0]
    across = passage.second == passage.first + 1
    return (Place(room, x - 1, y), 2) if across else (Place(room, x, y - 1), 3)


def test_contract() -> None:
    config = PixelMazeConfig(
        rooms=(2, 3), room_size=7, slip=0.1, key_reward=0.1, max_episode_steps=40
    )
    check_env(lambda: config.build(num_envs=5, device="cpu"), num_steps=100)


def test_contract_without_locks() -> None:
    config = PixelMazeConfig(rooms=(1, 2), room_size=6, locks=0, max_episode_steps=25)
    check_env(lambda: config.build(num_envs=5, device="cpu"), num_steps=100)


@pytest.mark.parametrize(
    "config",
    [
        PixelMazeConfig(),
        *[
            PixelMazeConfig(
                rooms=(2, 3), room_size=7, locks=3, loops=2, layout_seed=seed
            )
            for seed in range(4)
        ],
    ],
    ids=str,
)
def test_shortest_solution_gets_the_reward(config: PixelMazeConfig) -> None:
    env = config.build(num_envs=2, device="cpu")
    assert isinstance(env.world, PixelMazeWorld)
    explored = Explored(env.world)
    assert explored.goal is not None
    actions = explored.way(explored.goal)
    assert len(actions) < config.max_episode_steps / 2
    env.reset(seed=0)
    for i, action in enumerate(actions):
        row = env.step(torch.tensor([action, NOOP]))
        last = i == len(actions) - 1
        assert row.reward.tolist() == [float(last), 0.0]
        assert row.terminated.tolist() == [last, False]
        assert not row.first.any()
    # No lock can be left out, and every room can be seen.
    assert row.facts["keys"].tolist() == [config.locks, 0]
    reached = explored.all().room.unique().tolist()
    assert reached == list(range(config.rooms[0] * config.rooms[1]))


@pytest.mark.parametrize("seed", range(20))
def test_layouts_need_all_keys_and_hide_nothing(seed: int) -> None:
    maze = generate_maze((3, 4), room_size=9, locks=4, loops=3, seed=seed)
    key_rooms = [key.room for key in maze.keys]
    assert set(first_visits(maze.passages, key_rooms)) == set(range(12))
    for lost in range(4):
        # A key in a room that does not exist is never found.
        rest = [-1 if key == lost else room for key, room in enumerate(key_rooms)]
        assert maze.goal.room not in first_visits(maze.passages, rest)
    places = [maze.start, maze.goal, *maze.keys]
    assert len(set(places)) == len(places)
    for place in places:
        assert (place.x, place.y) not in maze.pillars[place.room]


def test_layouts_repeat_and_differ() -> None:
    first, again, other = (generate_maze((4, 4), 12, 3, 2, seed) for seed in (5, 5, 6))
    assert first == again
    assert first != other


def test_zones_are_of_even_size() -> None:
    """Otherwise a lock may guard a single room, or random play may see most of them."""
    for seed in range(10):
        maze = generate_maze((4, 4), 12, 3, 2, seed)
        no_keys = [-1] * 3
        assert 3 <= len(first_visits(maze.passages, no_keys)) <= 6


def test_locked_doors_open_with_their_own_key_only() -> None:
    world = PixelMazeWorld(SMALL, "cpu")
    place, action = at_door(world.maze, lock=1)
    move = torch.tensor([action])

    def step(state: PixelMazeState) -> PixelMazeState:
        after = world.transition(state, move, _UNUSED).state
        assert isinstance(after, PixelMazeState)
        return after

    for taken in ([False, False], [True, False]):
        blocked = step(state_at(place, taken))
        assert _names(blocked) == _names(state_at(place, taken))
    unlocked = step(state_at(place, [False, True]))
    assert unlocked.opened.tolist() == [[False, True]]
    assert Place(*[int(n) for n in unlocked[:3]]) == place
    doorway = step(unlocked)
    assert int(doorway.room) == place.room
    assert int(step(doorway).room) != place.room
    assert [int(x.visited.sum()) for x in (unlocked, step(doorway))] == [1, 2]


def test_every_room_counts_once() -> None:
    env = replace(SMALL, max_episode_steps=400).build(num_envs=8, device="cpu")
    row = env.reset(seed=0)
    been: list[set[int]] = [set() for _ in range(8)]
    most = 0
    generator = torch.Generator().manual_seed(0)
    for _ in range(450):
        for i in range(8):
            if row.first[i]:
                been[i].clear()
            been[i].add(int(row.facts["room"][i]))
        assert row.facts["rooms"].tolist() == [len(x) for x in been]
        most = max(most, *[len(x) for x in been])
        row = env.step(random_action(env, generator))
    assert most > 1


def test_a_way_there_is_a_way_back() -> None:
    world = PixelMazeWorld(SMALL, "cpu")
    states = Explored(world).all()
    for there, back in ((1, 3), (2, 4), (3, 1), (4, 2)):
        move = torch.full_like(states.room, there)
        went = world.transition(states, move, _UNUSED).state
        moved = (went.x != states.x) | (went.y != states.y)
        came = world.transition(went, move * 0 + back, _UNUSED).state
        for now, then in zip(came[:3], states[:3], strict=True):
            assert torch.equal(now[moved], then[moved])
        crossed = moved & (went.room != states.room)
        assert crossed.any()


def test_keys_are_taken_once_by_walking_over_them() -> None:
    world = PixelMazeWorld(
        PixelMazeConfig(rooms=(2, 3), locks=2, key_reward=0.25), "cpu"
    )
    room, x, y = world.maze.keys[0]
    beside = next(
        (x + dx, action)
        for dx, action in ((-1, 2), (1, 4))
        if (x + dx, y) not in world.maze.pillars[room]
    )
    state = state_at(Place(room, beside[0], y), [False, False])
    onto, away = torch.tensor([beside[1]]), torch.tensor([6 - beside[1]])
    rewards, keys, frames = [], [], []
    for action in (onto, away, onto):
        outcome = world.transition(state, action, _UNUSED)
        state = outcome.state
        rewards.append(float(outcome.reward))
        keys.append(int(world.describe(state)["keys"]))
        frames.append(world.render(state)[0])
    assert rewards == [0.25, 0.0, 0.0]
    assert keys == [1, 1, 1]
    assert torch.equal(frames[0], frames[2])


@pytest.mark.parametrize("room_size", [6, 12, 13])
def test_frames_differ_exactly_where_what_can_be_seen_does(room_size: int) -> None:
    config = PixelMazeConfig(rooms=(1, 3), room_size=room_size, locks=2, loops=0)
    world = PixelMazeWorld(config, "cpu")
    states = Explored(world).all()
    maze = world.maze
    visible = torch.zeros(len(states.room), 4, dtype=torch.int64)  # taken, opened
    for key, place in enumerate(maze.keys):
        visible[:, key] = states.taken[:, key] & (states.room == place.room)
    for p in maze.passages:
        assert p.lock is not None
        there = (states.room == p.first) | (states.room == p.second)
        visible[:, 2 + p.lock] = states.opened[:, p.lock] & there
    held = states.taken & ~states.opened
    columns = [torch.stack(states[:3], 1), held.long(), visible]
    seen = torch.cat(columns, 1).unique(dim=0, return_inverse=True)[1]
    frames = world.render(states).flatten(1).unique(dim=0, return_inverse=True)[1]
    pairs = torch.stack([seen, frames], 1).unique(dim=0)
    assert len(pairs) == len(seen.unique()) == len(frames.unique())


def test_facts_are_what_the_state_says() -> None:
    env = SMALL.build(num_envs=3, device="cpu")
    start = env.reset(seed=0)
    where = [start.facts[name].tolist() for name in ("room", "x", "y", "keys")]
    assert where == [[0] * 3, [3] * 3, [3] * 3, [0] * 3]
    row = env.step(torch.tensor([NOOP, 1, 4]))
    assert row.facts["x"].tolist() == [3, 3, 2]
    assert row.facts["y"].tolist() == [3, 2, 3]
    same = (row.obs == start.obs).flatten(1).all(1)
    assert same.tolist() == [True, False, False]


def test_slips_go_anywhere() -> None:
    world = PixelMazeWorld(PixelMazeConfig(slip=0.4), "cpu")
    generator = torch.Generator().manual_seed(0)
    state = world.start(20_000, generator, None)
    up = torch.ones(20_000, dtype=torch.int64)
    after = world.transition(state, up, generator).state

    def share(moved: Tensor) -> float:
        return float(moved.float().mean())

    # Three quarters of the slips go another way.
    assert share(after.y < state.y) == pytest.approx(0.7, abs=0.02)
    assert share(after.y > state.y) == pytest.approx(0.1, abs=0.02)
    assert share(after.x > state.x) == pytest.approx(0.1, abs=0.02)


def test_nothing_waits_for_the_device() -> None:
    """Fake tensors have no values: whatever looked at one would raise."""
    world = PixelMazeWorld(PixelMazeConfig(slip=0.1), "cpu")
    generator = torch.Generator()
    with FakeTensorMode(allow_non_fake_inputs=True):
        state = world.start(6, generator, None)
        action = torch.zeros(6, dtype=torch.int64)
        outcome = world.transition(state, action, generator)
        assert world.render(outcome.state).shape == (6, 3, 64, 64)
        assert set(world.describe(outcome.state)) == set(world.facts)
        with pytest.raises(DataDependentOutputException):
            bool(outcome.terminated.any())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"rooms": (1, 1)}, "at least two"),
        ({"room_size": 5}, "6 to 20"),
        ({"rooms": (1, 3), "locks": 3}, "3 rooms can have 0 to 2 locks"),
        ({"slip": 1.5}, "slip is a probability"),
    ],
)
def test_configs_that_make_no_sense_are_refused(
    wrong: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        PixelMazeConfig(**wrong)  # type: ignore[arg-type]


@pytest.mark.slow
def test_random_play_sees_few_rooms(generator: torch.Generator) -> None:
    env = PixelMazeConfig().build(num_envs=64, device="cpu")
    env.reset(seed=0)
    seen = torch.zeros(2, 64, 16, dtype=torch.bool)
    for t in range(2_000):
        row = env.step(random_action(env, generator))
        seen[t // 1_000, torch.arange(64), row.facts["room"]] = True
        assert not row.terminated.any()
    assert 1.2 < float(seen.sum(-1).float().mean()) < 3
    assert int(seen.any(0).any(0).sum()) < 8


@pytest.mark.gpu
def test_many_envs_on_a_gpu_without_waiting() -> None:
    env = PixelMazeConfig(slip=0.1).build(num_envs=4096, device="cuda")
    env.reset(seed=0)
    actions = torch.randint(5, (50, 4096), device="cuda")
    torch.cuda.set_sync_debug_mode("error")
    try:
        for action in actions:
            row = env.step(action)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert row.obs.shape == (4096, 3, 64, 64)
    assert len(row.obs.flatten(1).unique(dim=0)) > 50
