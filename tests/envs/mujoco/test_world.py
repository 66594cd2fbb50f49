"""Stages behind the contract: worlds of their own, whatever others do."""

import pytest
import torch

from envs.check import check_env
from envs.mujoco.drawn import Drawn
from envs.vector_env import Step
from tests.envs.mujoco.dropped import DroppedConfig


def rows(num: int, seed: int, steps: int = 60) -> list[Step]:
    env = DroppedConfig().build(num, "cpu")
    push = torch.linspace(-1, 1, 9)
    return [
        env.reset(seed=seed),
        *[env.step(push[t % 9].expand(num, 1)) for t in range(steps)],
    ]


def test_contract() -> None:
    check_env(lambda: DroppedConfig().build(3, "cpu"), num_steps=30)


def test_a_world_is_the_same_whatever_lies_beside_it() -> None:
    few, many = rows(2, seed=4), rows(7, seed=4)
    ends = torch.stack([x.terminated | x.truncated for x in many])
    assert (ends.sum(0) >= 2).all()
    assert len({tuple(x) for x in ends.T.tolist()}) > 1, "all ended at the same time"
    for one, other in zip(few, many, strict=True):
        assert one.vector is not None
        assert other.vector is not None
        assert torch.equal(one.obs, other.obs[:2])
        assert torch.equal(one.vector, other.vector[:2])
        assert torch.equal(one.reward, other.reward[:2])
        assert torch.equal(one.first, other.first[:2])


def test_worlds_and_seeds_differ() -> None:
    begun = [rows(5, seed, 0)[0].facts["height"] for seed in range(4)]
    assert len(torch.cat(begun).unique()) == 20


def test_episodes_differ() -> None:
    heights = [x.facts["height"][x.first] for x in rows(1, seed=1)]
    begun = torch.cat(heights)
    assert len(begun) > 2
    assert len(begun.unique()) == len(begun)


def test_a_seed_for_some_worlds_gives_them_new_keys_and_leaves_the_others() -> None:
    env, twin, other = (DroppedConfig().build(4, "cpu") for _ in range(3))
    push = torch.zeros(4, 1)
    env.reset(seed=1)
    twin.reset(seed=1)
    for _ in range(7):
        before, _ = env.step(push), twin.step(push)
    some = torch.tensor([False, True, False, True])
    row, anew = env.reset(seed=2, mask=some), other.reset(seed=2)
    assert torch.equal(row.first, some)
    assert torch.equal(row.obs[~some], before.obs[~some])
    for _ in range(30):  # episodes end, and draw again
        rows = env.step(push), other.step(push), twin.step(push)
        mine, seeded, gone_on = (x.facts["height"] for x in rows)
        assert torch.equal(mine[some], seeded[some])
        assert torch.equal(mine[~some], gone_on[~some])
    assert anew.first.all()


@pytest.mark.parametrize("pixels", [-1, 7])
def test_refused_sizes(pixels: int) -> None:
    with pytest.raises(
        ValueError, match=f"pixels must be 0 or at least 8, not {pixels}"
    ):
        Drawn(pixels)


def test_depth_needs_pictures() -> None:
    from tests.envs.mujoco.dropped import Dropped

    with pytest.raises(ValueError, match="ask for pixels"):
        Drawn(0, depth=True).world(Dropped(), "cpu")
