"""The attention world: what is seen, what a gaze does, and what outlasts an episode."""

from dataclasses import replace
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from envs.attention.config import AttentionConfig
from envs.attention.world import AttentionWorld
from envs.behaviours.behaviour import Behaviour, Look
from envs.behaviours.groups import Animate, Company, Kind
from envs.behaviours.groups import company as kinds_of
from envs.behaviours.static import Static
from envs.chance import Chance
from envs.check import check_env
from envs.native_env import NativeVectorEnv
from envs.vector_env import DiscreteActions, WatchedWorld, WorldConfig
from tests.envs.attention.rows import play, stacked, vectors

CONFIGS = [
    AttentionConfig(animate, stochastic, company, pixels=0)
    for animate in Animate
    for stochastic, company in ((False, Company.MIXTURE), (True, Company.NOISE))
]
ALL = pytest.mark.parametrize(
    "config",
    CONFIGS,
    ids=lambda x: f"{x.animate.value} {x.company.value}",
)
OBJECTS = {
    "static": 1,
    "periodic": 1,
    "noise": 1,
    "reaching": 4,
    "chasing": 2,
    "peekaboo": 2,
    "mimicry": 2,
    "nobody": 1,
}
STAY = 0


@pytest.mark.parametrize(
    "config",
    [*CONFIGS, *[replace(x, pixels=9, coordinates=False) for x in CONFIGS[::2]]],
    ids=str,
)
def test_contract(config: AttentionConfig) -> None:
    short = replace(config, max_episode_steps=13)
    check_env(lambda: short.build(3, "cpu"), num_steps=40)


@ALL
def test_the_groups_by_name(config: AttentionConfig) -> None:
    others = {
        Company.MIXTURE: ("static", "periodic", "noise"),
        Company.NOISE: ("noise", "noise-2", "noise-3"),
    }
    assert isinstance(config, WorldConfig)
    assert isinstance(config, WatchedWorld)
    assert config.parts == (config.animate.value, *others[config.company])
    env = config.build(2, "cpu")
    assert env.spec.facts["in_view"].names == config.parts
    assert env.spec.obs_shape == (1, 1, 1)
    there = env.reset(seed=0).facts["there"]
    wanted = [OBJECTS[x.split("-")[0]] for x in config.parts]
    expected = torch.arange(4) < torch.tensor(wanted).unsqueeze(1)
    assert torch.equal(there, expected.expand(2, 4, 4))


@ALL
def test_the_vector_tells_what_is_in_view_and_nothing_else(
    config: AttentionConfig,
) -> None:
    rows = play(config.build(20, "cpu"), 150)
    vector, in_view = vectors(rows), stacked(rows, "in_view")
    assert vector.shape == (151, 20, 60)
    angle = stacked(rows, "heading") * 12 * torch.pi / 180
    felt = [f(k * angle) for k in (1, 2, 4, 8) for f in (torch.sin, torch.cos)]
    torch.testing.assert_close(vector[..., :8], torch.stack(felt, -1))
    one_hot = torch.nn.functional.one_hot(in_view, 4)
    assert torch.equal(vector[..., 8:12], one_hot.float())
    there = stacked(rows, "there") & (one_hot == 1).unsqueeze(-1)
    assert torch.equal(vector[..., 44:], there.flatten(2).float())
    places = stacked(rows, "places") * there.unsqueeze(-1)
    assert torch.equal(vector[..., 12:44], places.flatten(2))
    assert float(places.abs().amax()) <= 1
    seen = there.any(-1).sum(-1)
    assert (seen == 1).all()  # every group has something that is never hidden


def test_without_coordinates_the_vector_is_its_beginning() -> None:
    config = AttentionConfig(pixels=0)
    short = replace(config, coordinates=False).build(3, "cpu")
    whole = vectors(play(config.build(3, "cpu"), 30))
    assert short.spec.vector_size == 12
    assert torch.equal(vectors(play(short, 30)), whole[..., :12])


