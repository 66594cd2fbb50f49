"""Frames and labels belong together, at the ends of episodes too."""

import numpy as np
import pytest
import torch
from torch import Tensor

from envs.atari.emulator import EmulatedAtari
from envs.atari.protocol import ATARI_ARI
from envs.atari.ram import AtariFact
from envs.vector_env import Step
from experiments.atari_ari.frames import LEAST, collect, in_order, long_episodes
from ssl_objectives.refusal import DatasetError
from tests.experiments.atari_ari.screens import squares


def rows(
    numbers: list[list[int]],
    ended: set[tuple[int, int]],
    cut: frozenset[tuple[int, int]] = frozenset(),
) -> list[Step]:
    """Rows `[T][B]` that show a number, and have it as their label.

    And whose games ended there, or were cut by their time limit.
    """
    made, begins = [], [True] * len(numbers[0])
    for t, row in enumerate(numbers):
        number = torch.tensor(row)
        ends = torch.tensor([(t, b) in ended for b in range(len(row))])
        limit = torch.tensor([(t, b) in cut for b in range(len(row))])
        made.append(
            Step(
                obs=number.to(torch.uint8).view(-1, 1, 1, 1),
                reward=torch.zeros(len(row)),
                terminated=ends,
                truncated=limit,
                first=torch.tensor(begins),
                facts={"clock": number},
            )
        )
        begins = (ends | limit).tolist()
    return made


def test_rows_are_laid_out_by_episode_and_ends_are_left_out() -> None:
    numbers = [[1, 11], [2, 12], [3, 13], [4, 14], [5, 15]]
    action = torch.arange(10).view(5, 2)
    frames = in_order(rows(numbers, {(2, 0)}), action, 6)
    assert frames.obs.flatten().tolist() == [1, 2, 4, 5, 11, 12, 13, 14, 15]
    assert frames.labels["clock"].tolist() == frames.obs.flatten().tolist()
    assert frames.episode.tolist() == [0, 0, 1, 1, 2, 2, 2, 2, 2]
    assert frames.action.tolist() == [0, 2, 6, 8, 1, 3, 5, 7, 9]
    assert frames.starts(1).tolist() == [0, 2, 4, 5, 6, 7]
    assert frames.starts(3).tolist() == [4, 5]
    assert frames.starts(9).tolist() == []
    assert long_episodes(frames, 2).episode.unique().tolist() == [2]


def test_rows_that_a_time_limit_ends_are_left_out_too() -> None:
    numbers = [[1, 11], [2, 12], [3, 13], [4, 14]]
    cut = frozenset({(1, 1)})
    frames = in_order(rows(numbers, {(2, 0)}, cut), torch.arange(8).view(4, 2), 6)
    assert frames.obs.flatten().tolist() == [1, 2, 4, 11, 13, 14]
    assert frames.labels["clock"].tolist() == frames.obs.flatten().tolist()
    assert frames.episode.tolist() == [0, 0, 1, 2, 3, 3]


def test_every_label_is_of_the_memory_at_the_time_of_its_frame() -> None:
    """The paper's code puts an episode's last labels beside the next one's first frame.

    Here each frame is looked up in a second play of the same games.
    """
    frames = collect("Breakout", 800, 5, (84, 84), num_envs=2)
    assert len(frames) > 600
    _, length = frames.episode.unique(return_counts=True)
    assert length.min() > LEAST
    env = EmulatedAtari("Breakout", ATARI_ARI, 2, (AtariFact.RAM,))
    generator = torch.Generator().manual_seed(5)
    shown: dict[bytes, set[int]] = {}

    def note(row: Step) -> None:
        for b in range(2):
            key = row.obs[b].numpy().tobytes()
            shown.setdefault(key, set()).add(int(row.facts["ram"][b, 72]))

    note(env.reset(5))
    actions = 0
    while actions < 399:
        drawn = torch.randint(1, 4, (2,), generator=generator)
        note(env.step(drawn))
        actions += 1
    for obs, paddle in zip(frames.obs, frames.labels["player_x"], strict=True):
        assert int(paddle) in shown[obs.numpy().tobytes()]
    begins = np.flatnonzero(np.diff(frames.episode.numpy())) + 1
    assert len(begins) >= 2
    for begin in begins:  # a fresh game has no score, a game that ended has
        assert frames.labels["score"][begin] == 0


def test_the_random_agent_does_not_idle_and_seeds_repeat() -> None:
    first, again, other = (
        collect("Pong", 140, seed, (84, 84), num_envs=2) for seed in (3, 3, 4)
    )
    within = first.starts(1) + 1  # actions that led from a frame to a frame
    assert int(first.action[within].min()) >= 1
    assert int(first.action[within].max()) < first.num_actions == 6
    assert torch.equal(first.obs, again.obs)
    assert not torch.equal(first.obs, other.obs)
    with pytest.raises(ValueError, match="no labels of 'alien'"):
        collect("Alien", 280, 0)
    with pytest.raises(DatasetError, match="longer than 64 frames, of 128 in all"):
        collect("Pong", 128, 0, (84, 84), num_envs=2)


def test_windows_lie_in_one_episode() -> None:
    frames = squares(4, 12)

    def same(starts: Tensor, following: int) -> bool:
        episode = frames.episode
        return bool((episode[starts] == episode[starts + following]).all())

    assert len(frames.starts(5)) == 4 * 7
    assert same(frames.starts(5), 5)
