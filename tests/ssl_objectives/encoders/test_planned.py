import threading

import torch

from ssl_objectives.encoders.planned import (
    Planned,
    device_meant,
    planned_for,
    taken_at_once,
    what_is_planned,
)
from ssl_objectives.encoders.precision import Precision

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def test_a_plan_ends_where_it_began_and_stays_in_its_thread() -> None:
    elsewhere: list[Planned | None] = []
    assert what_is_planned() is None
    with planned_for(CUDA):
        with planned_for(CPU, 0.5):
            assert what_is_planned() == Planned(CPU, 0.5)
        assert what_is_planned() == Planned(CUDA, 1.0)
        other = threading.Thread(target=lambda: elsewhere.append(what_is_planned()))
        other.start()
        other.join()
    assert what_is_planned() is None
    assert elsewhere == [None]


def test_how_much_a_pass_takes_follows_the_device_that_is_meant() -> None:
    meta = torch.device("meta")
    assert device_meant(meta) == meta
    assert [taken_at_once(x, 10, 30) for x in (CPU, CUDA, meta)] == [10, 30, 30]
    with planned_for(CPU, 0.5):
        assert [taken_at_once(x, 10, 30) for x in (CPU, CUDA, meta)] == [5, 5, 5]
        assert taken_at_once(CPU, 1, 30) == 1
        assert device_meant(meta) == device_meant(CUDA) == CPU
    with planned_for(CUDA):
        assert taken_at_once(CPU, 10, 30) == 30


def test_formats_are_those_of_the_device_planned_for() -> None:
    meta = torch.device("meta")
    for device in (CPU, CUDA):
        own = Precision.AUTO.dtype(device)
        with planned_for(device):
            assert Precision.AUTO.dtype(meta) is own
            assert Precision.FLOAT32.dtype(meta) is torch.float32
            with Precision.BFLOAT16.autocast(meta):
                assert torch.is_autocast_enabled("cpu")
            with Precision.FLOAT32.autocast(meta):
                assert not torch.is_autocast_enabled("cpu")
