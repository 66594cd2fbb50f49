"""Seeds and actions of episodes, without an engine."""

import pytest

from envs.doom.episodes import Episodes


def played(seeds: tuple[int, int]) -> Episodes:
    episodes = Episodes(2, 5)
    for env, seed in enumerate(seeds):
        episodes.seed(env, seed)
    return episodes


def test_every_episode_has_a_seed_of_its_own_and_streams_repeat() -> None:
    first, again, other = played((3, 4)), played((3, 4)), played((5, 6))
    drawn = [first.begin(env) for _ in range(20) for env in (0, 1)]
    assert len(set(drawn)) == 40
    assert max(drawn) < 2**31
    assert [again.begin(env) for _ in range(20) for env in (0, 1)] == drawn
    assert not set(drawn) & {other.begin(env) for _ in range(20) for env in (0, 1)}
    first.seed(0, 3)
    assert first.begin(0) == drawn[0]


def test_what_was_done_is_known_until_the_next_episode() -> None:
    episodes = played((3, 4))
    seed = episodes.begin(0)
    for action in (2, 0, 3):
        episodes.note(0, action)
    restored = Episodes(2, 5)
    restored.load_state_dict(episodes.state_dict())
    assert restored.begun_with(0) == seed
    assert restored.actions(0) == [2, 0, 3]
    assert restored.actions(1) == []
    after = episodes.begin(0)
    assert episodes.actions(0) == []
    assert restored.begin(0) == after


def test_a_state_is_a_copy_and_fits_its_own_kind() -> None:
    episodes = played((3, 4))
    episodes.begin(0)
    state = episodes.state_dict()
    episodes.note(0, 1)
    assert state["elapsed"].tolist() == [0, 0]
    with pytest.raises(ValueError, match="2 games of 5 steps does not fit 3 games of"):
        Episodes(3, 5).load_state_dict(state)
