import os
from collections.abc import Iterator

import pytest

# Before torch is imported: one process per core (pytest -n), one thread per process.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch


@pytest.fixture(autouse=True)
def _quiet_threads() -> None:
    """Also where something imported torch earlier."""
    torch.set_num_threads(1)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(7)


@pytest.fixture(scope="session", autouse=True)
def _own_memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What commands remember of their flags lies elsewhere than a person's."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("flags")
        patch.setattr("experiments.config.remembered._root", lambda: folder)
        yield
