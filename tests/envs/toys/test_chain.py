from itertools import product

import pytest
import torch

from envs.check import check_env
from envs.toys.chain import ChainConfig, ChainWorld


def naive(length: int, actions: tuple[int, ...]) -> tuple[float, bool]:
    """Return of an episode, and whether the right end paid in it: rules in a loop."""
    link, total, found = 1, 0.0, False
    for action in actions:
        if action == 1 and link == length - 1:
            total, found = total + 1.0, True
        elif action == 0 and link == 0:
            total += 0.001
        link = min(link + 1, length - 1) if action else max(link - 1, 0)
    return total, found


@pytest.mark.parametrize("config", [ChainConfig(3), ChainConfig(6, pixels=2)], ids=str)
def test_contract(config: ChainConfig) -> None:
    check_env(lambda: config.build(5, "cpu"), num_steps=70)


@pytest.mark.parametrize("length", [3, 5])
def test_every_episode_pays_what_it_should(length: int) -> None:
    """All sequences of actions there are, so that chance is counted."""
    every = list(product(range(2), repeat=length + 9))
    env = ChainConfig(length).build(len(every), "cpu")
    env.reset(seed=0)
    total = torch.zeros(len(every))
    for action in torch.tensor(every).T:
        row = env.step(action)
        total += row.reward
    assert row.truncated.all()
    told = [naive(length, x) for x in every]
    torch.testing.assert_close(total, torch.tensor([x for x, _ in told]))
    world = ChainWorld(ChainConfig(length), "cpu")
    assert float(total.max()) == world.optimal_return
    assert sum(x for _, x in told) / len(told) == pytest.approx(world.chance, abs=1e-12)


def test_always_left_is_worth_almost_nothing() -> None:
    env = ChainConfig(8).build(2, "cpu")
    total = env.reset(seed=0).reward
    for _ in range(17):
        row = env.step(torch.zeros(2, dtype=torch.int64))
        total = total + row.reward
    assert row.truncated.all()
    assert total.tolist() == pytest.approx([0.016, 0.016])


def test_the_link_is_what_is_seen() -> None:
    env = ChainConfig(6, pixels=2).build(1, "cpu")
    row = env.reset(seed=0)
    for action in (1, 1, 0, 1, 1, 1, 1, 1, 0):
        assert row.obs.shape == (1, 1, 2, 12)
        lit = row.obs[0, 0].nonzero()[:, 1].unique() // 2
        assert lit.unique().tolist() == row.facts["link"].tolist()
        row = env.step(torch.tensor([action]))


def test_configs_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="length must be at least 3"):
        ChainConfig(2)
    with pytest.raises(ValueError, match="pixels at least 1"):
        ChainConfig(pixels=0)
