"""The tracker maze beside a naive one; pushing, movers, and what is drawn."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from envs.check import check_env
from envs.native_env import NativeVectorEnv
from envs.tiles.trackers.config import TrackerMazeConfig
from envs.tiles.trackers.layout import COLUMNS, LEFT, TOP, lay_out
from envs.tiles.trackers.world import TrackerWorld
from envs.vector_env import DiscreteActions, ObservableWorld, Step
from tests.envs.tiles.trackers.naive import MOVES, WAY, Cell, NaiveMaze

BLIND = TrackerMazeConfig(pixels=0, staggered=False)
_UNUSED = torch.Generator()


def cell(x: int, y: int) -> int:
    return (TOP + y) * COLUMNS + LEFT + x


def place(number: int) -> Cell:
    return number % COLUMNS - LEFT, number // COLUMNS - TOP


def floors(config: TrackerMazeConfig) -> dict[Cell, list[int]]:
    bits = lay_out(config.layout, False, 0, ()).floor.tolist()
    return {place(i): x for i, x in enumerate(bits)}


def world_of(config: TrackerMazeConfig) -> TrackerWorld:
    world = config.build(1, "cpu").world
    assert isinstance(world, TrackerWorld)
    return world


def movers_of(env: NativeVectorEnv) -> Tensor:
    movers: Tensor = env.state_dict()["state"]["movers"]
    return movers


def played(env: NativeVectorEnv, plan: Tensor) -> list[tuple[Step, Tensor]]:
    """Rows and where movers are, under actions `[T, B]`."""
    rows = [(env.reset(seed=0), movers_of(env))]
    return rows + [(env.step(action), movers_of(env)) for action in plan]


def plans(steps: int) -> Tensor:
    """Six envs that walk a part of the way, and stray about from there."""
    drawn = torch.randint(5, (steps, 6), generator=torch.Generator().manual_seed(3))
    for i, known in enumerate((0, 12, 22, 30, 37, 42)):
        for begin in range(0, steps, 101):  # an episode and the row behind it
            way = torch.tensor(WAY[:known], dtype=torch.int64)[: steps - begin]
            drawn[begin : begin + len(way), i] = way
    return drawn


@pytest.mark.parametrize(
    "config",
    [
        BLIND,
        replace(BLIND, on_the_way=True, layout=3),
        replace(BLIND, movers=8),
        replace(BLIND, movers=3, mover_rooms=(4, 1, 2), shared=False),
    ],
    ids=str,
)
def test_all_is_as_in_a_naive_maze(config: TrackerMazeConfig) -> None:
    env = replace(config, max_episode_steps=100).build(6, "cpu")
    mazes = [NaiveMaze(config.on_the_way) for _ in range(6)]
    floor, plan = floors(config), plans(230)
    most = 0
    for t, (row, movers) in enumerate(played(env, plan)):
        views, facts = [], []
        for i, maze in enumerate(mazes):
            if row.first[i]:
                maze.begin()
            else:
                maze.step(int(plan[t - 1, i]))
            there = [place(x) for x in movers[i].tolist()]
            views.append(maze.view(floor, there))
            facts.append(maze.facts(there))
        assert row.vector is not None
        assert torch.equal(row.vector, torch.tensor(views, dtype=torch.float32)), t
        assert row.facts.keys() == facts[0].keys()
        for name, found in row.facts.items():
            assert found.tolist() == [x[name] for x in facts], (name, t)
        assert bool(row.truncated.all()) == (t % 101 == 100)
        most = max(most, int(row.facts["trackers"].max()))
    assert most >= (3 if config.on_the_way else 4), "nobody saw all of the maze"


def test_the_known_way_reaches_all_trackers_alone_and_in_company() -> None:
    alone, crowd = BLIND.build(1, "cpu"), BLIND.build(5, "cpu")
    drawn = torch.randint(5, (len(WAY), 5), generator=torch.Generator().manual_seed(1))
    drawn[:, 2] = torch.tensor(WAY)
    for (one, _), (many, _) in zip(
        played(alone, drawn[:, 2:3]), played(crowd, drawn), strict=True
    ):
        assert one.vector is not None
        assert many.vector is not None
        assert torch.equal(one.vector[0], many.vector[2])
        for name, found in one.facts.items():
            assert torch.equal(found[0], many.facts[name][2])
    assert [int(one.facts[x]) for x in ("trackers", "rooms", "room")] == [4, 5, 4]
    assert float(one.reward) == 0


@pytest.mark.parametrize(
    ("blocks", "moves"),
    [
        ([(19, 1), (25, 0)], True),
        ([(22, 1), (25, 0)], False),  # a wall behind it
        ([(19, 1), (20, 1)], False),  # a block
        ([(19, 2), (25, 0)], False),  # a tracker
        ([(22, 0), (25, 0)], True),  # an open door
    ],
    ids=["free", "wall", "block", "tracker", "door"],
)
def test_blocks_go_where_there_is_room(blocks: list[Cell], moves: bool) -> None:
    world = world_of(BLIND)
    (x, y), other = blocks
    state = world.start(1, _UNUSED, None)._replace(
        place=torch.tensor([cell(x - 1, y)]),
        blocks=torch.tensor([[cell(x, y), cell(*other)]]),
    )
    after = world.transition(state, torch.tensor([4]), _UNUSED).state
    assert place(int(after.place)) == (x - 1 + moves, y)
    assert [place(i) for i in after.blocks[0].tolist()] == [(x + moves, y), other]
    assert bool(after.bumped) == (not moves)


def test_blocks_go_in_all_directions() -> None:
    world = world_of(BLIND)
    for action, (dx, dy) in list(MOVES.items())[1:]:
        state = world.start(1, _UNUSED, None)._replace(
            place=torch.tensor([cell(3 - dx, 2 - dy)]),
            blocks=torch.tensor([[cell(23, 0), cell(3, 2)]]),
        )
        after = world.transition(state, torch.tensor([action]), _UNUSED).state
        assert place(int(after.blocks[0, 1])) == (3 + dx, 2 + dy)
        assert place(int(after.place)) == (3, 2)


@pytest.mark.parametrize("shared", [True, False])
def test_movers_stroll_in_their_rooms_by_chance(shared: bool) -> None:
    config = replace(BLIND, movers=8, mover_rooms=(1, 3), shared=shared)
    env = config.build(300, "cpu")
    still = torch.zeros(40, 300, dtype=torch.int64)
    cells = torch.stack([movers for _, movers in played(env, still)])
    x, y = cells % COLUMNS - LEFT, cells // COLUMNS - TOP
    room = torch.tensor([1] * 8 + [3] * 8)
    assert torch.equal(x // 6, room.expand_as(x))
    assert bool(((x % 6 < 5) & (y >= 0) & (y < 5)).all())
    assert torch.equal(x[0], x[0, :1].expand(300, -1))  # the layout, not chance
    for first in (0, 8):
        assert len(cells[0, 0, first : first + 8].unique()) == 8
    # What leaves at one side comes in at the other: a step is one modulo 5.
    step = torch.stack([x.diff(dim=0) % 5, y.diff(dim=0) % 5], -1)
    kinds = torch.tensor([[0, 0], [0, 4], [0, 1], [4, 0], [1, 0]])
    kind = (step.unsqueeze(-2) == kinds).all(-1)
    assert bool((kind.sum(-1) == 1).all())
    share = kind[:, :, ::8].float().mean((0, 1))  # one mover of each room
    torch.testing.assert_close(share, torch.full((2, 5), 0.2), atol=0.02, rtol=0)
    drawn = kind.int().argmax(-1)
    alike = (drawn[..., 1:] == drawn[..., :-1]).float().mean((0, 1))
    wanted = torch.full((15,), 1.0 if shared else 0.2)
    wanted[7] = 0.2  # of two rooms
    torch.testing.assert_close(alike, wanted, atol=0.02, rtol=0)
    envs = (drawn[:, 1:] == drawn[:, :-1]).float().mean()
    torch.testing.assert_close(envs, torch.tensor(0.2), atol=0.02, rtol=0)
    steps = (drawn[1:] == drawn[:-1]).float().mean()
    torch.testing.assert_close(steps, torch.tensor(0.2), atol=0.02, rtol=0)


def test_floors_are_codes_with_flips_the_same_for_a_seed() -> None:
    codes = ((0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 1, 1), (1, 1, 0))
    drawn = [floors(replace(BLIND, layout=seed)) for seed in range(60)]
    assert drawn[0] == floors(BLIND) != drawn[1]
    for room, code in enumerate(codes):
        cells = [(6 * room + x, y) for x in range(5) for y in range(5)]
        flips = [
            a != b
            for floor in drawn
            for i in cells
            for a, b in zip(floor[i], code, strict=True)
        ]
        share = sum(flips) / len(flips)  # of 4,500
        assert abs(share - (0.15 if room < 2 else 0.5)) < 0.03


def test_random_play_reaches_three_quarters_of_a_tracker() -> None:
    env = BLIND.build(1_200, "cpu")
    row = env.reset(seed=0)
    chance = torch.Generator().manual_seed(1)
    for _ in range(500):
        row = env.step(torch.randint(5, (1_200,), generator=chance))
    assert bool(row.truncated.all())
    # 0.742 in 4,000 other episodes, with a std of 0.8 each.
    assert 0.66 < float(row.facts["trackers"].float().mean()) < 0.82


def test_pictures_show_what_the_vector_tells() -> None:
    config = replace(BLIND, movers=8, pixels=25)
    env, maze, floor = config.build(1, "cpu"), NaiveMaze(), floors(config)
    plan = torch.tensor([*WAY, 3, 0, 0]).unsqueeze(1)
    seen = set()
    for t, (row, movers) in enumerate(played(env, plan)):
        if t:
            maze.step(int(plan[t - 1]))
        there = [place(x) for x in movers[0].tolist()]
        tiles = row.obs[0].unflatten(2, (5, 5)).unflatten(1, (5, 5))
        for i, at in enumerate(maze.seen()):
            tile = tiles[:, i // 5, :, i % 5]  # channel, row, column
            corner, edge, inner = (
                tile[:, j, j2].tolist() for j, j2 in ((0, 0), (0, 1), (1, 1))
            )
            low, high = (52, 128) if at[0] >= 12 else (28, 62)
            bits = [(1 - x if at in there else x) for x in floor.get(at, (0, 0, 0))]
            ground = [high if x else low for x in bits]
            if maze.wall(at):
                wanted = ([112, 116, 128], [112, 116, 128])
            elif at in maze.blocks:
                wanted = ([150, 96, 52], [150, 96, 52])
            else:
                wanted = ([245, 245, 245] if at in there else ground, ground)
            if i != 12:
                assert (corner, edge) == wanted
                if at in maze.trackers:
                    new = at not in maze.reached
                    seen.add(new)
                    assert inner == ([250, 210, 60] if new else [96, 84, 40])
            else:
                assert inner == [235, 80, 70]  # the agent
    assert seen == {True, False}


@pytest.mark.parametrize("pixels", [0, 10])
def test_contract(pixels: int) -> None:
    config = TrackerMazeConfig(movers=2, pixels=pixels, max_episode_steps=13)
    check_env(lambda: config.build(3, "cpu"), num_steps=40)
    space = config.build(3, "cpu").spec.actions
    assert space == DiscreteActions(5, ("noop", "up", "down", "left", "right"))


def test_first_episodes_end_at_all_times_and_later_ones_do_not() -> None:
    config = TrackerMazeConfig(pixels=0, max_episode_steps=40)
    env = config.build(400, "cpu")
    rows = played(env, torch.zeros(160, 400, dtype=torch.int64))
    ends = torch.stack([row.truncated for row, _ in rows]).T
    when = torch.stack([x.nonzero().flatten()[:3] for x in ends])
    assert sorted(set(when[:, 0].tolist())) == list(range(1, 41))
    assert bool((when.diff(dim=1) == 41).all())  # 40 steps and the first row
    assert isinstance(config, ObservableWorld)
    whole = config.with_facts()
    assert whole == replace(config, staggered=False)
    rows = played(whole.build(9, "cpu"), torch.zeros(40, 9, dtype=torch.int64))
    assert [bool(row.truncated.any()) for row, _ in rows] == [False] * 40 + [True]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: TrackerMazeConfig(movers=26), "movers must be 0 to 25"),
        (lambda: TrackerMazeConfig(mover_rooms=(5,)), "different rooms of 0 to 4"),
        (lambda: TrackerMazeConfig(mover_rooms=(1, 1)), "different rooms of 0 to 4"),
        (lambda: TrackerMazeConfig(layout=-1), "layout must be 0 or more"),
        (lambda: TrackerMazeConfig(pixels=36), "a multiple of 5 from 10 on, not 36"),
        (lambda: TrackerMazeConfig(pixels=5), "a multiple of 5 from 10 on, not 5"),
        (lambda: TrackerMazeConfig(max_episode_steps=0), "1 or more, not 0"),
    ],
)
def test_what_cannot_be_is_refused(wrong: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wrong()
