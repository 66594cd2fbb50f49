from collections.abc import Iterable
from itertools import repeat
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

from agents.acting import Acted, ActingPolicy, RandomPolicy, nothing_carried
from agents.play import play_episodes, play_frames
from envs.atari.native import AtariConfig
from envs.counting import CountingConfig, CountingState, CountingWorld, decode
from envs.mujoco.rooms.config import RoomsConfig
from envs.native_env import NativeVectorEnv
from envs.noise.config import NoisyConfig
from envs.noise.tv import TvConfig
from envs.tiles.key_door import KeyDoorConfig
from envs.tiles.maze.pixel_maze import PixelMazeConfig
from envs.vector_env import FactSpec, Step, VectorEnv
from world_models.belief import Carry


class Scripted(ActingPolicy):
    """Takes the given actions, one row after the other."""

    def __init__(self, env: VectorEnv, actions: Iterable[Tensor]) -> None:
        self.env, self.actions = env, iter(actions)

    def start(self, num_envs: int) -> Carry:
        return nothing_carried(self.env.spec, num_envs)

    def act(self, row: Step, carry: Carry) -> Acted:
        action = next(self.actions)
        return Acted(action, carry.acted(action))


def idle(env: VectorEnv) -> ActingPolicy:
    return Scripted(env, repeat(torch.zeros(env.spec.num_envs, dtype=torch.int64)))


def length(env: int, episode: int) -> int:
    """Of an episode of the counting world; its rewards are 1, 2, 3 …"""
    return 3 + (7 * env + 5 * episode) % 11


def test_every_env_plays_its_own_share_however_short_its_episodes() -> None:
    env = CountingConfig().build(3, "cpu")
    played = play_episodes(env, idle(env), 7, seed=0)
    expected = [length(e, k) for e, share in enumerate((3, 2, 2)) for k in range(share)]
    assert [x.length for x in played.episodes] == expected
    assert played.scores.tolist() == [n * (n + 1) / 2 for n in expected]
    assert all(x.complete for x in played.episodes)
    assert played.env_steps == sum(expected)
    # Whoever ends first would be another, shorter choice.
    ends = sorted(
        (sum(length(e, j) + 1 for j in range(k + 1)), length(e, k))
        for e in range(3)
        for k in range(9)
    )
    assert [n for _, n in ends[:7]] != expected
    assert (played.rooms, played.cells) == (None, None)
    assert (played.rooms_per_episode, played.cells_per_episode) == (None, None)


def test_a_step_limit_cuts_episodes_and_says_so() -> None:
    env = CountingConfig().build(2, "cpu")
    played = play_episodes(env, idle(env), 6, seed=0, max_steps=6)
    whole = [length(e, k) for e in range(2) for k in range(3)]
    assert [x.length for x in played.episodes] == [min(n, 6) for n in whole]
    assert [x.complete for x in played.episodes] == [n <= 6 for n in whole]
    assert {n <= 6 for n in whole} == {True, False}
    assert played.episodes[whole.index(max(whole))].score == 21


def test_a_watcher_hears_of_every_step_and_may_end_play() -> None:
    env = CountingConfig().build(2, "cpu")
    heard: list[tuple[int, int]] = []
    play_episodes(env, idle(env), 2, 0, on_step=lambda *x: heard.append(x))
    lengths = [length(0, 0), length(1, 0)]
    assert [x for x, _ in heard] == [
        sum(n <= t for n in lengths) for t in range(1, max(lengths) + 1)
    ]
    assert [x for _, x in heard] == list(range(2, 2 * max(lengths) + 1, 2))

    def stop(finished: int, env_steps: int) -> None:
        raise StopIteration

    with pytest.raises(StopIteration):
        play_episodes(env, idle(env), 2, 0, on_step=stop)


def test_rooms_and_cells_are_those_that_the_facts_tell() -> None:
    config = KeyDoorConfig(size=7, max_episode_steps=14)
    actions = torch.randint(5, (32, 2), generator=torch.Generator().manual_seed(1))
    env = config.build(2, "cpu")
    played = play_episodes(env, Scripted(env, actions), 4, seed=0)

    places: list[list[set[tuple[int, int, int]]]] = [[set()], [set()]]
    row = config.build(2, "cpu")
    seen = row.reset(0)
    for action in [None, *actions[:29]]:
        seen = seen if action is None else row.step(action)
        for i in range(2):
            if seen.first[i] and action is not None:
                places[i].append(set())
            x, y, room = (int(seen.facts[k][i]) for k in ("x", "y", "room"))
            places[i][-1].add((room, x, y))
    expected = [one for each in places for one in each]
    assert [x.cells for x in played.episodes] == expected
    assert [x.length for x in played.episodes] == [14] * 4
    assert played.cells == len(set().union(*expected))
    assert played.rooms == len({room for one in expected for room, _, _ in one})
    assert played.cells > max(map(len, expected)) > 1
    assert played.cells_per_episode is not None
    assert played.cells_per_episode.tolist() == [len(x) for x in expected]


def test_rooms_are_counted_where_cells_are_not_told() -> None:
    config = RoomsConfig(rooms=(2, 2), locks=0, pixels=0, max_episode_steps=60)
    env = config.build(2, "cpu")
    played = play_episodes(env, RandomPolicy(env, 0), 4, seed=1)
    assert played.cells_per_episode is None
    assert played.rooms_per_episode is not None
    env = config.build(2, "cpu")
    row, policy = env.reset(1), RandomPolicy(env, 0)
    carry = policy.start(2)
    tallies: list[int] = []
    while len(tallies) < 4:
        acted = policy.act(row, carry)
        row, carry = env.step(acted.action), acted.carry
        ended = row.terminated | row.truncated
        tallies += row.facts["rooms"][ended].tolist()
    assert sorted(played.rooms_per_episode.tolist()) == sorted(tallies)


