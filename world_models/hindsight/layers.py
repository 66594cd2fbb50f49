"""Small networks of linear layers and ReLUs, over any leading axes."""

from torch import nn

from ssl_objectives.encoders.mixed_linear import MixedLinear
from ssl_objectives.encoders.precision import Precision


def layers(
    inputs: int,
    hidden: int,
    outputs: int,
    depth: int,
    precision: Precision = Precision.FLOAT32,
) -> nn.Sequential:
    """An MLP of `depth` hidden layers; 0: a linear map.

    Args:
        inputs, hidden, outputs: numbers in a row, of what comes in, between, and out.
        depth: hidden layers.
        precision: of its products; see `MixedLinear`.
    """
    made: list[nn.Module] = []
    for _ in range(depth):
        made += [MixedLinear(inputs, hidden, precision), nn.ReLU()]
        inputs = hidden
    return nn.Sequential(*made, MixedLinear(inputs, outputs, precision))
