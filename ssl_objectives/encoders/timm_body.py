"""Any network of timm as an encoder, where timm is installed (extra `timm`).

Its weights keep timm's names, below `body.network`: those of a published checkpoint are

    name = "vit_small_patch16_224.dino"
    config = TimmConfig(name, mean=IMAGENET_MEAN, std=IMAGENET_STD)
    encoder = config.build((3, 224, 224))
    theirs = timm.create_model(name, pretrained=True, num_classes=0)
    encoder.body.network.load_state_dict(theirs.state_dict())
"""

import difflib
from dataclasses import dataclass
from importlib import import_module
from typing import Any, final

from jaxtyping import Float
from torch import Tensor, nn

from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.encoders.standardize import Standardize, check_channels
from ssl_objectives.refusal import ConfigError


@final
class TimmBody(nn.Module):
    """A network of timm without its classifier; what it pools is a map of one pixel.

    Args:
        network: from images to rows.
        standardize: what images go through first; it has no weights.
    """

    def __init__(self, network: nn.Module, standardize: nn.Module) -> None:
        super().__init__()
        self.standardize = standardize
        self.network = network

    def forward(self, images: Float[Tensor, "N C H W"]) -> Float[Tensor, "N F 1 1"]:
        """Rows, as maps."""
        rows: Tensor = self.network(self.standardize(images))
        return rows[:, :, None, None]


@dataclass(frozen=True)
class TimmConfig:
    """Any network of timm, by timm's name for it; images have one size (extra `timm`).

    Pooled as timm pools it: by its mean or its class token. Methods that compare
    feature maps place by place find one place. Weights are drawn anew; published ones
    are loaded as the module says. Over several processes, batch norms of timm count
    the rows of each one apart.
    """

    name: str = "vit_small_patch16_224"
    """of `timm.list_models()`"""
    size: int = 0
    """D, size of the latent vector by a linear layer; 0: what timm's network gives"""
    precision: Precision = Precision.AUTO
    """what the encoder (and nothing else) computes in"""
    mean: tuple[float, ...] = ()
    """taken from each channel first, of pixels from 0 to 1; none: nothing"""
    std: tuple[float, ...] = ()
    """what each channel is divided by then; none: nothing"""

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError(f"size must be at least 0, not {self.size}")
        check_channels(self.mean, self.std)

    def build(self, image_shape: tuple[int, int, int]) -> Encoder:
        """Build the encoder for images of shape (C, H, W).

        Raises:
            ConfigError: timm is not there, or has no such network.
            ValueError: the network does not take such images.
        """
        first: nn.Module = nn.Identity()
        if self.mean:
            first = Standardize(image_shape[0], self.mean, self.std)
        body = TimmBody(_network(self.name, image_shape), first)
        return Encoder(body, image_shape, self.size, self.precision)


def _network(name: str, image_shape: tuple[int, int, int]) -> nn.Module:
    timm, (channels, height, width) = _timm(), image_shape
    known: list[str] = timm.list_models()
    if name.partition(".")[0] not in known:
        near = difflib.get_close_matches(name, known, 3)
        raise ConfigError(
            f"timm has no network {name!r}."
            + (f" Near it: {', '.join(near)}." if near else "")
            + " timm.list_models() has all names."
        )
    given: dict[str, Any] = {"in_chans": channels, "num_classes": 0}
    try:  # transformers are told the size, and convolutions take none
        made: nn.Module = timm.create_model(name, img_size=(height, width), **given)
    except TypeError:
        made = timm.create_model(name, **given)
    except AssertionError as error:
        raise ValueError(
            f"{name} takes no images of {height}x{width} pixels: {error}"
        ) from error
    return made


def _timm() -> Any:
    try:
        return import_module("timm")
    except ImportError as error:
        raise ConfigError(
            'Networks of timm need it: pip install "curious-worlds[timm]"'
        ) from error
    except RuntimeError as error:  # torchvision, which it imports, says so
        raise ConfigError(
            "timm is installed, but cannot be imported beside this PyTorch: "
            f"{error}. Install the torchvision of the same build."
        ) from error
