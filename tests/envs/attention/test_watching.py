"""A hard-coded gaze on each group, from where the worlds are."""

import pytest
import torch
from torch import Tensor

from envs.attention.config import AttentionConfig
from envs.behaviours.groups import Animate, Company
from envs.native_env import NativeVectorEnv
from envs.toys.moving_dot import MovingDotConfig
from envs.vector_env import Step
from tests.envs.attention.rows import play, stacked, vectors

CONFIGS = [
    AttentionConfig(animate, stochastic, company, pixels=0, max_episode_steps=50)
    for animate in Animate
    for stochastic, company in ((False, Company.MIXTURE), (True, Company.NOISE))
]
ALL = pytest.mark.parametrize(
    "config",
    CONFIGS,
    ids=lambda x: f"{x.animate.value} {x.company.value}",
)
NUM = 6


def begun(config: AttentionConfig) -> tuple[NativeVectorEnv, Step]:
    """Worlds that have been played in, and their latest row."""
    env = config.build(NUM, "cpu")
    return env, play(env, 37, seed=1)[-1]


def watch(env: NativeVectorEnv, steps: int) -> list[Step]:
    """Rows from the present one on, whatever is done."""
    chance = torch.Generator().manual_seed(0)
    num = env.spec.num_envs
    actions = torch.randint(9, (steps, num), generator=chance)
    return [env.reset(), *[env.step(x) for x in actions]]


@ALL
def test_it_goes_on_from_where_the_worlds_are(config: AttentionConfig) -> None:
    env, last = begun(config)
    first = config.watching(env, seed=0).reset()
    for name in ("places", "there", "quadrant"):
        expected = last.facts[name].repeat_interleave(4, 0)
        assert torch.equal(first.facts[name], expected), name


@ALL
def test_each_copy_looks_at_its_group(config: AttentionConfig) -> None:
    env, _ = begun(config)
    rows = watch(config.watching(env, seed=0), 150)
    group = torch.arange(4).repeat(NUM)
    on = stacked(rows, "in_view") == group
    wary = (group == 0) & (config.animate is Animate.PEEKABOO)
    assert on[:, ~wary].all()
    # A wary group is let alone for 20 steps of 60.
    times = torch.arange(151) % 60 < 40
    assert (on[:, wary] == times.unsqueeze(1)).all()
    # In the middle of a quadrant, the nearest borders are 3 to 4 headings away.
    off = stacked(rows, "heading") * 12 % 90 - 45
    assert int(off.abs().max()) <= 3
    assert not any(row.truncated.any() or row.first.any() for row in rows[1:])
    masks = vectors(rows)[..., 44:].unflatten(2, (4, 4))
    there = stacked(rows, "there")[:, torch.arange(4 * NUM), group]
    seen = masks[:, torch.arange(4 * NUM), group]
    assert torch.equal(seen, there.float() * on.unsqueeze(-1))


@ALL
def test_the_worlds_do_not_notice(config: AttentionConfig) -> None:
    env, _ = begun(config)
    other, _ = begun(config)
    watched = config.watching(env, seed=0)
    watch(watched, 20)
    for t in range(60):
        action = torch.full((NUM,), t % 9)
        row, twin = env.step(action), other.step(action)
        assert torch.equal(vectors([row]), vectors([twin]))
        assert torch.equal(row.facts["places"], twin.facts["places"])
        assert torch.equal(row.truncated, twin.truncated)


@ALL
def test_what_is_left_to_no_chance_is_as_in_the_world(config: AttentionConfig) -> None:
    env, _ = begun(config)
    rows = watch(config.watching(env, seed=0), 80)
    there = [env.step(torch.zeros(NUM, dtype=torch.int64)) for _ in range(40)]
    there = [x for x in there if not x.first.any()]  # where time stood still
    found = stacked(rows, "places")[1 : len(there) + 1].unflatten(1, (NUM, 4))
    expected = stacked(there, "places")
    same = (found - expected.unsqueeze(2)).abs().amax((2, 4, 5)) < 1e-5
    chance = config.animate in (Animate.MIMICRY, Animate.NOBODY) or config.stochastic
    if not chance and config.animate is not Animate.PEEKABOO:
        assert same[:, :, 0].all()
    if config.company is Company.MIXTURE:
        assert same[:, :, 1:3].all()
    assert not same[:, :, 3].any()


def test_draws_follow_from_the_seed() -> None:
    config = AttentionConfig(company=Company.NOISE, pixels=0)
    env, _ = begun(config)

    def places(seed: int) -> Tensor:
        return stacked(watch(config.watching(env, seed), 5), "places")

    one = places(0)
    assert torch.equal(places(0), one)
    other = places(1)
    assert torch.equal(other[0], one[0])
    assert not torch.equal(other[1], one[1])
    # Copies of one world draw for themselves.
    copies = one[1].unflatten(0, (NUM, 4))[:, :, 1]
    assert not torch.equal(copies[:, 0], copies[:, 1])


@pytest.mark.parametrize("stochastic", [False, True])
def test_the_gaze_sees_all_that_peekaboo_does(stochastic: bool) -> None:
    config = AttentionConfig(Animate.PEEKABOO, stochastic, pixels=0)
    env, _ = begun(config)
    watching = config.watching(env, seed=0)
    cover, home = _cover_and_home(watching)
    rows = watch(watching, 480)
    places = stacked(rows, "places").unflatten(1, (NUM, 4))[:, :, 0, 0, 0]
    masks = vectors(rows)[..., 44].unflatten(1, (NUM, 4))[:, :, 0] > 0
    away = (places - cover[::4]).norm(dim=-1)
    at_home = (places - home[::4]).norm(dim=-1) < 1e-4
    late = slice(120, None)  # the first two looks may begin anywhere
    assert (masks & at_home)[late].sum(0).ge(6).all()  # in each of 6 looks
    peeks = (away - 0.4).abs() < 1e-4
    assert (masks & peeks)[late].sum(0).ge(6 * 5).all()
    hidden = ~masks & (stacked(rows, "in_view")[:, ::4] == 0)
    assert hidden[late].sum(0).ge(6 * 10).all()
    assert (away[hidden] < 0.15).all()


def _cover_and_home(env: NativeVectorEnv) -> tuple[Tensor, Tensor]:
    doing = env.state_dict()["state"]["doing"]
    return doing[:, 2:4], doing[:, 4:6]


def test_frames_are_drawn_where_the_world_draws_them() -> None:
    config = AttentionConfig(pixels=20)
    env, _ = begun(config)
    rows = watch(config.watching(env, seed=0), 3)
    assert rows[0].obs.shape == (4 * NUM, 3, 20, 20)
    assert not torch.equal(rows[0].obs[3], rows[1].obs[3])
    assert torch.equal(rows[0].obs[1], rows[1].obs[1])


def test_other_worlds_are_refused() -> None:
    config = AttentionConfig()
    with pytest.raises(ValueError, match="NativeVectorEnv is no attention world"):
        config.watching(MovingDotConfig().build(2, "cpu"), seed=0)
    env, _ = begun(AttentionConfig(pixels=0))
    with pytest.raises(ValueError, match="no attention world"):
        config.watching(config.watching(env, seed=0), seed=0)
    with pytest.raises(RuntimeError, match="have not begun"):
        config.watching(config.build(2, "cpu"), seed=0)
