"""A narrow transformer that says, of patches that are seen, what is at other places."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from ssl_objectives.counts import check_count
from ssl_objectives.encoders.patches import Grid, at_places
from ssl_objectives.encoders.vit import Block, position_embedding, start


class MaskedPredictor(nn.Module):
    """Tokens that are seen, and a learned one for each place that is asked for.

    All get the sines and cosines of their places; what is asked for is read off in the
    end. With all hidden places asked for at once it is MAE's decoder, with those of a
    block I-JEPA's predictor: questions of one call see each other.

    Args:
        inputs: F, numbers in a token that is seen.
        outputs: numbers in an answer.
        width: numbers in a token within, a multiple of 4 and of `heads`.
        depth: blocks.
        heads: of each attention.
    """

    def __init__(
        self, inputs: int, outputs: int, width: int, depth: int, heads: int
    ) -> None:
        super().__init__()
        self.embed = nn.Linear(inputs, width)
        self.mask = nn.Parameter(0.02 * torch.randn(width))
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, outputs)
        self.apply(start)

    def forward(
        self,
        tokens: Float[Tensor, "N K F"],
        seen: Int64[Tensor, "N K"],
        wanted: Int64[Tensor, "N M"],
        grid: Grid,
    ) -> Float[Tensor, "N M O"]:
        """Answers at `wanted`, from tokens at `seen`."""
        places = position_embedding(*grid, self.mask.shape[0], tokens.device)
        every = places.to(tokens.dtype).expand(len(tokens), -1, -1)
        known = self.embed(tokens) + at_places(every, seen)
        asked = self.mask + at_places(every, wanted)
        told = self.blocks(torch.cat([known, asked], 1))[:, seen.shape[1] :]
        answer: Tensor = self.out(self.norm(told))
        return answer


@dataclass(frozen=True)
class MaskedPredictorConfig:
    """A narrow transformer over patches that are seen and places that are asked for."""

    width: int = 64
    """numbers in a token (official: 512 of MAE's decoder, 384 of I-JEPA's predictor)"""
    depth: int = 2
    """blocks (official: 8, and 6 to 16)"""
    heads: int = 4
    """of each attention"""

    def __post_init__(self) -> None:
        check_count("depth", self.depth)
        check_count("heads", self.heads)
        if self.width < 1 or self.width % 4 or self.width % self.heads:
            raise ValueError(
                f"width must be a multiple of 4 and of the {self.heads} heads, "
                f"not {self.width}"
            )

    def build(self, inputs: int, outputs: int) -> MaskedPredictor:
        """Build it for tokens of `inputs` numbers and answers of `outputs`."""
        return MaskedPredictor(inputs, outputs, self.width, self.depth, self.heads)
