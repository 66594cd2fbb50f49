import pytest
import torch.distributed as dist

from experiments.runs.distributed import started_as


def test_one_process_goes_on_as_a_command() -> None:
    assert started_as("train-model") == "curious train-model"


def test_several_go_on_by_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many of them as torchrun had started on this machine."""
    monkeypatch.setattr(dist, "is_initialized", lambda: True)
    monkeypatch.setattr(dist, "get_world_size", lambda: 4)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    said = "torchrun --nproc-per-node 2 -m experiments.train_model"
    assert started_as("train-model") == said
