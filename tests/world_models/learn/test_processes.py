"""Two processes with half of the envs each are one with all of them."""

from typing import Any

import pytest

from tests.ssl_objectives.launch import run_twice
from tests.world_models.learn.two_processes import MODELS


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("processes")
    return run_twice("tests.world_models.learn.two_processes", folder)


@pytest.mark.parametrize("name", MODELS)
def test_steps_are_those_of_one_process(name: str, found: list[dict[str, Any]]) -> None:
    """Gradients, losses, and at last weights, buffers and moments."""
    # SPR's projector is shown all predictions by both, so that its batch norm counts
    # them twice where it makes the running variance unbiased.
    state = 1e-4 if name == "spr" else 1e-6
    for process in found:
        assert process[name]["gradient"] < 1e-6
        assert process[name]["loss"] < 1e-6
        assert process[name]["state"] < state
        assert process[name]["moved"] > 0.01
