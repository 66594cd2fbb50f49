"""More than one process: two of them run `two_processes.py`, here they are judged."""

import pytest
import torch

from ssl_objectives.distributed import average_gradients, gathered, num_processes
from ssl_objectives.objective import Views
from tests.ssl_objectives.launch import run_twice
from tests.ssl_objectives.two_processes import CHECKS


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    folder = tmp_path_factory.mktemp("processes")
    return run_twice("tests.ssl_objectives.two_processes", folder)


@pytest.mark.parametrize("name", CHECKS)
def test_two_processes(name: str, outcomes: list[dict[str, str]]) -> None:
    for found in outcomes:
        assert found[name] == "holds", found[name]


def test_alone_nothing_happens() -> None:
    assert num_processes() == 1
    z = (torch.randn(3, 2),)
    views = Views(z, z, z, ((0, 0),))
    assert gathered(views) is views
    p = torch.nn.Parameter(torch.zeros(2))
    p.grad = given = torch.ones(2)
    average_gradients([p])
    assert p.grad is given
    assert torch.equal(given, torch.ones(2))
