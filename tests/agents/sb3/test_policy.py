"""Our players under SB3's `evaluate_policy`, as they play by themselves."""

import numpy as np
import torch
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import VecMonitor

from agents.play import play_episodes
from agents.player import Player
from agents.sb3.policy import PlayerPolicy
from agents.sb3.worlds import WorldVecEnv
from envs.counting import CountingConfig
from envs.vector_env import EnvSpec
from tests.agents.small import SMALL
from world_models.presets import byol_explore


def player(spec: EnvSpec) -> Player:
    torch.manual_seed(0)
    return SMALL.build_player(spec, byol_explore(2), 1)


def test_it_scores_what_it_scores_at_home() -> None:
    """Recurrent, with stacked frames; the counting world is the same for all."""
    world = CountingConfig().build(3, "cpu")
    played = player(world.spec)
    at_home = play_episodes(world, played.acting(1, greedy=True), 6, seed=0)
    envs = VecMonitor(WorldVecEnv(CountingConfig().build(3, "cpu")))
    policy = PlayerPolicy(played, envs)
    scores, lengths = evaluate_policy(policy, envs, 6, return_episode_rewards=True)
    assert isinstance(scores, list)
    assert isinstance(lengths, list)
    assert sorted(scores) == sorted(at_home.scores.tolist())
    assert sorted(lengths) == sorted(x.length for x in at_home.episodes)


def test_memory_is_the_state_and_is_forgotten_at_a_beginning() -> None:
    envs = WorldVecEnv(CountingConfig().build(3, "cpu"))
    policy, seen = PlayerPolicy(player(envs.env.spec), envs), envs.reset()
    _, begun = policy.predict(seen, None, deterministic=True)
    _, later = policy.predict(seen, begun, deterministic=True)
    assert (later.memory != begun.memory).any(1).all()
    starts = np.array([True, False, True])
    _, again = policy.predict(seen, later, starts, deterministic=True)
    torch.testing.assert_close(again.memory[starts], begun.memory[starts])
    assert (again.memory[1] != begun.memory[1]).any()


def test_what_it_draws_is_the_seeds() -> None:
    envs = WorldVecEnv(CountingConfig().build(3, "cpu"))
    played, seen = player(envs.env.spec), envs.reset()

    def drawn(seed: int) -> list[list[int]]:
        policy, state, acted = PlayerPolicy(played, envs, seed), None, []
        for _ in range(8):
            actions, state = policy.predict(seen, state)
            acted.append(actions.tolist())
        return acted

    assert drawn(5) == drawn(5)
    assert drawn(5) != drawn(6)
