"""Modalities: parts of an image's channels, each with an encoder of its own.

For CMC (`methods/memory/instance.py`): what one modality knows of the other is
what they have in common. `ModalitiesConfig` encodes them apart and puts the latents
side by side; `PerModality` takes them apart again, and they are views of the image.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ssl_objectives.counts import check_count
from ssl_objectives.encoders.cnn import NatureConfig
from ssl_objectives.encoders.encoder import Encoder, EncoderConfig
from ssl_objectives.encoders.heads import HeadConfig, Mlp


class Mix(nn.Module):
    """A fixed linear mix of channels: `W x + b`.

    Args:
        weight: W, a row per output channel and a column per input channel; of its
            numbers above and below zero none sum to more than 1 in a row.
        offset: b, one per output channel: 1/2 where a mix can be negative, so that all
            of them lie in [0, 1] as pixels do; or 0, for what is about 0 mostly.
    """

    weight: Float[Tensor, "O C 1 1"]
    offset: Float[Tensor, "O"]

    def __init__(
        self, weight: Sequence[Sequence[float]], offset: Sequence[float]
    ) -> None:
        super().__init__()
        # constants: whoever builds the encoder has them
        matrix = torch.tensor(weight)[:, :, None, None]
        self.register_buffer("weight", matrix, persistent=False)
        self.register_buffer("offset", torch.tensor(offset), persistent=False)

    @property
    def channels(self) -> int:
        """Output channels."""
        return len(self.weight)

    def forward(self, pixels: Float[Tensor, "N C H W"]) -> Float[Tensor, "N O H W"]:
        """Mix."""
        weight, offset = self.weight.to(pixels.dtype), self.offset.to(pixels.dtype)
        return nn.functional.conv2d(pixels, weight, offset)


class Modalities(ABC):
    """Which modalities there are in an image."""

    @abstractmethod
    def mixes(self, channels: int) -> tuple[Mix, ...]:
        """One per modality.

        Raises:
            ValueError: images with so many channels have no such modalities.
        """


@dataclass(frozen=True)
class LumaChroma(Modalities):
    """Brightness Y, and colour (Cb, Cr), of red, green and blue.

    YCbCr as in JPEG (ITU-R BT.601, full range): Y = 0.299 R + 0.587 G + 0.114 B, and
    Cb, Cr the differences B - Y and R - Y, scaled to 1/2 ± 1/2.
    """

    def mixes(self, channels: int) -> tuple[Mix, ...]:
        """Y; and Cb with Cr."""
        _demand(channels == 3, "brightness and colour are of 3 channels", channels)
        luma = [0.299, 0.587, 0.114]
        blue = [-x / 1.772 for x in luma[:2]] + [0.5]
        red = [0.5] + [-x / 1.402 for x in luma[1:]]
        return Mix([luma], [0.0]), Mix([blue, red], [0.5, 0.5])


@dataclass(frozen=True)
class RgbDepth(Modalities):
    """Red, green and blue; and depth, the fourth channel."""

    def mixes(self, channels: int) -> tuple[Mix, ...]:
        """Channels 0 to 2; and channel 3."""
        _demand(channels == 4, "colour and depth are 4 channels", channels)
        each = torch.eye(4).tolist()
        return Mix(each[:3], [0.0] * 3), Mix(each[3:], [0.0])


@dataclass(frozen=True)
class FrameDifference(Modalities):
    """The newer of two stacked frames, and what changed: `(1 + new - old) / 2`.

    The older frame comes first, as everywhere here.
    """

    def mixes(self, channels: int) -> tuple[Mix, ...]:
        """The second half of the channels; and its difference to the first half."""
        fits = channels >= 2 and channels % 2 == 0
        _demand(fits, "two frames are an even number of channels", channels)
        half = channels // 2
        one = torch.eye(half)
        new = torch.cat([0 * one, one], 1)
        change = torch.cat([-one, one], 1) / 2
        return Mix(new.tolist(), [0.0] * half), Mix(change.tolist(), [0.5] * half)


@dataclass(frozen=True)
class Change(Modalities):
    """What changed between two stacked frames, alone: `new - old`, the older one first.

    What lasts in front of a camera that stands still is not seen at all.
    """

    def mixes(self, channels: int) -> tuple[Mix, ...]:
        """The second half of the channels less the first."""
        fits = channels >= 2 and channels % 2 == 0
        _demand(fits, "changes are between two frames, an even number", channels)
        one = torch.eye(channels // 2)
        return (Mix(torch.cat([-one, one], 1).tolist(), [0.0] * len(one)),)


class SplitBody(nn.Module):
    """The body of an encoder that has one for each modality.

    Args:
        mixes: what each of them sees.
        bodies: as many; their maps all of one shape.
    """

    def __init__(self, mixes: Sequence[Mix], bodies: Sequence[nn.Module]) -> None:
        super().__init__()
        self.mixes, self.bodies = nn.ModuleList(mixes), nn.ModuleList(bodies)

    def forward(self, pixels: Float[Tensor, "N C H W"]) -> Float[Tensor, "N F h w"]:
        """Feature maps of one modality after another."""
        both = zip(self.mixes, self.bodies, strict=True)
        return torch.cat([body(mix(pixels)) for mix, body in both], 1)


class SplitRead(nn.Module):
    """Reads a latent off the maps of each modality; the latents side by side.

    Args:
        encoders: whose pools and heads do that.
    """

    def __init__(self, encoders: Sequence[Encoder]) -> None:
        super().__init__()
        self.pools = nn.ModuleList(x.pool for x in encoders)
        self.heads = nn.ModuleList(x.head for x in encoders)

    def forward(self, maps: Float[Tensor, "N F h w"]) -> Float[Tensor, "N D 1 1"]:
        """Latents as maps of one place."""
        parts = maps.chunk(len(self.heads), 1)
        latents = [
            head(pool(x).permute(0, 2, 3, 1).flatten(1))
            for x, pool, head in zip(parts, self.pools, self.heads, strict=True)
        ]
        return torch.cat(latents, 1)[:, :, None, None]


@dataclass(frozen=True)
class ModalitiesConfig:
    """An encoder for each modality of an image, apart from each other."""

    encoder: EncoderConfig = field(default_factory=NatureConfig)
    """of each modality; the size of the whole is the sum"""
    modalities: LumaChroma | RgbDepth | FrameDifference | Change = field(
        default_factory=LumaChroma
    )
    """which there are"""

    def build(self, image_shape: tuple[int, int, int]) -> Encoder:
        """Build the encoders for images of shape (C, H, W), as one.

        Raises:
            ValueError: such images do not have these modalities, or are too small.
        """
        channels, height, width = image_shape
        mixes = self.modalities.mixes(channels)
        each = [self.encoder.build((x.channels, height, width)) for x in mixes]
        body, read = SplitBody(mixes, [x.body for x in each]), SplitRead(each)
        whole = Encoder(body, image_shape, 0, each[0].precision, read)
        whole.any_size = each[0].any_size
        return whole


class Apart(nn.Module):
    """Parts of a row, each through a head of its own: several views of an image.

    Args:
        heads: one per part, all parts being equally long.
    """

    def __init__(self, heads: Sequence[nn.Module]) -> None:
        super().__init__()
        self.heads = nn.ModuleList(heads)

    def forward(self, latent: Float[Tensor, "*batch R"]) -> tuple[Tensor, ...]:
        """One row per part."""
        parts = latent.chunk(len(self.heads), -1)
        return tuple(head(x) for head, x in zip(self.heads, parts, strict=True))


@dataclass(frozen=True)
class PerModality:
    """A head for each modality's part of a latent; each makes a view."""

    head: HeadConfig = field(default_factory=Mlp)
    """of each modality"""
    num: int = 2
    """modalities, whose latents are equally long"""

    def __post_init__(self) -> None:
        check_count("num", self.num)

    def outputs(self, inputs: int) -> int:
        """Numbers in a row of each view."""
        return self.head.outputs(inputs // self.num)

    def build(self, inputs: int) -> Apart:
        """Build the heads for rows of `inputs` numbers.

        Raises:
            ValueError: such rows cannot be divided evenly.
        """
        if inputs % self.num:
            raise ValueError(
                f"latents of {inputs} numbers are not those of {self.num} modalities; "
                "encode with ModalitiesConfig, or change `num`"
            )
        return Apart([self.head.build(inputs // self.num) for _ in range(self.num)])


def _demand(fits: bool, wanted: str, channels: int) -> None:
    if not fits:
        raise ValueError(f"{wanted}; these images have {channels}")
