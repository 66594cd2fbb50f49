"""The encoder, from images to latents: a body and a linear head on feature maps."""

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Float32, Int64, UInt8
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ssl_objectives.encoders.chunks import in_chunks
from ssl_objectives.encoders.patches import PatchWise, at_places, blackened, spread
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.pixels import check_bytes


class Encoder(nn.Module):
    """A body and a linear head, over any leading batch axes.

    The only place where pixels become floats. Body and head may run in bf16; weights
    and the returned latent stay float32. Behind the encoder, products of world models
    alone do so too (`MixedLinear`): whole layers and losses in bf16 reverse gradients
    that reach the first layer.

    On CPUs images pass in chunks. Where the body has a batch norm, which looks at all
    images at once, they do so in evaluation mode alone.

    Args:
        body: maps `[N, C, H, W]` in [0, 1] to feature maps `[N, F, h, w]`.
        image_shape: (C, H, W) it accepts.
        size: D, the latent's size. The last layer is linear, without activation; 0:
            no such layer, the latent is what comes in front of it.
        precision: of body and head.
        pool: from feature maps to feature maps, in front of the head alone. With one
            whose result does not depend on h and w, images may have any size.

    Raises:
        ValueError: the image is too small for the body.
    """

    def __init__(
        self,
        body: nn.Module,
        image_shape: tuple[int, int, int],
        size: int,
        precision: Precision = Precision.AUTO,
        pool: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.any_size = pool is not None
        self.frozen = False
        self.precision = precision
        self.body = body
        self.pool = pool or nn.Identity()
        self.maps_shape = maps_shape(body, image_shape)
        inputs = num_outputs(nn.Sequential(body, self.pool), image_shape)
        self.size = size or inputs
        self.head: nn.Module = nn.Identity()
        if size:
            self.head = _head(inputs, size)
        self.whole_batch = any(isinstance(x, _BatchNorm) for x in body.modules())
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch has no types for it

    def forward(
        self, image: UInt8[Tensor, "*batch C H W"]
    ) -> Float32[Tensor, "*batch D"]:
        """Encode images, whatever the batch axes.

        Raises:
            ValueError: images of another shape.
            NotBytes: images of other numbers; says how to convert them.
        """
        rows = self._rows(image)
        if self._apart():
            latent = in_chunks(self._encode, rows, self.parameters())
        else:
            latent = self._encode(rows)
        return latent.view(*image.shape[:-3], self.size)

    def freeze(self) -> "Encoder":
        """Leave it as it is for good: no gradient, always in evaluation mode."""
        self.frozen = True
        self.requires_grad_(False)
        return self.eval()

    def unfreeze(self) -> "Encoder":
        """Let it learn again, in training mode."""
        self.frozen = False
        self.requires_grad_(True)
        return self.train()

    def train(self, mode: bool = True) -> "Encoder":
        """As of any module; one that is frozen stays in evaluation mode."""
        return super().train(mode and not self.frozen)

    def takes(self, image_shape: tuple[int, ...]) -> bool:
        """Whether it encodes images of shape (C, H, W), if they are large enough."""
        if self.any_size:
            return image_shape[0] == self.image_shape[0]
        return tuple(image_shape) == self.image_shape

    def look_at(self, image_shape: tuple[int, int, int]) -> None:
        """Have `image_shape` and `maps_shape` tell of images of another shape.

        Raises:
            ValueError: it does not take such images, or they are too small.
        """
        if not self.takes(image_shape):
            raise ValueError(f"this encoder takes no images of shape {image_shape}")
        self.maps_shape = maps_shape(self.body, image_shape)
        self.image_shape = image_shape

    def feature_map(
        self, image: UInt8[Tensor, "*batch C H W"]
    ) -> Float[Tensor, "*batch F h w"]:
        """The body's last maps, in whatever it computes in."""
        rows = self._rows(image)
        with self.precision.autocast(image.device):
            maps = self._maps(rows)
        return maps.view(*image.shape[:-3], *maps.shape[1:])

    def with_maps(
        self, image: UInt8[Tensor, "*batch C H W"]
    ) -> tuple[Float32[Tensor, "*batch D"], Float32[Tensor, "*batch F h w"]]:
        """Latents, and the feature maps they were read off; for dense objectives.

        Raises:
            ValueError: images of another shape.
            NotBytes: images of other numbers; says how to convert them.
        """
        rows, batch = self._rows(image), image.shape[:-3]

        def encode_maps(part: UInt8[Tensor, "N C H W"]) -> Float[Tensor, "N F h w"]:
            with self.precision.autocast(part.device):
                return self._maps(part)

        if self._apart():
            maps = in_chunks(encode_maps, rows, self.body.parameters())
        else:
            maps = encode_maps(rows)
        with self.precision.autocast(image.device):
            latent = self.read(maps).float()
        shape = (*batch, *maps.shape[1:])
        return latent.view(*batch, self.size), maps.float().reshape(shape)

    def with_visible(
        self, image: UInt8[Tensor, "N C H W"], kept: Int64[Tensor, "N K"]
    ) -> tuple[Float32[Tensor, "N D"], Float32[Tensor, "N F h w"]]:
        """Latents and feature maps of some patches of each image; maps are 0 elsewhere.

        A body that takes patches one by one (ViT) computes these alone; any other is
        shown images that are black elsewhere. A pool reads what is seen.

        Args:
            image: whole.
            kept: places of `maps_shape`, numbered row by row, as many of each image.

        Raises:
            ValueError: images of another shape.
            NotBytes: images of other numbers; says how to convert them.
        """
        rows, grid = self._rows(image), self.maps_shape[1:]
        with self.precision.autocast(image.device):
            pixels = self.floats(rows)
            if isinstance(self.body, PatchWise):
                tokens = self.body.visible(pixels, kept)
            else:
                made = self.body(blackened(pixels, kept, grid))
                tokens = at_places(made.flatten(2).mT, kept)
            maps = spread(tokens, kept, grid)
            latent = self.read(tokens.mT.unsqueeze(-1) if self.any_size else maps)
        return latent.float(), maps.float()

    def _rows(self, image: UInt8[Tensor, "*batch C H W"]) -> UInt8[Tensor, "N C H W"]:
        check_bytes(image, "This encoder")
        shape = image.shape[-3], image.shape[-2], image.shape[-1]
        if not self.takes(shape):
            channels, height, width = self.image_shape
            size = "any size" if self.any_size else f"{height}x{width} pixels"
            raise ValueError(
                f"this encoder takes images of {channels} channels and {size}, not of "
                f"shape {shape}; one that pools its feature maps (ResNet, ViT) "
                "takes any size"
            )
        return image.reshape(-1, *shape)

    def _apart(self) -> bool:
        """Whether images may pass in chunks."""
        return not (self.whole_batch and self.training)

    def _encode(self, image: UInt8[Tensor, "N C H W"]) -> Float32[Tensor, "N D"]:
        with self.precision.autocast(image.device):
            latent = self.read(self._maps(image))
        return latent.float()

    def read(self, maps: Float[Tensor, "N F h w"]) -> Float[Tensor, "N D"]:
        """Latents from the body's last maps, in whatever they are given in."""
        # channels last, so that this is a view of how convolutions left it
        latent: Tensor = self.head(self.pool(maps).permute(0, 2, 3, 1).flatten(1))
        return latent

    def floats(self, image: UInt8[Tensor, "N C H W"]) -> Float[Tensor, "N C H W"]:
        """What the body is given: numbers in [0, 1], in the encoder's format."""
        # bytes are rearranged before they become four times as large
        pixels = image.contiguous(memory_format=torch.channels_last)
        return pixels.to(self.precision.dtype(image.device)).mul_(1 / 255)

    def _maps(self, image: UInt8[Tensor, "N C H W"]) -> Float[Tensor, "N F h w"]:
        maps: Tensor = self.body(self.floats(image))
        return maps


def num_outputs(body: nn.Module, image_shape: tuple[int, int, int]) -> int:
    """Numbers in a body's feature maps of one image.

    Raises:
        ValueError: the image is too small for the body.
    """
    features, height, width = maps_shape(body, image_shape)
    return features * height * width


def maps_shape(
    body: nn.Module, image_shape: tuple[int, int, int]
) -> tuple[int, int, int]:
    """(F, h, w) of a body's feature maps of one image; the body is left as it is.

    Raises:
        ValueError: the image is too small for the body.
    """
    modes = [(x, x.training) for x in body.modules()]
    body.eval()  # a batch norm would remember the black image
    try:
        with torch.no_grad():
            maps: Tensor = body(torch.zeros(1, *image_shape))
    except RuntimeError as error:
        raise ValueError(
            f"images of shape {image_shape} are too small for this encoder; the "
            "Nature CNN needs 36x36, patches and ViT one patch, ResNets anything "
            f"(PyTorch says: {error})"
        ) from error
    finally:
        for module, training in modes:
            module.training = training
    _, features, height, width = maps.shape
    return features, height, width


def _head(inputs: int, size: int) -> nn.Linear:
    head = nn.Linear(inputs, size)
    nn.init.orthogonal_(head.weight, 2**0.5)
    nn.init.zeros_(head.bias)
    return head


@runtime_checkable
class EncoderConfig(Protocol):
    """Describes an encoder: a dataclass whose fields are its settings.

    Whatever sees otherwise than ours gives `Encoder` a body of its own.
    """

    def build(self, image_shape: tuple[int, int, int]) -> Encoder:
        """Build the encoder for images of shape (C, H, W)."""


@runtime_checkable
class BodyConfig(Protocol):
    """What random network distillation needs of an encoder's description."""

    @property
    def precision(self) -> Precision:
        """What the body computes in."""

    def body(self, channels: int) -> nn.Module:
        """Maps `[N, C, H, W]` floats to feature maps `[N, F, h, w]`."""
