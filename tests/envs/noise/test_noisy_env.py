"""Every noise around every kind of world keeps the contract, and adds nothing else."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from envs.atari.native import AtariConfig
from envs.attention.config import AttentionConfig
from envs.check import check_env, random_action
from envs.counting import CountingConfig
from envs.gym.env import GymnasiumConfig
from envs.noise.config import NoisyConfig, NoisyWatchedConfig, with_noise
from envs.noise.frame_layer import FrameLayerConfig
from envs.noise.no_op_patterns import NoOpPatternsConfig
from envs.noise.noisy_env import NoisyVectorEnv
from envs.noise.persistive import PersistiveConfig
from envs.noise.pictures import NoPictureConfig, StillConfig
from envs.noise.sticky import StickyConfig
from envs.noise.tv import TvConfig
from envs.noise.world_noise import WorldNoiseConfig
from envs.tiles.maze.pixel_maze import PixelMazeConfig
from envs.vector_env import ObservableWorld, WatchedWorld, WorldConfig
from experiments.config.json import from_json, to_json
from tests.envs.noise.echo import echo

NOISES: dict[str, WorldNoiseConfig] = {
    "tv": TvConfig(),
    "tv-static": TvConfig(StillConfig()),
    "tv-sham": TvConfig(NoPictureConfig()),
    "layer": FrameLayerConfig(),
    "no-op": NoOpPatternsConfig(),
    "persistive": PersistiveConfig(),
    "sticky": StickyConfig(),
}
WORLDS: dict[str, WorldConfig] = {
    "counting": CountingConfig(),
    "pixel-maze": PixelMazeConfig((1, 2), 6, locks=1, max_episode_steps=12),
    "gymnasium": GymnasiumConfig(vector=True),
    "atari": AtariConfig("Pong", max_frames=32),
    "atari-facts": AtariConfig("Pong", max_frames=32).with_facts(),
    "noisy": NoisyConfig(CountingConfig(), StickyConfig(0.5)),
}
PAIRS = [
    *(("counting", x) for x in NOISES),
    *(("pixel-maze", x) for x in NOISES),
    *(("gymnasium", x) for x in ("tv", "layer")),
    *(("atari", x) for x in ("tv", "persistive")),
    ("atari-facts", "no-op"),
    *(("noisy", x) for x in ("tv", "layer")),
]


@pytest.mark.parametrize(("world", "noise"), PAIRS)
def test_the_contract_is_kept(world: str, noise: str) -> None:
    config = NoisyConfig(WORLDS[world], NOISES[noise])
    few = world.startswith("atari")  # slow
    check_env(lambda: config.build(2 if few else 3, "cpu"), 12 if few else 30)


def outcomes(env: NoisyVectorEnv, actions: Tensor) -> list[dict[str, Tensor]]:
    seen = [env.reset(seed=5), *map(env.step, actions)]
    return [
        {
            "reward": x.reward,
            "terminated": x.terminated,
            "truncated": x.truncated,
            "first": x.first,
            **{k: v for k, v in x.facts.items() if k not in ("noise", "tv", "stuck")},
        }
        for x in seen
    ]


@pytest.mark.parametrize("noise", [x for x in NOISES if x != "sticky"])
def test_rewards_flags_and_facts_are_those_of_the_world(
    noise: str, generator: torch.Generator
) -> None:
    world = PixelMazeConfig((1, 2), 6, locks=1, slip=0.3, max_episode_steps=12)
    actions = torch.randint(5, (40, 4), generator=generator)
    plain, noisy = world.build(4, "cpu"), NoisyConfig(world, NOISES[noise])
    clean = [plain.reset(seed=5), *map(plain.step, actions)]
    for one, two in zip(outcomes(noisy.build(4, "cpu"), actions), clean, strict=True):
        for name, value in one.items():
            kept = two.facts[name] if name in two.facts else getattr(two, name)
            assert torch.equal(value, kept), name
        assert {*one} - {"reward", "terminated", "truncated", "first"} == {*two.facts}


@pytest.mark.parametrize("noise", NOISES)
def test_a_saved_world_goes_on_bit_for_bit(
    noise: str, generator: torch.Generator
) -> None:
    """From before the end of some episodes; and it shows the row it was left at."""
    config = NoisyConfig(CountingConfig(), NOISES[noise])
    env = config.build(6, "cpu")
    env.reset(seed=1)
    num = 5 + int(noise.startswith("tv"))
    actions = torch.randint(num, (40, 6), generator=generator)
    for t in range(20):
        latest = env.step(actions[t])
        if (latest.terminated | latest.truncated).any() and t > 5:
            break
    state = env.state_dict()
    assert state is not None
    other = config.build(6, "cpu")
    other.reset(seed=9)
    shown = other.load_state_dict(state)
    assert torch.equal(shown.obs, latest.obs)
    for name, fact in latest.facts.items():
        assert torch.equal(shown.facts[name], fact), name
    for action in actions[20:]:
        one, two = env.step(action), other.step(action)
        assert torch.equal(one.obs, two.obs)
        assert all(torch.equal(one.facts[k], two.facts[k]) for k in one.facts)


def test_where_the_world_cannot_be_saved_the_noise_is_not() -> None:
    env = NoisyConfig(AtariConfig("Pong"), TvConfig()).build(1, "cpu")
    env.reset(seed=0)
    assert env.state_dict() is None
    env.close()
    native = NoisyConfig(CountingConfig(), TvConfig()).build(1, "cpu")
    with pytest.raises(RuntimeError, match="reset them first"):
        native.state_dict()


def test_noises_around_one_world_draw_for_themselves() -> None:
    """Neither the same numbers as the world does, nor as the noise below."""
    world = echo(50, limit=900)
    inner = NoisyVectorEnv(world, StickyConfig(0.5).build(world.spec))
    outer = NoisyVectorEnv(inner, FrameLayerConfig(0.5).build(inner.spec))
    outer.reset(seed=3)
    seen = [outer.step(torch.ones(50, dtype=torch.int64)).facts for _ in range(40)]
    stuck = torch.stack([x["stuck"] for x in seen[1:]]).float().flatten()
    noisy = torch.stack([x["noise"] for x in seen[1:]]).float().flatten()
    both = torch.corrcoef(torch.stack([stuck, noisy]))[0, 1]
    assert both.abs() < 5 / len(stuck) ** 0.5


def test_a_row_is_fresh_where_any_noise_is() -> None:
    world = echo(40, limit=900)
    layer = FrameLayerConfig(0.25)
    inner = NoisyVectorEnv(world, layer.build(world.spec))
    outer = NoisyVectorEnv(inner, layer.build(inner.spec))
    outer.reset(seed=3)
    told = [outer.step(torch.ones(40, dtype=torch.int64)).facts for _ in range(60)]
    share = torch.stack([x["noise"] for x in told]).float().mean()
    both = 1 - 0.75**2
    assert abs(share - both) < 5 * (both * (1 - both) / 2400) ** 0.5


def test_resets_of_some_leave_the_noise_of_others() -> None:
    """The picture of the row before, and the sign that it was fresh."""
    world = echo(4, limit=900)
    env = NoisyVectorEnv(world, FrameLayerConfig(1.0).build(world.spec))
    env.reset(seed=0)
    before = env.step(torch.zeros(4, dtype=torch.int64))
    mask = torch.tensor([True, False, True, False])
    after = env.reset(mask=mask)
    same = (after.obs == before.obs).flatten(1).all(1)
    assert torch.equal(same, ~mask)
    assert after.facts["noise"].all()


def test_ends_of_others_outlive_a_reset_of_some() -> None:
    """Their next action is ignored by the noise, as it is by the world."""
    world = echo(3, limit=2)
    env = NoisyVectorEnv(world, TvConfig().build(world.spec))
    env.reset(seed=0)
    switch = torch.full((3,), 4)
    assert [bool(env.step(switch).terminated.all()) for _ in range(2)] == [False, True]
    mask = torch.tensor([True, False, False])
    env.reset(mask=mask)
    row = env.step(switch)
    assert torch.equal(row.first, ~mask)
    assert torch.equal(row.facts["tv"], mask)


def test_configs_offer_what_their_world_offers() -> None:
    plain = with_noise(PixelMazeConfig(), TvConfig())
    assert isinstance(plain, NoisyConfig)
    assert not isinstance(plain, WatchedWorld)
    assert plain.with_facts() == plain
    atari = with_noise(AtariConfig("Pong"), TvConfig())
    assert isinstance(atari, ObservableWorld)
    told = NoisyConfig(AtariConfig("Pong").with_facts(), TvConfig())
    assert atari.with_facts() == told
    assert with_noise(CountingConfig(), None) == CountingConfig()
    assert from_json(to_json(atari)) == atari


def test_worlds_of_parts_are_watched_through_the_noise(
    generator: torch.Generator,
) -> None:
    inner = AttentionConfig()
    config = with_noise(inner, FrameLayerConfig(1.0, strength=20, vector_strength=0.5))
    assert isinstance(config, NoisyWatchedConfig)
    assert isinstance(config, WatchedWorld)
    assert config.parts == inner.parts
    env = config.build(2, "cpu")
    env.reset(seed=0)
    env.step(random_action(env, generator))
    watched = config.watching(env, seed=4)
    clean = inner.watching(env.world, seed=4)
    assert watched.spec.num_envs == 8
    stay = torch.zeros(8, dtype=torch.int64)
    noisy, plain = watched.step(stay), clean.step(stay)
    assert noisy.vector is not None
    assert plain.vector is not None
    assert torch.allclose((noisy.vector - plain.vector).abs(), torch.tensor(0.5))
    assert torch.equal(noisy.facts["in_view"], plain.facts["in_view"])
    with pytest.raises(ValueError, match="is no world with noise"):
        config.watching(env.world, seed=4)


def test_what_does_not_go_together_is_refused_and_closed() -> None:
    box = GymnasiumConfig("Pendulum-v1")
    with pytest.raises(ValueError, match="asks which action was chosen"):
        NoisyConfig(box, TvConfig()).build(1, "cpu")
    layered: Callable[[], NoisyVectorEnv] = lambda: replace(  # noqa: E731
        NoisyConfig(box), noise=FrameLayerConfig()
    ).build(2, "cpu")
    check_env(layered, num_steps=5)