def test_rooms_of_each_episode_counted_by_hand() -> None:
    # Two rooms side by side: env 0 walks from one to the other and back in its first
    # episode and stands still in its second; env 1 never moves.
    env = PixelMazeConfig(
        rooms=(1, 2), room_size=6, locks=0, loops=0, max_episode_steps=40
    ).build(2, "cpu")
    walk = path_to_the_other_room(env)
    assert len(walk) <= 30
    still = torch.zeros(2, dtype=torch.int64)
    moves = [torch.tensor([action, 0]) for action in walk]
    actions = [*moves, *[still] * (40 - len(moves)), *[still] * 41]
    played = play_episodes(env, Scripted(env, actions), 4, seed=0)
    assert played.rooms_per_episode is not None
    assert played.rooms_per_episode.tolist() == [2, 1, 1, 1]
    assert played.rooms == 2


def path_to_the_other_room(env: VectorEnv) -> list[int]:
    """Actions, found by trying all of them in every cell (breadth first)."""
    paths: list[list[int]] = [[]]
    known: set[tuple[int, ...]] = set()
    while True:
        path = paths.pop(0)
        row = env.reset(0)
        for action in path:
            row = env.step(torch.tensor([action, 0]))
        room, x, y = (int(row.facts[k][0]) for k in ("room", "x", "y"))
        if room != int(row.facts["room"][1]):
            return path
        if (room, x, y) not in known:
            known.add((room, x, y))
            paths += [[*path, action] for action in range(1, 5)]


def test_random_players_repeat_themselves_by_seed() -> None:
    def cells(seed: int) -> list[Any]:
        env = KeyDoorConfig(max_episode_steps=30).build(3, "cpu")
        played = play_episodes(env, RandomPolicy(env, seed), 3, seed=0)
        return [x.cells for x in played.episodes]

    assert cells(1) == cells(1) != cells(2)
    # The same env once more: its streams begin anew.
    env = KeyDoorConfig(varied_layouts=True, max_episode_steps=9).build(3, "cpu")
    twice = [play_episodes(env, RandomPolicy(env, 1), 6, seed=4) for _ in range(2)]
    assert twice[0] == twice[1]


def test_frames_are_what_the_first_env_shows() -> None:
    env = CountingConfig().build(2, "cpu")
    frames = np.stack(list(play_frames(env, idle(env), 6, seed=0)))
    assert frames.shape == (7, 40, 44, 3)
    assert (frames == frames[..., :1]).all()
    seen = decode(torch.from_numpy(frames[..., 0])[:, None])
    assert seen.env.tolist() == [0] * 7
    assert seen.step.tolist() == [0, 1, 2, 3, 0, 1, 2]
    env = KeyDoorConfig().build(1, "cpu")
    frame = next(play_frames(env, idle(env), 6, seed=0))
    assert np.array_equal(frame, env.reset(0).obs[0].permute(1, 2, 0).numpy())


def test_frames_behind_a_noise_have_the_noise() -> None:
    """Though the world would tell its colours, which have none."""
    world = AtariConfig("Pong").with_facts()
    env = NoisyConfig(world, TvConfig()).build(1, "cpu")
    frame = next(play_frames(env, idle(env), 1, seed=0))
    row = env.reset(seed=0)
    assert "colour" in row.facts
    assert np.array_equal(frame[..., 0], row.obs[0, 0].numpy())


class Painted(CountingWorld):
    """Every channel in a colour of its own."""

    def __init__(self, channels: int) -> None:
        self.obs_shape = (channels, 6, 7)

    def render(self, state: CountingState) -> Tensor:
        planes = 10 * torch.arange(1, self.obs_shape[0] + 1, dtype=torch.uint8)
        return planes.view(1, -1, 1, 1).expand(len(state.env), -1, 6, 7).contiguous()


class Coloured(Painted):
    """Says what its colours would be to an eye."""

    facts: ClassVar[dict[str, FactSpec]] = {
        **CountingWorld.facts,
        "colour": FactSpec((3, 8, 9), torch.uint8),
    }

    def describe(self, state: CountingState) -> dict[str, Tensor]:
        colour = torch.tensor([7, 8, 9], dtype=torch.uint8).view(1, 3, 1, 1)
        shown = colour.expand(len(state.env), -1, 8, 9)
        return {**super().describe(state), "colour": shown}


@pytest.mark.parametrize(
    ("world", "pixel"),
    [
        (Painted(1), [10, 10, 10]),
        (Painted(2), [10, 10, 10]),
        (Painted(3), [10, 20, 30]),
        (Painted(5), [10, 20, 30]),
        (Coloured(1), [7, 8, 9]),
        (Coloured(5), [7, 8, 9]),
    ],
)
def test_worlds_of_any_channels_have_pictures(world: Painted, pixel: list[int]) -> None:
    env = NativeVectorEnv(world, 2)
    frame = next(play_frames(env, idle(env), 1, seed=0))
    size = (8, 9) if "colour" in world.facts else (6, 7)
    assert frame.shape == (*size, 3)
    assert (frame == pixel).all()
