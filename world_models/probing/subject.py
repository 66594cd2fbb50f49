"""The contract of what is probed: it looks at footage, layer by layer."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor, nn

from ssl_objectives.refusal import ConfigError, suggest
from world_models.probing.footage import Footage

MOST = 1_024  # numbers of a layer in a row; of larger maps squares are averaged


class Latents(NamedTuple):
    """What a layer makes of footage.

    Attributes:
        latent: n rows of it.
        row: which row of the footage each is about.
        ahead: how many steps each was predicted over, without looking; None where all
            were seen.
    """

    latent: Float32[Tensor, "n D"]
    row: Int64[Tensor, "n"]
    ahead: Int64[Tensor, "n"] | None = None


class Subject(ABC):
    """Something that turns frames into latents: an encoder, a function, a world model.

    Attributes:
        layers: everything in it that can be probed, by name.
        usual: the layers that are probed where nobody says which.
    """

    layers: tuple[str, ...]
    usual: tuple[str, ...]

    @abstractmethod
    def look(self, footage: Footage, layers: Sequence[str]) -> dict[str, Latents]:
        """What layers make of footage, in evaluation mode and without gradient.

        Raises:
            Refusal: it takes no such frames, or gives what cannot be read.
        """

    @abstractmethod
    def encode(self, images: UInt8[Tensor, "n C H W"]) -> Float32[Tensor, "n D"] | None:
        """Latents of single frames; None where it needs more than one to see."""

    def untrained(self) -> "Subject | None":
        """The same before it learned anything; None where nobody can tell."""
        return None

    def chosen(self, layers: Sequence[str]) -> tuple[str, ...]:
        """These layers, or the usual ones where none is named.

        Raises:
            ConfigError: there is no such layer.
        """
        for name in layers:
            if name not in self.layers:
                near = suggest(name, self.layers) if len(self.layers) > 8 else ""
                raise ConfigError(
                    f"There is no layer {name!r}.{near} There are: "
                    f"{', '.join(self.layers)}."
                )
        return tuple(layers) or self.usual


def narrowed(maps: Tensor) -> Float32[Tensor, "n D"]:
    """Any layer's output as rows of at most 1,024 numbers.

    Maps `[n, F, h, w]` are averaged over squares, tokens `[n, L, F]` over all of them
    where they are too many; what has one axis stays as it is.
    """
    if maps.ndim == 4 and maps[0].numel() > MOST:
        side = max(1, int((MOST / maps.shape[1]) ** 0.5))
        size = min(side, maps.shape[2]), min(side, maps.shape[3])
        maps = nn.functional.adaptive_avg_pool2d(maps.float(), size)
    if maps.ndim == 3 and maps[0].numel() > MOST:
        maps = maps.float().mean(1)
    return maps.float().flatten(1)


def reset(network: nn.Module, seed: int) -> bool:
    """Give a network of PyTorch's own parts new weights; False where it has others."""
    for part in network.modules():
        own = [*part.parameters(recurse=False), *part.buffers(recurse=False)]
        if own and not hasattr(part, "reset_parameters"):
            return False
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for part in network.modules():
            renew = getattr(part, "reset_parameters", None)
            if callable(renew):
                renew()
    return True
