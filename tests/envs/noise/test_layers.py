"""Zero-mean layers: how often they come, what they add, and to whom."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from envs.noise.frame_layer import FrameLayerConfig
from envs.noise.no_op_patterns import NoOpPatternsConfig
from envs.noise.noisy_env import NoisyVectorEnv
from envs.noise.signs import FixedSigns, FixedSignsConfig, FreshSigns
from envs.noise.world_noise import WorldNoiseConfig
from envs.noise.zero_mean import ZeroMeanLayer
from envs.vector_env import ContinuousActions, Step, VectorEnv
from tests.envs.noise.echo import echo

B, STEPS = 64, 60


def around(world: VectorEnv, noise: WorldNoiseConfig) -> NoisyVectorEnv:
    return NoisyVectorEnv(world, noise.build(world.spec))


def play(
    env: VectorEnv, choose: Callable[[int], Tensor], steps: int = STEPS
) -> list[Step]:
    return [env.reset(seed=1), *(env.step(choose(t)) for t in range(steps))]


def always(action: int) -> Callable[[int], Tensor]:
    return lambda t: torch.full((B,), action)


def test_every_byte_has_room_for_both_signs() -> None:
    """By hand, for every byte and three strengths: nothing is clipped or wraps."""
    world = echo(256)
    obs = torch.arange(256, dtype=torch.uint8).view(-1, 1, 1, 1).repeat(1, 2, 6, 8)
    for s in (1, 32, 127):
        layer = ZeroMeanLayer(world.spec, s, 1.0)
        up = torch.ones(256, layer.size, dtype=torch.int8)
        clean, bright, dark = (
            layer.on_frames(obs, x)[:, 0, 0, 0].tolist() for x in (0 * up, up, -up)
        )
        assert clean == [round(s + x * (255 - 2 * s) / 255) for x in range(256)]
        assert bright == [x + s for x in clean]
        assert dark == [x - s for x in clean]
        assert min(dark) == 0
        assert max(bright) == 255


def test_the_layer_comes_by_chance_with_fair_signs_for_each_env() -> None:
    s, p = 32, 0.25
    env = around(echo(B), FrameLayerConfig(p, s, vector_strength=3.0))
    rows = play(env, always(1))
    told = torch.stack([x.facts["noise"] for x in rows]).bool()
    frames = torch.stack([x.obs for x in rows]).long()
    vectors = torch.stack([x.vector for x in rows if x.vector is not None])
    grey = round(s + 100 * (255 - 2 * s) / 255)
    assert (frames[~told] == grey).all()
    assert (vectors[~told] == 0).all()
    assert set(frames[told].unique().tolist()) == {grey - s, grey + s}
    assert set(vectors[told].unique().tolist()) == {-3.0, 3.0}
    num = told.numel()
    assert abs(told.float().mean() - p) < 5 * (p * (1 - p) / num) ** 0.5
    firsts = torch.stack([x.first for x in rows])
    assert told[firsts].any()  # rows of resets are rows
    signs = torch.cat(
        [((frames - grey) // s)[told].flatten(1), (vectors / 3)[told].long()], 1
    ).float()
    assert signs.mean().abs() < 5 / signs.numel() ** 0.5
    assert signs.mean(0).abs().max() < 5 / len(signs) ** 0.5
    # No two rows are alike, in one env or in two.
    assert len(signs.unique(dim=0)) == len(signs)


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_chances_of_nothing_and_of_one(probability: float) -> None:
    env = around(echo(B), FrameLayerConfig(probability))
    told = torch.stack([x.facts["noise"] for x in play(env, always(0), 5)])
    assert (told == probability).all()


def test_patterns_are_few_and_the_same_everywhere() -> None:
    generator = torch.Generator().manual_seed(0)
    config = FixedSignsConfig(patterns=8, seed=3)
    device = torch.device("cpu")
    drawn = [config.build(101, device).draw(400, generator) for _ in range(2)]
    rows, counts = torch.cat(drawn).unique(dim=0, return_counts=True)
    assert len(rows) == 8
    assert counts.min() > 60  # of 100 each
    assert set(rows.unique().tolist()) == {-1, 1}
    other = FixedSignsConfig(patterns=8, seed=4).build(101, device)
    assert len(torch.cat([rows, other.draw(400, generator)]).unique(dim=0)) == 16
    assert isinstance(other, FixedSigns)
    fresh = FreshSigns(101).draw(400, generator)
    assert len(fresh.unique(dim=0)) == 400


def test_noise_on_the_no_op_comes_where_it_was_chosen_and_heeded(
    generator: torch.Generator,
) -> None:
    """Not in rows of resets, whose action is ignored, and behind no other action."""
    s = 20
    env = around(echo(B), NoOpPatternsConfig(no_op=2, strength=s, vector_strength=1.0))
    chosen = torch.randint(4, (STEPS, B), generator=generator)
    rows = play(env, lambda t: chosen[t])
    seen = torch.stack([x.obs for x in rows]).flatten(2).long()
    vectors = torch.stack([x.vector for x in rows if x.vector is not None]).long()
    first = torch.stack([x.first for x in rows])
    expected = torch.zeros_like(first)
    expected[1:] = (chosen == 2) & ~first[1:]
    assert (first[1:] & (chosen == 2)).any()
    told = torch.stack([x.facts["noise"] for x in rows])
    assert torch.equal(told.bool(), expected)
    grey = round(s + 100 * (255 - 2 * s) / 255)
    signs = torch.cat([(seen - grey) // s, vectors], 2)
    assert torch.equal(signs.any(-1), expected)
    assert len(signs[expected].unique(dim=0)) == 8
    by_env = [len(signs[:, i][expected[:, i]].unique(dim=0)) for i in range(B)]
    assert max(by_env) > 4  # an env sees many of them


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (lambda: FrameLayerConfig(1.5), "probability must be 0 … 1, not 1.5"),
        (lambda: FrameLayerConfig(strength=128), "strength must be 0 … 127"),
        (lambda: NoOpPatternsConfig(no_op=4), "no_op must be an action of the world"),
        (lambda: FrameLayerConfig(vector_strength=-1.0), "vector_strength must not"),
        (lambda: FixedSignsConfig(0), "patterns must be at least 1"),
    ],
)
def test_refusals(config: Callable[[], WorldNoiseConfig], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config().build(echo(2).spec)


def test_actions_that_are_no_numbers_are_refused() -> None:
    spec = echo(2, actions=ContinuousActions((-1.0,), (1.0,))).spec
    with pytest.raises(ValueError, match="asks which action was chosen"):
        NoOpPatternsConfig().build(spec)
