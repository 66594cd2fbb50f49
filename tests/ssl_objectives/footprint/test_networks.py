from dataclasses import replace

import torch
from torch import nn

from ssl_objectives.encoders.cnn import NatureConfig
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.footprint.networks import (
    activation_bytes,
    tensor_bytes,
    training_bytes,
)

CPU = torch.device("cpu")


def test_bytes_of_tensors_and_modules() -> None:
    assert tensor_bytes((3, 5, 7), torch.float32) == 420
    assert tensor_bytes((), torch.bfloat16) == 2
    module = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5))
    buffers = 5 * 4 + 5 * 4 + 8
    assert training_bytes(module) == (15 + 5 + 5 + 5) * 4 * 4 + buffers
    module[0].requires_grad_(False)
    assert training_bytes(module) == (15 + 5) * 4 + (5 + 5) * 4 * 4 + buffers
    with torch.device("meta"):
        assert training_bytes(nn.Linear(10**6, 10**4, bias=False)) == 16 * 10**10


def test_activations_by_hand() -> None:
    # Nature CNN on 3 x 40 x 45: 32 x 9 x 10, 64 x 3 x 4, 64 x 1 x 2, each with a ReLU.
    numbers = 3 * 40 * 45 + 2 * (32 * 90 + 64 * 12 + 64 * 2) + 64
    config = NatureConfig(size=64, precision=Precision.FLOAT32)
    assert activation_bytes(config.build((3, 40, 45)), CPU) == 4 * numbers
    config = replace(config, precision=Precision.BFLOAT16)
    assert activation_bytes(config.build((3, 40, 45)), CPU) == 2 * numbers
