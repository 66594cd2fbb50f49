"""How far drawn frames are from those that came, step by step, beside cheap guesses."""

from typing import final

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from world_models.pictures.drawn import Drawn

IMAGINED, RECONSTRUCTED = "imagined", "reconstructed"
OTHERWISE, STAYS, MEAN = "other_actions", "first_frame_stays", "mean_image"


@final
class PixelErrors:
    """`√ E (x̂ - x)²` over trajectories and pixels in [0, 1], for each step k = 0 … T.

    Beside what was drawn stand three guesses: `other_actions`, the imagination over
    another trajectory's actions, which is no worse where actions are not minded;
    `first_frame_stays`, that nothing changes; `mean_image`, one image for all, the best
    there is without looking. Rows beyond an episode's end do not count.

    Args:
        mean_image: of the frames that a decoder was fitted on, in [0, 1].
    """

    def __init__(self, mean_image: Float32[Tensor, "C H W"]) -> None:
        self.mean_image = mean_image
        self._squares: dict[str, Tensor] = {}
        self._count = torch.zeros(())

    def add(self, drawn: Drawn) -> None:
        """Another batch, of as many steps."""
        true = drawn.true.float() / 255
        first = drawn.true[:1].expand_as(drawn.true)
        guesses = {
            IMAGINED: _floats(drawn.imagined),
            RECONSTRUCTED: _floats(drawn.reconstructed),
            OTHERWISE: _floats(drawn.otherwise),
            STAYS: _floats(first),
            MEAN: self.mean_image.expand_as(true),
        }
        for name, guess in guesses.items():
            each = (guess - true).square().flatten(2).mean(2)
            total = each.masked_fill(~drawn.inside, 0.0).sum(1).double().cpu()
            self._squares[name] = self._squares.get(name, 0.0) + total
        self._count = self._count + drawn.inside.sum(1).double().cpu()

    def by_step(self) -> dict[str, list[float]]:
        """By name, T+1 numbers; NaN where no episode was so long."""
        return {
            name: (total / self._count).sqrt().tolist()
            for name, total in self._squares.items()
        }


def _floats(frames: UInt8[Tensor, "R B C H W"]) -> Float32[Tensor, "R B C H W"]:
    return frames.float() / 255
