"""Our worlds by Gymnasium ids: all of them, and what others' checkers say."""

import subprocess
import sys
from typing import Any

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env as gymnasium_check
from stable_baselines3.common.env_checker import check_env as sb3_check

from envs.gym.single import single_world
from envs.registration import IDS, register
from experiments.parts.worlds import WORLDS

FIELDS: dict[str, dict[str, Any]] = {
    "curious/Carry-v0": {"pixels": 16},
    "curious/PushButton-v0": {"pixels": 16},
    "curious/Rooms-v0": {"pixels": 16},
    "curious/Sequence-v0": {"pixels": 16},
    "curious/SocialRoom-v0": {"pixels": 16},
}


def test_every_world_of_the_table_has_an_id() -> None:
    names = {x.title().replace("-", "") for x in WORLDS.rows if x != "gymnasium"}
    assert set(IDS) == {f"curious/{x}-v0" for x in names}


@pytest.mark.parametrize("name", IDS)
@pytest.mark.filterwarnings("ignore:.*(Box observation space|image|bound|flat|NaN).*")
@pytest.mark.filterwarnings("ignore:.*(not within|different from|metadata).*")
def test_other_peoples_checkers_find_nothing_wrong(name: str) -> None:
    if name == "curious/MyWayHome-v0":
        pytest.importorskip("vizdoom")
    env = gymnasium.make(name, **FIELDS.get(name, {}))
    assert env.spec is not None
    assert env.spec.id == name
    gymnasium_check(env.unwrapped)
    sb3_check(env.unwrapped)
    env.close()


def test_fields_of_the_config_are_arguments() -> None:
    env = gymnasium.make(
        "curious/KeyDoor-v0", max_episode_steps=4, render_mode="rgb_array"
    )
    env.reset(seed=0)
    ends = [env.step(0)[2:4] for _ in range(4)]
    assert ends == [(False, False)] * 3 + [(False, True)]
    assert env.render() is not None
    with pytest.raises(
        ValueError, match="render_mode must be 'rgb_array', not 'human'"
    ):
        single_world("envs.counting:CountingConfig", render_mode="human")


def test_registering_twice_changes_nothing() -> None:
    before = {name: gymnasium.spec(name) for name in IDS}
    register()
    assert {name: gymnasium.spec(name) for name in IDS} == before


@pytest.mark.parametrize("order", ["envs, gymnasium", "gymnasium, envs"])
def test_ids_are_there_in_any_order_of_imports(order: str) -> None:
    code = (
        f"import sys, {order}\n"
        f"assert not [x for x in sys.meta_path if type(x).__name__ == '_Awaited']\n"
        "assert gymnasium.__spec__.loader is gymnasium.__loader__\n"
        "print(*sorted(x for x in gymnasium.registry if x.startswith('curious/')))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == sorted(IDS)
