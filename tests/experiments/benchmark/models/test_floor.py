"""Floors, by hand; and what the machine's arms do."""

import pytest
import torch
from torch import nn

from experiments.benchmark.config import Shape
from experiments.benchmark.models.floor import Work, floors
from experiments.benchmark.models.machine import CopyArm, MultiplyArm, machine_arms
from experiments.benchmark.models.shapes import BATCHES, usual
from experiments.benchmark.timing import WARM_UP, Timing

F32, BF16 = torch.float32, torch.bfloat16
CPU = torch.device("cpu")
RATES = {"multiply float32": 100.0, "multiply bfloat16": 1000.0, "copy": 10.0}


def test_formats_add_up_and_memory_may_take_longer() -> None:
    operations = {F32: 200, BF16: 500}
    assert Work(operations, 1).seconds(RATES) == pytest.approx(2.0 + 0.5)
    assert Work(operations, 80).seconds(RATES) == pytest.approx(8.0)


def test_floors_are_of_the_machine_in_that_round() -> None:
    def rate(number: int, arm: str, seconds: float) -> Timing:
        return Timing(number, 0, arm, 1, 100, seconds, seconds, None, None)

    timings = [
        rate(WARM_UP, "multiply float32", 1000.0),
        rate(2, "multiply float32", 4.0),
        rate(1, "multiply float32", 1.0),
        rate(1, "copy", 1.0),
        rate(2, "copy", 1.0),
    ]
    assert floors(Work({F32: 300}, 1), timings) == pytest.approx([3.0, 12.0])
    assert floors(Work({F32: 1}, 500), timings) == pytest.approx([5.0, 5.0])


def test_bytes_are_frames_weights_moments_and_the_target() -> None:
    model = nn.ModuleList([nn.Linear(3, 4), nn.Linear(5, 6)])
    model[1].requires_grad_(False)
    trained, target = 3 * 4 + 4, 5 * 6 + 6
    assert Work.forward({}, 1000, model).num_bytes == 1000 + 4 * trained
    step = Work.step({}, 1000, model)
    assert step.num_bytes == 1000 + 2 * 4 * (3 * trained + target)


def test_the_machine_multiplies_and_copies() -> None:
    multiply = MultiplyArm(BF16, 16, 3, CPU)
    multiply.update()
    assert multiply.name == "multiply bfloat16"
    assert multiply.units == 3 * 2 * 16**3
    assert (multiply._out == 16).all()
    copy = CopyArm(64, CPU)
    copy.update()
    assert copy.units == 128
    assert (copy._to == 1).all()
    names = [x.name for x in machine_arms((F32, BF16), CPU)]
    assert names == ["copy", "multiply float32", "multiply bfloat16"]


@pytest.mark.parametrize("shape", [Shape.SMALL, Shape.MIDDLE])
def test_batches_are_what_they_say(shape: Shape) -> None:
    batch = BATCHES[shape]
    assert shape.value.startswith("x".join(map(str, batch.image[1:])))
    traj = batch.draw(CPU, 0)
    assert traj.num_steps * traj.first.shape[1] == batch.transitions
    assert traj.obs.numel() == batch.frame_bytes
    assert traj.valid.all()
    assert traj.first[0].all()
    assert not torch.equal(traj.obs, batch.draw(CPU, 1).obs)


def test_a_gpu_is_given_more() -> None:
    assert usual(CPU) == (Shape.SMALL, Shape.MIDDLE)
    assert set(usual(torch.device("cuda"))) == set(Shape)
    most = max(BATCHES.values(), key=lambda x: x.transitions)
    assert most is BATCHES[Shape.GPU]
