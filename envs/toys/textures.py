"""Textures: smooth random patterns whose detail lies in a band, drawn on the device."""

from dataclasses import dataclass
from functools import cache
from math import pi
from typing import final

import torch
from jaxtyping import Float32
from torch import Tensor

from envs.toys.dots import PIXELS


@final
@dataclass(frozen=True)
class Textures:
    """Sums of waves with normal amplitudes, of std `1 / cycles`, stretched to [0, 1].

    Within the band they have the 1/f spectrum of photographs, which arXiv 2211.10831
    takes. Waves are periodic, so that no frame has an edge at its border.

    Attributes:
        lowest: cycles per frame of the slowest wave, in the direction in which it runs.
        highest: of the fastest.

    Raises:
        ValueError: the band is not between 0 and 14 cycles, or no wave is in it.
    """

    lowest: float = 0.5
    highest: float = 7.0

    def __post_init__(self) -> None:
        if not 0.0 < self.lowest <= self.highest < PIXELS / 2:
            raise ValueError(
                f"A band of 28 pixels lies above 0 and below 14 cycles, from lowest to "
                f"highest: not {self.lowest} to {self.highest}"
            )
        if not _waves_within(self.lowest, self.highest):
            raise ValueError(
                f"No wave has {self.lowest} to {self.highest} cycles per frame: widen "
                f"the band to hold a whole number"
            )

    def draw(
        self, num: int, generator: torch.Generator
    ) -> Float32[Tensor, "num 28 28"]:
        """Textures that touch 0 and 1, each unlike the others."""
        basis = waves(self.lowest, self.highest, generator.device)
        amplitude = torch.randn(
            num, len(basis), generator=generator, device=generator.device
        )
        pattern = amplitude @ basis
        low, high = pattern.aminmax(dim=1, keepdim=True)
        # The least and the greatest are bound to be apart: no wave is flat.
        return ((pattern - low) / (high - low)).view(num, PIXELS, PIXELS)


def _waves_within(lowest: float, highest: float) -> list[tuple[int, int]]:
    """(across, down) cycles of each direction of waves once, not of its opposite."""
    most = int(highest)
    return [
        (across, down)
        for across in range(most + 1)
        for down in range(-most, most + 1)
        if (across > 0 or down > 0) and lowest**2 <= across**2 + down**2 <= highest**2
    ]


@cache
def waves(
    lowest: float, highest: float, device: torch.device
) -> Float32[Tensor, "waves pixels"]:
    """A sine and a cosine of each wave, divided by its cycles; kept on the device."""
    with torch.inference_mode(False):
        place = torch.arange(PIXELS, dtype=torch.float64) / PIXELS
        found = torch.tensor(_waves_within(lowest, highest), dtype=torch.float64)
        across, down = found.view(-1, 2, 1, 1).unbind(1)
        phase = 2 * pi * (across * place + down * place.unsqueeze(-1))
        both = torch.stack([phase.sin(), phase.cos()], 1) / torch.hypot(
            across, down
        ).unsqueeze(1)
        return both.flatten(0, 1).flatten(1).float().to(device)
