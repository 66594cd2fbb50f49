import pytest
import torch

from envs.check import EnvContractError, check_env, random_action
from envs.counting import CountingConfig, CountingWorld, decode
from envs.native_env import NativeVectorEnv
from envs.vector_env import Step


def make() -> NativeVectorEnv:
    return CountingConfig().build(num_envs=6, device="cpu")


def test_contract() -> None:
    check_env(make)


def test_frames_decode_to_the_facts_and_advance_by_one(
    generator: torch.Generator,
) -> None:
    env = make()
    before = decode(env.reset(seed=0).obs)
    assert before.env.tolist() == list(range(6))
    seen_first = 0
    for _ in range(300):
        row = env.step(random_action(env, generator))
        now = decode(row.obs)
        for got, fact in zip(now, row.facts.values(), strict=True):
            assert torch.equal(got, fact)
        assert torch.equal(now.episode, before.episode + row.first)
        assert torch.equal(now.step, torch.where(row.first, 0, before.step + 1))
        assert torch.equal(row.reward, now.step.float())
        before, seen_first = now, seen_first + int(row.first.sum())
    assert seen_first > 100


def test_step_limit_truncates() -> None:
    class Short(CountingWorld):
        max_episode_steps = 2

    env = NativeVectorEnv(Short(), 3)
    env.reset(seed=0)
    action = torch.zeros(3, dtype=torch.int64)
    assert not env.step(action).truncated.any()
    assert env.step(action).truncated.all()
    assert env.step(action).first.all()


class _Late(NativeVectorEnv):
    """Breaks the contract: sets `first` one row too late."""

    def step(self, action: torch.Tensor) -> Step:
        row = super().step(action)
        return Step(
            row.obs,
            row.reward,
            row.terminated,
            row.truncated,
            torch.zeros_like(row.first),
            row.facts,
        )


def test_check_env_names_what_is_broken() -> None:
    with pytest.raises(EnvContractError, match="`first` must be set exactly"):
        check_env(lambda: _Late(CountingWorld(), 4))
