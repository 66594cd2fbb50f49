from itertools import product

import pytest
import torch
from torch import Tensor

from envs.check import check_env, random_action
from envs.native_env import NativeVectorEnv
from envs.toys.deep_sea import DeepSeaConfig, DeepSeaWorld
from envs.vector_env import Step


def play(config: DeepSeaConfig, actions: Tensor) -> list[Step]:
    """One row more than `actions` `[T, B]` has."""
    env = config.build(actions.shape[1], "cpu")
    return [env.reset(seed=0), *[env.step(x) for x in actions]]


def naive(config: DeepSeaConfig, actions: list[int]) -> tuple[float, bool]:
    """Return of a dive, and whether it found the treasure: bsuite's rules in a loop."""
    world = DeepSeaWorld(config, "cpu")
    column, total, found = 0, 0.0, False
    for row in range(config.size):
        goes_right = actions[row] == int(world.right[row * config.size + column])
        if goes_right:
            if column == config.size - 1:
                total, found = total + 1.0, row == config.size - 1
            total -= config.cost / config.size
            column = min(column + 1, config.size - 1)
        else:
            column = max(column - 1, 0)
    return total, found


@pytest.mark.parametrize(
    "config",
    [DeepSeaConfig(2), DeepSeaConfig(5, pixels=2), DeepSeaConfig(4, mapping_seed=None)],
    ids=str,
)
def test_contract(config: DeepSeaConfig) -> None:
    check_env(lambda: config.build(5, "cpu"), num_steps=40)


@pytest.mark.parametrize("seed", [None, 0, 3])
def test_every_dive_pays_what_it_should_and_one_in_all_finds_the_treasure(
    seed: int | None,
) -> None:
    config = DeepSeaConfig(6, mapping_seed=seed)
    every = list(product(range(2), repeat=6))
    rows = play(config, torch.tensor(every).T)
    returns = torch.stack([x.reward for x in rows]).sum(0)
    told = [naive(config, list(x)) for x in every]
    torch.testing.assert_close(returns, torch.tensor([x for x, _ in told]))
    found = rows[-1].facts["found"]
    assert found.tolist() == [int(x) for _, x in told]
    world = DeepSeaWorld(config, "cpu")
    assert float(found.float().mean()) == world.chance == 2.0**-6
    assert float(returns.max()) == pytest.approx(world.optimal_return)
    assert rows[-1].terminated.all()
    assert not any(x.truncated.any() or x.terminated.any() for x in rows[:-1])


def test_left_is_free_and_worth_nothing() -> None:
    world = DeepSeaWorld(DeepSeaConfig(7), "cpu")
    env = NativeVectorEnv(world, 1)
    row = env.reset(seed=0)
    while not row.terminated.any():
        cell = row.facts["row"] * 7 + row.facts["column"]
        row = env.step(1 - world.right[cell])
        assert float(row.reward) == 0.0
        assert int(row.facts["column"]) == 0


def test_mappings_are_the_seeds_and_no_action_is_right_everywhere() -> None:
    maps = [
        DeepSeaWorld(DeepSeaConfig(10, mapping_seed=x), "cpu").right for x in (0, 1)
    ]
    again = DeepSeaWorld(DeepSeaConfig(10, mapping_seed=0), "cpu").right
    assert torch.equal(maps[0], again)
    assert not torch.equal(maps[0], maps[1])
    assert all(35 < int(x.sum()) < 65 for x in maps)
    assert DeepSeaWorld(DeepSeaConfig(10, mapping_seed=None), "cpu").right.all()


@pytest.mark.parametrize("pixels", [1, 3])
def test_one_cell_is_lit_and_none_behind_the_end(
    pixels: int, generator: torch.Generator
) -> None:
    env = DeepSeaConfig(5, pixels).build(9, "cpu")
    row = env.reset(seed=0)
    for _ in range(13):
        cells = row.obs.unflatten(3, (5, pixels)).unflatten(2, (5, pixels))
        white = (cells == 255).float().mean((1, 3, 5))
        place, column = row.facts["row"], row.facts["column"]
        want = torch.zeros(9, 5, 5)
        here = place < 5
        want[here, place[here], column[here]] = 1.0
        assert torch.equal(white, want)
        row = env.step(random_action(env, generator))


def test_configs_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="size must be at least 2"):
        DeepSeaConfig(1)
    with pytest.raises(ValueError, match="pixels at least 1"):
        DeepSeaConfig(pixels=0)
    with pytest.raises(ValueError, match="cost must be from 0"):
        DeepSeaConfig(cost=1.0)