def test_actions_turn_by_what_they_are_called() -> None:
    env = AttentionConfig(pixels=0).build(30, "cpu")
    space = env.spec.actions
    assert isinstance(space, DiscreteActions)
    turns = {"stay": 0}
    turns |= {f"turn {x:+d} degrees": x for x in (12, -12, 24, -24, 48, -48, 96, -96)}
    assert space.names == tuple(turns)
    row = env.reset(seed=0)
    assert len(row.facts["heading"].unique()) > 10
    for action, degrees in enumerate(turns.values()):
        before = row.facts["heading"]
        row = env.step(torch.full((30,), action))
        assert torch.equal(row.facts["heading"] * 12, (before * 12 + degrees) % 360)


def test_a_heading_looks_into_the_quadrant_of_its_degrees() -> None:
    env = AttentionConfig(pixels=0).build(40, "cpu")
    rows = play(env, 100)
    quadrant = stacked(rows, "quadrant")
    assert (quadrant == quadrant[0]).all()
    assert torch.equal(quadrant[0].sort(1).values, torch.arange(4).expand(40, 4))
    seen = quadrant.gather(2, stacked(rows, "in_view").unsqueeze(2)).squeeze(2)
    assert torch.equal(seen, stacked(rows, "heading") * 12 // 90)
    assert len(stacked(rows, "heading").unique()) == 30


def test_groups_stand_elsewhere_in_other_envs_and_seeds() -> None:
    env = AttentionConfig(pixels=0).build(600, "cpu")
    drawn = env.reset(seed=0).facts["quadrant"]
    orders = set(map(tuple, drawn.tolist()))
    assert len(orders) == 24
    for group in range(4):
        counts = torch.bincount(drawn[:, group], minlength=4)
        assert int(counts.min()) > 100
    assert not torch.equal(env.reset(seed=1).facts["quadrant"], drawn)
    assert torch.equal(env.reset(seed=0).facts["quadrant"], drawn)


@ALL
def test_what_is_unseen_goes_on_all_the_same(config: AttentionConfig) -> None:
    """Turns draw nothing, so the world is the same wherever one looks."""
    one, two = config.build(20, "cpu"), config.build(20, "cpu")
    rows = play(one, 60)
    others = [two.reset(seed=0)]
    others += [two.step(torch.full((20,), STAY)) for _ in range(60)]
    alike = stacked(rows, "places") == stacked(others, "places")
    if config.animate is Animate.PEEKABOO:  # which answers to the gaze
        assert not alike[:, :, 0].all()
        alike = alike[:, :, 1:]
    assert alike.all()
    assert not torch.equal(stacked(rows, "in_view"), stacked(others, "in_view"))


def test_three_groups_of_noise_have_nothing_in_common() -> None:
    env = AttentionConfig(company=Company.NOISE, pixels=0).build(50, "cpu")
    places = stacked(play(env, 200), "places")[:, :, 1:, 0]
    way = (places[1:] - places[:-1]) / 0.2
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert abs(float((way[:, :, i] * way[:, :, j]).sum(-1).mean())) < 0.03


def test_the_end_of_an_episode_cuts_time_and_nothing_else() -> None:
    cut = AttentionConfig(max_episode_steps=10, pixels=0).build(4, "cpu")
    rows = play(cut, 32)
    ends = [t for t, row in enumerate(rows) if row.truncated.all()]
    assert ends == [10, 21, 32]
    assert [t for t, row in enumerate(rows) if row.first.all()] == [0, 11, 22]
    assert not any(row.terminated.any() or row.reward.any() for row in rows)
    for t in (10, 21):
        assert torch.equal(vectors(rows)[t], vectors(rows)[t + 1])
        for name in rows[t].facts:
            assert torch.equal(rows[t].facts[name], rows[t + 1].facts[name]), name
    moved = stacked(rows, "places")
    assert not torch.equal(moved[9], moved[10])
    assert not torch.equal(moved[11], moved[12])


def test_a_reset_goes_on_and_a_seed_begins_anew() -> None:
    env = AttentionConfig(pixels=0).build(3, "cpu")
    first = env.reset(seed=0)
    last = env.step(torch.full((3,), STAY))
    again = env.reset()
    assert again.first.all()
    assert torch.equal(again.facts["places"], last.facts["places"])
    assert torch.equal(env.reset(seed=0).facts["places"], first.facts["places"])


@ALL
def test_saved_worlds_go_on_where_they_were(config: AttentionConfig) -> None:
    env, other = config.build(5, "cpu"), config.build(5, "cpu")
    play(env, 25)
    saved = env.state_dict()
    other.reset(seed=9)
    shown = other.load_state_dict(saved)
    for t in range(40):
        action = torch.full((5,), t % 9)
        row, twin = env.step(action), other.step(action)
        assert torch.equal(vectors([row]), vectors([twin]))
        assert torch.equal(row.facts["places"], twin.facts["places"])
    assert shown.facts["in_view"].dtype == torch.int64


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (AttentionConfig(pixels=-1), "pixels must be 0 or at least 8, not -1"),
        (AttentionConfig(pixels=7), "not 7"),
        (AttentionConfig(max_episode_steps=0), "max_episode_steps must be 1 or more"),
        (
            AttentionConfig(Animate.CHASING, escape_jitter=-1.0),
            "jitter must be 0 or more",
        ),
    ],
)
def test_numbers_out_of_range_are_refused(
    config: AttentionConfig, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        config.build(2, "cpu")


def test_four_groups_are_needed() -> None:
    with pytest.raises(ValueError, match="four quadrants: not 3"):
        AttentionWorld(kinds_of(Company.NOISE), 0, True, 10, "cpu")


class Fleeting(Behaviour):
    """Two objects in the corners, which are there in every other step."""

    looks: ClassVar[tuple[Look, ...]] = (
        Look((255, 0, 0), 0.1),
        Look((0, 0, 255), 0.2),
    )
    size = 5
    elusive = True

    def start(self, num: int, chance: Chance) -> Tensor:
        return torch.tensor([[1.0, 1.0, -1.0, -1.0, 0.0]]).repeat(num, 1)

    def step(self, state: Tensor, watched: Tensor, chance: Chance) -> Tensor:
        return torch.cat([-state[:, :4], 1 - state[:, 4:]], 1)

    def seen(self, state: Tensor) -> Tensor:
        return (state[:, 4:] == 0).expand(-1, 2)


def test_behaviours_of_your_own() -> None:
    """Two kinds of two groups each, which stand next to each other in a state."""
    kinds = [Kind("gone", Fleeting(), 2), Kind("still", Static(), 2)]
    world = AttentionWorld(kinds, 20, True, 100, "cpu")
    assert world.names == ("gone", "gone-2", "still", "still-2")
    check_env(lambda: NativeVectorEnv(world, 3), num_steps=30)
    env = NativeVectorEnv(world, 50)
    for t, row in enumerate(play(env, 5)):
        corner = torch.ones(50, 2, 2) * (1 if t % 2 == 0 else -1)
        torch.testing.assert_close(row.facts["places"][:, :2, 0], corner)
        torch.testing.assert_close(row.facts["places"][:, :2, 1], -corner)
        there = row.facts["there"].sum(2)
        assert there.tolist() == [[2 * (t % 2 == 0)] * 2 + [1, 1]] * 50


def test_a_behaviour_that_does_not_fit_is_refused() -> None:
    class Crowd(Fleeting):
        looks: ClassVar[tuple[Look, ...]] = Fleeting.looks * 3

    kinds = [Kind("crowd", Crowd()), *kinds_of(Company.NOISE)]
    with pytest.raises(ValueError, match="crowd has 6, and 5 numbers"):
        AttentionWorld(kinds, 0, True, 10, "cpu")


@pytest.mark.gpu
@pytest.mark.parametrize("stochastic", [False, True])
@pytest.mark.parametrize("animate", Animate)
def test_many_envs_on_a_gpu_without_waiting(animate: Animate, stochastic: bool) -> None:
    env = AttentionConfig(animate, stochastic).build(num_envs=4096, device="cuda")
    env.reset(seed=0)
    actions = torch.randint(9, (50, 4096), device="cuda")
    torch.cuda.set_sync_debug_mode("error")
    try:
        for action in actions:
            row = env.step(action)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert row.obs.shape == (4096, 3, 36, 36)
    assert len(row.obs.flatten(1).unique(dim=0)) > 3_000
