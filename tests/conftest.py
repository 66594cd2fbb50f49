import gc
import os

import pytest

# Before torch is imported: one process per core (pytest -n), one thread per process.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# What commands remember of their flags is for the tests of it alone.
os.environ["CURIOUS_CACHE"] = os.devnull

import jaxtyping
import torch

import tests.checked

# Before anything that it checks is imported.
tests.checked.install()

gc.disable()  # until all is collected: next to nothing of that is garbage


def pytest_collection_finish() -> None:
    """What collecting made stays until the end: a search for garbage can pass it by.

    Each full one took a third of a second, and the benchmark makes one per timing.
    """
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def _shapes_are_checked() -> None:
    """Also where a test before ended in the midst of `tests.shapes.rounds`."""
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture(autouse=True)
def _quiet_threads() -> None:
    """Also where something imported torch earlier."""
    torch.set_num_threads(1)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(7)
