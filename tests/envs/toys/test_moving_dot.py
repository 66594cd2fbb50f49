from itertools import pairwise, product

import pytest
import torch
from torch import Tensor

from envs.check import check_env
from envs.native_env import NativeVectorEnv
from envs.toys.backgrounds import ImageBackgrounds, NamedBackgrounds
from envs.toys.moving_dot import MovingDotConfig, MovingDotWorld
from envs.toys.scene import NoiseConfig, Scene
from envs.toys.wander import von_mises_actions
from envs.vector_env import Step
from ssl_objectives import fashion_mnist_subset

NOISES = [
    NoiseConfig(),
    *(
        NoiseConfig(name, alpha, changing)
        for name, alpha, changing in product(
            NamedBackgrounds, (1.0, 2.0), (True, False)
        )
    ),
]


def world(noise: NoiseConfig) -> MovingDotWorld:
    return MovingDotWorld(noise.build(num_dots=1))


def play(env: NativeVectorEnv, actions: Tensor, seed: int = 0) -> list[Step]:
    return [env.reset(seed=seed), *[env.step(x) for x in actions]]


@pytest.mark.parametrize("noise", NOISES, ids=str)
@pytest.mark.parametrize("length", [5, 16])
def test_contract(noise: NoiseConfig, length: int) -> None:
    check_env(lambda: MovingDotConfig(noise, length).build(4, "cpu"), num_steps=60)


def test_an_episode_has_a_frame_more_than_actions(generator: torch.Generator) -> None:
    rows = play(MovingDotConfig().build(3, "cpu"), torch.zeros(35, 3, 2))
    truncated = [t for t, row in enumerate(rows) if row.truncated.all()]
    assert truncated == [16, 33]
    assert [t for t, row in enumerate(rows) if row.first.all()] == [0, 17, 34]
    assert not any(row.terminated.any() or row.reward.any() for row in rows)


@pytest.mark.parametrize("noise", NOISES[:3], ids=str)
def test_the_dot_goes_where_it_is_told(
    noise: NoiseConfig, generator: torch.Generator
) -> None:
    actions = von_mises_actions(50, 16, generator)
    rows = play(MovingDotConfig(noise).build(50, "cpu"), actions)
    place = rows[0].facts["place"]
    assert not rows[0].facts["displacement"].any()
    against_a_wall = 0
    for action, row in zip(actions, rows[1:], strict=True):
        told = place + 4 * action
        held = torch.minimum(torch.maximum(told, torch.tensor(2.6)), torch.tensor(24.4))
        torch.testing.assert_close(row.facts["place"], held)
        torch.testing.assert_close(row.facts["displacement"], held - place)
        against_a_wall += int((held != told).sum())
        place = row.facts["place"]
    assert against_a_wall > 20


def test_the_place_is_the_centroid_of_what_is_seen(generator: torch.Generator) -> None:
    actions = von_mises_actions(100, 16, generator)
    rows = play(MovingDotConfig().build(100, "cpu"), actions)
    frames = torch.stack([row.obs[:, 0] for row in rows]).float()
    places = torch.stack([row.facts["place"] for row in rows])
    weight = frames.sum((2, 3))
    pixel = torch.arange(28.0)
    x = (frames.sum(2) * pixel).sum(2) / weight
    y = (frames.sum(3) * pixel).sum(2) / weight
    # At a wall 2 % of a dot lie outside of the frame.
    off = torch.stack([x, y], -1) - places
    assert float(off.abs().max()) < 0.08
    assert float(off.square().mean().sqrt()) < 0.02


@pytest.mark.parametrize("noise", NOISES[1:], ids=str)
def test_backgrounds_last_as_long_as_told(noise: NoiseConfig) -> None:
    scene = noise.build(num_dots=1)
    env = NativeVectorEnv(MovingDotWorld(scene, max_episode_steps=3), 2)
    behind = []
    for row in play(env, torch.zeros(11, 2, 2)):
        place = row.facts["place"].unsqueeze(1)
        alone = scene.draw(place, torch.zeros(2, 28, 28))
        behind.append(row.obs.int() - alone.int())
    for i in range(2):
        same = [
            int((one[i] - two[i]).abs().max()) <= 2  # a rounding of each frame
            for one, two in pairwise(behind)
        ]
        within = [not noise.changing] * 3
        assert same == [*within, False, *within, False, *within]


@pytest.mark.parametrize("noise", NOISES, ids=str)
def test_two_dots_before_two_backgrounds(
    noise: NoiseConfig, generator: torch.Generator
) -> None:
    made = world(noise)
    frames = made.crossed_frames(6, generator)
    assert frames.dtype == torch.uint8
    assert frames.shape == (2, 2, 6, 1, 28, 28)
    seen = frames.int()
    dots, behind = seen[0] - seen[1], seen[:, 0] - seen[:, 1]
    # The sum of a dot and a background is a sum: to two roundings of each frame.
    assert int((dots[0] - dots[1]).abs().max()) <= 2
    assert int((behind[0] - behind[1]).abs().max()) <= 2
    assert bool((dots.abs().flatten(2).amax(2) > 0.5 * made.scene.peak_levels).all())
    assert bool(behind.any()) == (noise.alpha > 0)
    if noise.alpha > 0:
        assert bool(behind.flatten(2).any(2).all())
        other = (seen[0, 0, 0] - seen[0, 0, 1]).abs().float()
        assert float(other.mean()) > 1  # no two of the six share a background


def test_images_of_your_own_lie_behind_the_dot() -> None:
    images = fashion_mnist_subset()[:20]
    scene = Scene(1, ImageBackgrounds(images), alpha=1.0, changing=False)
    check_env(lambda: NativeVectorEnv(MovingDotWorld(scene), 4), num_steps=40)
    [row, *_] = play(NativeVectorEnv(MovingDotWorld(scene), 4), torch.zeros(0, 4, 2))
    dot = scene.draw(row.facts["place"].unsqueeze(1), torch.zeros(4, 28, 28))
    behind = (row.obs.float() - dot.float()) / scene.peak_levels
    off = (behind.unsqueeze(1) - images / 255).abs().flatten(2).amax(2)
    assert bool((off.amin(1) < 1.1 / scene.peak_levels).all())


def test_a_scene_of_three_is_refused() -> None:
    with pytest.raises(ValueError, match="of 3"):
        MovingDotWorld(NoiseConfig().build(num_dots=3))
