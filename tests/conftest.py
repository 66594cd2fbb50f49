import pytest
import torch


@pytest.fixture(autouse=True)
def _quiet_threads() -> None:
    """Two threads at most: the suite is meant for two cores."""
    torch.set_num_threads(min(2, torch.get_num_threads()))


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(7)
