"""torchvision's and timm's ResNets beside ours, with the same weights.

`docs/peers/optimizers.py` says how to install them.
"""

from collections.abc import Iterator
from typing import Any

import torch
from peers.vision import imported
from torch import nn

from ssl_objectives import (
    Precision,
    ResNetConfig,
    Stem,
    load_torchvision,
    to_torchvision,
)
from ssl_objectives.encoders.standardize import IMAGENET_MEAN, IMAGENET_STD

SHAPE = (3, 96, 80)


def networks() -> Iterator[dict[str, Any]]:
    """Their weights in ours, and ours in theirs: largest difference of a latent."""
    models = imported("torchvision.models")
    timm = imported("timm")
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (4, *SHAPE), generator=generator).byte()
    mean, std = (torch.tensor(x).view(3, 1, 1) for x in (IMAGENET_MEAN, IMAGENET_STD))
    pixels = (images / 255 - mean) / std
    for depth in (18, 50):
        for package, make in (
            ("torchvision", lambda name: getattr(models, name)()),
            ("timm", lambda name: timm.create_model(name)),
        ):
            torch.manual_seed(depth)
            theirs = make(f"resnet{depth}")
            _settle(theirs)
            theirs.fc = nn.Identity()
            ours = ResNetConfig(
                precision=Precision.FLOAT32,
                depth=depth,
                stem=Stem.IMAGENET,
                mean=IMAGENET_MEAN,
                std=IMAGENET_STD,
            ).build(SHAPE)
            load_torchvision(ours, theirs.state_dict())
            yield _pair(depth, f"{package}'s weights", ours, theirs, images, pixels)
            _settle(ours)
            theirs.load_state_dict(to_torchvision(ours))
            yield _pair(
                depth, f"our weights in {package}'s", ours, theirs, images, pixels
            )


def _settle(network: nn.Module) -> None:
    """Statistics and scales of batch norms that are not those of the start."""
    for x in network.modules():
        if isinstance(x, nn.BatchNorm2d):
            assert x.running_mean is not None
            assert x.running_var is not None
            x.running_mean.normal_(0, 0.1)
            x.running_var.uniform_(0.5, 1.5)
            nn.init.uniform_(x.weight, 0.5, 1.5)
            nn.init.normal_(x.bias, 0, 0.1)


@torch.no_grad()
def _pair(
    depth: int,
    theirs: str,
    ours: nn.Module,
    network: nn.Module,
    images: torch.Tensor,
    pixels: torch.Tensor,
) -> dict[str, Any]:
    mine, other = ours.eval()(images), network.eval()(pixels)
    apart = (mine - other).abs().max() / other.abs().max()
    return {"ours": f"ResNet-{depth}", "theirs": theirs, "apart": float(apart)}
