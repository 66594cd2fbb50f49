"""Physics that count: every step is done once, in its env, and shown as it is."""

import torch

from envs.check import check_env
from envs.mujoco.counting import MujocoCountingConfig, counted

CONFIG = MujocoCountingConfig()
NOTHING = torch.zeros(3, dtype=torch.int64)


def test_contract() -> None:
    check_env(lambda: CONFIG.build(3, "cpu"), num_steps=26)


def test_pictures_facts_and_vector_count_alike() -> None:
    env = CONFIG.build(3, "cpu")
    row = env.reset(seed=0)
    episode, step = torch.zeros(3).long(), torch.zeros(3).long()
    for _ in range(24):
        count = torch.stack([torch.arange(3), episode, step], 1)
        facts = torch.stack([row.facts[x] for x in ("env", "episode", "step")], 1)
        assert torch.equal(facts, count)
        assert torch.equal(counted(row.facts["depth"]), count)
        assert row.vector is not None
        assert torch.allclose(row.vector, count.float(), atol=1e-5)
        length = 3 + (7 * count[:, 0] + 5 * episode) % 11
        over = row.terminated | row.truncated
        assert torch.equal(over, step == length)
        row = env.step(NOTHING)
        assert torch.equal(row.first, over)
        episode, step = episode + over, torch.where(over, 0, step + 1)
        assert torch.equal(row.reward, step.float())
