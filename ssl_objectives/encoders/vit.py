"""A small vision transformer (arXiv 2010.11929), for images of any size."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from ssl_objectives.counts import check_count
from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.encoders.patches import at_places
from ssl_objectives.encoders.precision import Precision


class Attention(nn.Module):
    """Several heads of softmax attention from some tokens to others.

    Args:
        width: numbers in a token, a multiple of `heads`.
        heads: how many.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(
        self, asking: Float[Tensor, "N L D"], asked: Float[Tensor, "N M D"]
    ) -> Float[Tensor, "N L D"]:
        """What `asking` tokens find in `asked` ones."""
        query = self._split(self.query(asking))
        key, value = (self._split(x) for x in self.key_value(asked).chunk(2, -1))
        found = nn.functional.scaled_dot_product_attention(query, key, value)
        made: Tensor = self.out(found.transpose(1, 2).flatten(2))
        return made

    def _split(self, tokens: Tensor) -> Tensor:
        return tokens.view(*tokens.shape[:2], self.heads, -1).transpose(1, 2)


class Block(nn.Module):
    """Attention, then an MLP, both on skip connections with a layer norm before.

    Args:
        width: numbers in a token.
        heads: of the attention.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.mlp = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Linear(4 * width, width),
        )

    def forward(self, tokens: Float[Tensor, "N L D"]) -> Float[Tensor, "N L D"]:
        """Tokens look at each other, then each is changed alone."""
        seen = self.norm(tokens)
        tokens = tokens + self.attention(seen, seen)
        made: Tensor = tokens + self.mlp(tokens)
        return made


class VisionTransformer(nn.Module):
    """Square patches as tokens, through blocks; the tokens come back as feature maps.

    Places are told by fixed sines and cosines, so that images may have any size. Pixels
    beyond the last whole patch are not seen.

    Args:
        channels: C.
        patch: pixels per side of a patch.
        width: numbers in a token, a multiple of 4 and of `heads`.
        depth: blocks.
        heads: of each attention.
    """

    def __init__(
        self, channels: int, patch: int, width: int, depth: int, heads: int
    ) -> None:
        super().__init__()
        self.embed = nn.Conv2d(channels, width, patch, stride=patch)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.apply(start)

    def forward(self, images: Float[Tensor, "N C H W"]) -> Float[Tensor, "N D h w"]:
        """Embed patches, add their places, and let them talk."""
        tokens, (height, width) = self._placed(images)
        made: Tensor = self.norm(self.blocks(tokens))
        return made.mT.reshape(*made.mT.shape[:2], height, width)

    def visible(
        self, images: Float[Tensor, "N C H W"], kept: Int64[Tensor, "N K"]
    ) -> Float[Tensor, "N K D"]:
        """Tokens of the patches that are kept, which see each other alone.

        Args:
            images: whole.
            kept: places of patches, numbered row by row (MAE, 2111.06377).
        """
        tokens, _ = self._placed(images)
        made: Tensor = self.norm(self.blocks(at_places(tokens, kept)))
        return made

    def _placed(
        self, images: Float[Tensor, "N C H W"]
    ) -> tuple[Float[Tensor, "N L D"], tuple[int, int]]:
        """Patches as tokens that know their places, and how many rows and columns."""
        maps = self.embed(images)
        height, width = maps.shape[-2:]
        tokens = maps.flatten(2).mT
        places = position_embedding(height, width, tokens.shape[-1], tokens.device)
        return tokens + places, (height, width)


class ClassToken(nn.Module):
    """A learned token that looks at all patches once, in the end (CaiT, 2103.17239).

    Args:
        width: numbers in a token.
        heads: of its attention.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.token = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.block = Attention(width, heads)
        self.norm = nn.LayerNorm(width)
        self.apply(start)

    def forward(self, maps: Float[Tensor, "N D h w"]) -> Float[Tensor, "N D 1 1"]:
        """What it found, as the only place of a map."""
        tokens = maps.flatten(2).mT
        asking = self.token.expand(tokens.shape[0], -1, -1)
        made: Tensor = self.norm(asking + self.block(asking, tokens))
        return made.mT.unsqueeze(-1)


def position_embedding(
    height: int, width: int, size: int, device: torch.device
) -> Float[Tensor, "L D"]:
    """Sines and cosines of rows, then of columns, in `size / 4` wavelengths each.

    From 2π patches up to 10,000 times as long, as in MoCo v3 and MAE.
    """
    share = torch.arange(size // 4, device=device) / (size // 4)
    rate = torch.exp(-math.log(10_000.0) * share)

    def waves(length: int) -> Float[Tensor, "length half"]:
        angle = torch.arange(length, device=device).unsqueeze(1) * rate
        return torch.cat([angle.sin(), angle.cos()], 1)

    rows = waves(height).unsqueeze(1).expand(-1, width, -1)
    columns = waves(width).unsqueeze(0).expand(height, -1, -1)
    return torch.cat([rows, columns], -1).flatten(0, 1)


@dataclass(frozen=True)
class ViTConfig:
    """A small vision transformer; takes images of any size from one patch on."""

    size: int = 0
    """D, size of the latent vector by a linear layer; 0: what is read off the tokens"""
    patch: int = 4
    """pixels per side of a patch; 4 for images of some 30 pixels, 8 for some 80"""
    width: int = 128
    """numbers in a token"""
    depth: int = 4
    """blocks of attention and MLP"""
    heads: int = 4
    """of each attention"""
    class_token: bool = False
    """read the latent off a token that looks at all patches, not off their mean"""
    precision: Precision = Precision.AUTO
    """what the encoder (and nothing else) computes in"""

    def __post_init__(self) -> None:
        check_count("depth", self.depth)
        counts = (self.patch, self.width, self.heads)
        if self.size < 0 or min(counts) < 1:
            raise ValueError(
                "size must be at least 0, and patch, width and heads at least "
                f"1, not {self.size} and {counts}"
            )
        if self.width % 4 or self.width % self.heads:
            raise ValueError(
                f"width must be a multiple of 4 and of the {self.heads} heads, "
                f"not {self.width}"
            )

    def body(self, channels: int) -> nn.Module:
        """The transformer."""
        return VisionTransformer(
            channels, self.patch, self.width, self.depth, self.heads
        )

    def build(self, image_shape: tuple[int, int, int]) -> Encoder:
        """Build the encoder for images of shape (C, H, W)."""
        pool: nn.Module = nn.AdaptiveAvgPool2d(1)
        if self.class_token:
            pool = ClassToken(self.width, self.heads)
        body = self.body(image_shape[0])
        return Encoder(body, image_shape, self.size, self.precision, pool)


def start(layer: nn.Module) -> None:
    """Variances are kept: of linear layers as in ViT, of patches by their inputs."""
    if isinstance(layer, nn.Linear):
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")
        assert layer.bias is not None
        nn.init.zeros_(layer.bias)
