"""Looking on without leaving a trace in what is trained."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """In evaluation mode meanwhile: batch norms use what they know, and learn nothing.

    Afterwards each module is in the mode it was in, layers that somebody froze as well.
    Rows that only lead up to others are not like these: in front of the first frame of
    a stack there is none.
    """
    training = [x for x in network.modules() if x.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True
