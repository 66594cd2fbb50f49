"""torch.compile of encoders, those of slow copies included."""

from torch import nn

from ssl_objectives.compiling import compile_whole
from ssl_objectives.encoders.encoder import Encoder


def compile_encoders(networks: nn.Module) -> None:
    """Compile the bodies of all encoders in it: about a minute once.

    Which are faster for it on a CPU, and which slower: docs/benchmarks.md.
    """
    for part in networks.modules():
        if isinstance(part, Encoder):
            compile_whole(part.body)
