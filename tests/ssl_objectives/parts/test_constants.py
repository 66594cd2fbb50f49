"""Constant tensors that are made once."""

import torch

from ssl_objectives.parts.constants import constant

CPU = torch.device("cpu")


def test_equal_arguments_give_the_same_tensor() -> None:
    assert constant((1.0, 2.0), CPU) is constant((1.0, 2.0), CPU)
    assert constant((1.0, 2.0), CPU).tolist() == [1.0, 2.0]
    assert constant((1.0, 2.0), CPU, torch.float64).dtype == torch.float64


def test_one_made_in_inference_mode_serves_gradients() -> None:
    constant.cache_clear()
    with torch.inference_mode():
        constant((3.0,), CPU)
    x = torch.ones(1, requires_grad=True)
    (x * constant((3.0,), CPU)).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [3.0]
