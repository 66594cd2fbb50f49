"""Ways to make views of images."""

from dataclasses import dataclass

import torch
from jaxtyping import UInt8
from torch import Tensor

from ssl_objectives.augment_params import UNCHANGED
from ssl_objectives.view_maker import Drawn, ViewMaker


class Flips(ViewMaker):
    """Two views, each mirrored with probability 1/2."""

    def __call__(
        self, images: UInt8[Tensor, "N C H W"], generator: torch.Generator
    ) -> Drawn:
        """Draw two views."""
        made, params = [], []
        for _ in range(2):
            draw = torch.rand(len(images), generator=generator, device=images.device)
            flip = draw < 0.5
            made.append(torch.where(flip.view(-1, 1, 1, 1), images.flip(-1), images))
            how = torch.tensor(UNCHANGED, device=images.device).repeat(len(images), 1)
            how[:, 4] = flip.float()
            params.append(how)
        return Drawn(tuple(made), 2, torch.stack(params, 1))


@dataclass(frozen=True)
class TwoViews:
    """Two random views of each image."""

    def build(self, image_shape: tuple[int, int, int]) -> ViewMaker:
        """Build the maker."""
        return Flips()
