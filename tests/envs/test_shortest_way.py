"""The shortest way, against a search of its own, and walked to its end."""

from typing import Any

import pytest
import torch

from envs.native_env import NativeVectorEnv
from envs.shortest_way import ShortestWay
from envs.tiles.key_door import KeyDoorConfig
from envs.tiles.maze.pixel_maze import PixelMazeConfig
from envs.vector_env import WorldConfig

MAZE = PixelMazeConfig(rooms=(1, 2), room_size=6, locks=1, loops=0)


def begun(config: WorldConfig, num_envs: int = 1) -> NativeVectorEnv:
    env = config.build(num_envs, "cpu")
    assert isinstance(env, NativeVectorEnv)
    env.reset(0)
    return env


def searched(env: NativeVectorEnv) -> int:
    """Steps from the first state to the end, by frames and facts, one env at a time."""

    def told(state: Any) -> tuple[Any, ...]:
        facts = env.world.describe(state)
        named = {k: int(v) for k, v in facts.items() if k != "rooms"}
        return env.world.render(state).numpy().tobytes(), *named.items()

    generator = torch.Generator()
    level, known, steps = [env.state], {told(env.state)}, 0
    while level:
        steps += 1
        following = []
        for state in level:
            for action in range(env.world.actions.n):  # type: ignore[union-attr]
                chosen = torch.tensor([action])
                outcome = env.world.transition(state, chosen, generator)
                if outcome.terminated:
                    return steps
                if told(outcome.state) not in known:
                    known.add(told(outcome.state))
                    following.append(outcome.state)
        level = following
    raise AssertionError("there is no way")


@pytest.mark.parametrize("config", [KeyDoorConfig(size=6), MAZE])
def test_it_is_as_short_as_a_search_finds(config: WorldConfig) -> None:
    env = begun(config)
    way = ShortestWay(env.world, "cpu")
    assert way.steps(env.state).tolist() == [searched(env)]


def test_the_standard_grid_takes_as_long_as_it_says() -> None:
    env = begun(KeyDoorConfig())
    assert ShortestWay(env.world, "cpu").steps(env.state).tolist() == [25]


@pytest.mark.parametrize("config", [KeyDoorConfig(6, varied_layouts=True), MAZE])
def test_every_best_action_is_a_step_nearer(config: WorldConfig) -> None:
    """Walked in several layouts at once, one of the best drawn at each step."""
    env = begun(config, 3)
    way = ShortestWay(env.world, "cpu")
    generator = torch.Generator().manual_seed(1)
    left, done = way.steps(env.state), torch.zeros(3, dtype=torch.bool)
    for _ in range(int(left.max())):
        best = way.best(env.state)
        assert best.any(1).all()
        action = torch.multinomial(best.float(), 1, generator=generator)[:, 0]
        row = env.step(action)
        left = left - 1
        arrived = row.terminated & (row.reward > 0) & ~done
        assert torch.equal(arrived, (left == 0) & ~done)
        done |= arrived
        going = ~done
        assert torch.equal(way.steps(env.state)[going], left[going])
    assert done.all()


def test_where_no_way_leads_all_actions_are_alike() -> None:
    """Behind a wall without a door."""
    env = begun(KeyDoorConfig(size=6))
    walled = env.state._replace(key=torch.tensor([0]), door=torch.tensor([3]))
    way = ShortestWay(env.world, "cpu")
    assert way.steps(walled).tolist() == [2**31]
    assert way.best(walled).all()
