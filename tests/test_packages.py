import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "name", ["agents", "world_models", "envs", "ssl_objectives", "experiments"]
)
def test_import_roots_are_ours(name: str) -> None:
    """`agents` and `envs` are names that other distributions install as well."""
    module = importlib.import_module(name)
    assert module.__file__ is not None
    assert Path(module.__file__).parent == ROOT / name
