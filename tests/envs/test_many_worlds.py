import torch

from envs.check import check_env, random_action
from tests.envs.many_worlds import LIMIT, Carts


def test_thousands_of_worlds_keep_the_contract() -> None:
    check_env(lambda: Carts(2_048), num_steps=80)


def test_their_episodes_end_in_both_ways(generator: torch.Generator) -> None:
    env = Carts(2_048)
    env.reset(seed=0)
    rows = [env.step(random_action(env, generator)) for _ in range(LIMIT + 1)]
    terminated = torch.stack([x.terminated for x in rows]).any(0)
    truncated = torch.stack([x.truncated for x in rows]).any(0)
    assert terminated.sum() > 50
    assert truncated.sum() > 50
    assert (terminated | truncated).all()
