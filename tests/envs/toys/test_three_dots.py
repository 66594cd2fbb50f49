from itertools import product

import pytest
import torch
from scipy.special import iv

from envs.check import check_env
from envs.toys.backgrounds import NamedBackgrounds
from envs.toys.scene import NoiseConfig
from envs.toys.three_dots import (
    STEERED,
    STILL,
    WANDERING,
    ThreeDotsConfig,
    ThreeDotsWorld,
)
from envs.toys.wander import CONCENTRATION, von_mises_actions

NOISES = [
    NoiseConfig(),
    *(
        NoiseConfig(name, alpha, changing)
        for name, alpha, changing in product(
            NamedBackgrounds, (1.0, 2.0), (True, False)
        )
    ),
]


@pytest.mark.parametrize("noise", NOISES, ids=str)
def test_contract(noise: NoiseConfig) -> None:
    check_env(lambda: ThreeDotsConfig(noise, 7).build(4, "cpu"), num_steps=40)


def test_one_obeys_one_wanders_one_stays(generator: torch.Generator) -> None:
    num = 50
    env = ThreeDotsConfig().build(num, "cpu")
    row = env.reset(seed=1)
    assert not row.facts["displacements"].any()
    for action in von_mises_actions(num, 16, generator):
        before, row = row.facts["places"], env.step(action)
        places, by = row.facts["places"], row.facts["displacements"]
        torch.testing.assert_close(places - before, by)
        told = (before[:, STEERED] + 4 * action).clamp(2.6, 24.4)
        torch.testing.assert_close(places[:, STEERED], told)
        assert not by[:, STILL].any()
        assert float(by[:, WANDERING].norm(dim=1).max()) <= 4 + 1e-4
        # In a corner even it may stay.
        assert float(by[:, WANDERING].any(1).float().mean()) > 0.9


def test_the_wanderer_keeps_to_its_heading(generator: torch.Generator) -> None:
    num, steps = 6_000, 12
    world = ThreeDotsWorld(NoiseConfig().build(num_dots=3))
    state = world.start(num, generator, None)
    total = torch.zeros(num, 2)
    for _ in range(steps):
        # From the middle, where no wall is within reach.
        state = state._replace(places=torch.full((num, 3, 2), 13.5))
        state = world.transition(state, torch.zeros(num, 2), generator).state
        by = state.displacements[:, WANDERING]
        total += by / by.norm(dim=1, keepdim=True)
    # Two of its steps point alike by R².
    alike = (total.square().sum(1) - steps) / (steps * (steps - 1))
    expected = (iv(1, CONCENTRATION) / iv(0, CONCENTRATION)) ** 2
    noise = 5 * float(alike.std()) / num**0.5
    assert noise < expected
    assert float(alike.mean()) == pytest.approx(expected, abs=noise)


def test_the_wanderer_does_not_care_for_the_action() -> None:
    env, twin = (ThreeDotsConfig().build(5, "cpu") for _ in range(2))
    env.reset(seed=2)
    twin.reset(seed=2)
    for _ in range(10):
        row = env.step(torch.ones(5, 2))
        other = twin.step(-torch.ones(5, 2))
        one, two = row.facts["places"], other.facts["places"]
        assert torch.equal(one[:, WANDERING:], two[:, WANDERING:])
        assert not torch.equal(one[:, STEERED], two[:, STEERED])


def test_all_three_are_seen_alike() -> None:
    env = ThreeDotsConfig().build(200, "cpu")
    row = env.reset(seed=0)
    places = row.facts["places"]
    apart = torch.cdist(places, places) + 99 * torch.eye(3)
    alone = apart.flatten(1).amin(1) > 8
    assert int(alone.sum()) > 20
    nearest = places[alone].round().long()
    number = torch.arange(int(alone.sum())).unsqueeze(1)
    seen = row.obs[alone, 0][number, nearest[..., 1], nearest[..., 0]]
    # A centre at most half a pixel away in each direction is 86 to 100 % as bright.
    assert 0.85 * 85 <= int(seen.min()) <= int(seen.max()) <= 86


def test_a_scene_of_one_is_refused() -> None:
    with pytest.raises(ValueError, match="of 1"):
        ThreeDotsWorld(NoiseConfig().build(num_dots=1))
