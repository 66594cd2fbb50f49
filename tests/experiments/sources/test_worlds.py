"""Worlds as a source: new trajectories at every step, the same ones held out."""

import copy
from dataclasses import replace
from itertools import islice

import pytest
import torch

from envs.counting import CountingConfig, decode
from envs.toys.dots import REACH
from envs.toys.moving_dot import MovingDotConfig
from envs.vector_env import WorldConfig
from experiments.sources.worlds import Worlds, WorldsConfig
from tests.envs.probe_world import ProbeConfig
from world_models.trajectory import Trajectory

T, B = 7, 5
CPU = torch.device("cpu")
WALK = WorldsConfig(policy="envs:Wanderer", fresh=True)
PLAY = WorldsConfig(CountingConfig())
KINDS = pytest.mark.parametrize("config", [WALK, PLAY], ids=["walk", "play"])


def opened(config: WorldsConfig, seed: int = 0) -> Worlds:
    return config.open(T, B, seed, CPU)


def same(one: Trajectory, two: Trajectory) -> bool:
    return torch.equal(one.obs, two.obs) and torch.equal(one.action, two.action)


def some(source: Worlds, part: int) -> list[Trajectory]:
    return list(islice(source.held_out(B, part), 3))


@KINDS
def test_held_out_trajectories_are_the_same_at_every_call(config: WorldsConfig) -> None:
    source, untouched = opened(config), opened(config)
    before = [some(source, part) for part in (0, 1)]
    learned = [source.next() for _ in range(3)]
    after = [some(source, part) for part in (0, 1)]
    for one, two in zip(before, after, strict=True):
        assert all(map(same, one, two))
    # nor do they change what is learned from
    assert all(map(same, learned, [untouched.next() for _ in range(3)]))


@KINDS
def test_nothing_is_drawn_twice(config: WorldsConfig) -> None:
    """Training, both parts that are held out, other batches, and other seeds."""
    found = []
    for seed in (0, 1):
        source = opened(config, seed)
        found += [source.next() for _ in range(3)]
        found += some(source, 0) + some(source, 1)
    actions = [x.action for x in found]
    for i, one in enumerate(actions):
        for two in actions[:i]:
            assert not torch.equal(one, two)
            # nor is one env's the walk of another
            rows = (
                (one[:, :, None] == two[:, None]).flatten(3).all(-1)
                if one.dim() > 2
                else (one[:, :, None] == two[:, None])
            )
            assert float(rows.float().mean()) < 0.5


def test_where_an_episode_begins_does_not_say_what_random_play_does() -> None:
    """As it would if worlds and policy drew the same numbers."""
    traj = WorldsConfig(MovingDotConfig()).open(2, 400, 0, CPU).next()
    both = torch.cat([traj.facts["place"][0], traj.action[0]], 1)
    between = torch.corrcoef(both.T)[:2, 2:]
    assert between.abs().max() < 0.3


def test_fresh_trajectories_are_episodes_and_others_go_on() -> None:
    source = opened(replace(WALK, world=MovingDotConfig(max_episode_steps=T)))
    for traj in [source.next(), source.next(), *some(source, 0)]:
        assert traj.first[0].all()
        assert not traj.first[1:].any()
        assert traj.truncated[-1].all()
    source = opened(PLAY)
    before = source.next()
    for _ in range(3):
        traj = source.next()
        assert torch.equal(traj.obs[0], before.obs[-1])
        assert torch.equal(decode(traj.obs).step == 0, traj.first)
        before = traj
    first, second, _ = some(source, 1)
    assert torch.equal(second.obs[0], first.obs[-1])


def test_facts_come_along_and_actions_are_as_told() -> None:
    source = opened(WALK)
    traj = source.next()
    assert source.offered.facts == ("place", "displacement")
    assert set(traj.facts) == set(source.offered.facts)
    assert traj.action.norm(dim=-1).max() <= 1 + 1e-6
    assert traj.action.norm(dim=-1).max() > 1 / REACH  # and not in pixels, over four
    told = traj.facts["place"][:-1] + REACH * traj.action
    torch.testing.assert_close(traj.facts["place"][1:], told.clamp(2.6, 24.4))


def test_what_is_offered_is_what_comes() -> None:
    worlds: list[WorldConfig] = [CountingConfig(), ProbeConfig()]
    for world in worlds:
        source = opened(WorldsConfig(world))
        offered, traj = source.offered, source.next()
        assert traj.obs.shape == (T + 1, B, *offered.obs_shape)
        assert tuple(traj.facts) == offered.facts
        size = 0 if traj.vector is None else traj.vector.shape[-1]
        assert size == offered.vector_size
        assert source.env.spec.actions == offered.actions


@KINDS
def test_a_state_goes_on_as_if_nothing_had_happened(config: WorldsConfig) -> None:
    whole = opened(config, 2)
    expected = [whole.next() for _ in range(6)]
    half = opened(config, 2)
    for _ in range(3):
        half.next()
    state = copy.deepcopy(half.state_dict())
    rest = opened(config, 9)  # whose own draws are forgotten
    rest.next()
    rest.load_state_dict(state)
    for want in expected[3:]:
        got = rest.next()
        assert same(got, want)
        assert torch.equal(got.first, want.first)
        assert all(torch.equal(got.facts[k], x) for k, x in want.facts.items())


def test_a_source_is_named_by_its_world() -> None:
    assert WALK.about == "MovingDot"
    assert PLAY.about == "Counting"
    from envs.atari.native import AtariConfig

    assert WorldsConfig(AtariConfig(game="Pong")).about == "Pong"
