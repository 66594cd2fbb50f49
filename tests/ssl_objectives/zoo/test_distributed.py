"""Two processes with half of each batch train every method as one with all of it."""

import pytest

from ssl_objectives.zoo import ZOO
from tests.ssl_objectives.launch import run_twice


@pytest.fixture(scope="module")
def differences(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, list[str]]]:
    folder = tmp_path_factory.mktemp("processes")
    return run_twice("tests.ssl_objectives.zoo.two_processes", folder)


@pytest.mark.parametrize("name", ZOO)
def test_two_processes_are_one(
    name: str, differences: list[dict[str, list[str]]]
) -> None:
    for found in differences:
        assert found[name] == []
