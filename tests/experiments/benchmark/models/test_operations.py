"""Operations by number format, against sums by hand and PyTorch's own counter."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from envs.vector_env import DiscreteActions
from experiments.benchmark.config import Shape
from experiments.benchmark.models.operations import count_operations
from experiments.benchmark.models.shapes import BATCHES, NUM_ACTIONS
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.learn.optimizer import AdamWConfig
from world_models.learn.trainer import ModelTrainer
from world_models.presets import byol_explore

F32, BF16 = torch.float32, torch.bfloat16


def test_a_linear_layer_there_and_back() -> None:
    layer, rows = nn.Linear(3, 5), torch.randn(7, 3)

    def there() -> torch.Tensor:
        return layer(rows)  # type: ignore[no-any-return]  # modules are called untyped

    assert count_operations(there) == {F32: 2 * 7 * 3 * 5}
    # inputs want no gradient: the way back is one product
    back = count_operations(lambda: there().sum().backward())
    assert back == {F32: 2 * 2 * 7 * 3 * 5}


def test_formats_are_told_apart() -> None:
    left, right = torch.randn(4, 6), torch.randn(6, 8)

    def both() -> None:
        left @ right
        with torch.autocast("cpu", BF16):
            left[:2] @ right

    assert count_operations(both) == {F32: 2 * 4 * 6 * 8, BF16: 2 * 2 * 6 * 8}


def test_a_step_has_as_many_as_pytorch_counts() -> None:
    batch = BATCHES[Shape.SMALL].computing_in(Precision.BFLOAT16)
    model = byol_explore(2).of(batch.image, DiscreteActions(NUM_ACTIONS), batch.encoder)
    trainer = ModelTrainer(model, AdamWConfig(), 100)
    traj = batch.draw(torch.device("cpu"), 0).steps(0, 3)
    ours = count_operations(lambda: trainer.step(traj))
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with FlopCounterMode(display=False) as theirs:
            trainer.step(traj)
    finally:
        torch.set_num_threads(before)
    assert sum(ours.values()) == theirs.get_total_flops()
    assert set(ours) == {BF16}  # the model multiplies as its encoder does


def test_threads_come_back_whatever_happens() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)

    def fails() -> None:
        assert torch.get_num_threads() == 1
        raise KeyError("x")

    try:
        with pytest.raises(KeyError):
            count_operations(fails)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
