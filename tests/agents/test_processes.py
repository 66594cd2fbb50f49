"""Two processes with half of the envs each are the agent of one, step by step."""

from typing import Any

import pytest

from agents.seeds import Seeds
from tests.agents.two_processes import CASES
from tests.ssl_objectives.launch import run_twice


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("processes")
    return run_twice("tests.agents.two_processes", folder)


@pytest.mark.parametrize("name", CASES)
def test_steps_are_those_of_one_process(name: str, found: list[dict[str, Any]]) -> None:
    """Parameters, optimiser, normalisers, metrics, episodes; also from a checkpoint."""
    for process in found:
        case = process["cases"][name]
        assert case["state"] < 1e-6
        assert case["told"] < 1e-6
        assert case["resumed"] < 1e-6
        assert case["moved"] > 1e-3


def test_each_process_has_worlds_of_its_own(found: list[dict[str, Any]]) -> None:
    """When a run begins, and when it goes on in worlds that saved nothing."""
    seeds = [process["seeds"] for process in found]
    assert seeds[0] == [Seeds.of(5).worlds, Seeds.resumed(5, 64)]
    assert len({x for own in seeds for x in own}) == 4


def test_what_would_be_another_agent_is_refused(found: list[dict[str, Any]]) -> None:
    for process in found:
        refused = process["refused"]
        assert refused["envs"] == (
            "4 envs of each of 2 processes cannot be split into 8 minibatches "
            "(--agent.ppo.num-minibatches); make --num-envs a multiple of 16"
        )
        assert refused["signal"].startswith("curiosity coded does not say that several")
        assert (
            refused["worlds"] == "--num-envs 7 must be a multiple of the 2 processes."
        )
        assert "learn in one process alone" in refused["policy"]
        assert "was saved by 3 processes, and here are 2" in refused["processes"]
