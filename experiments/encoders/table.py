"""The encoders that can be said by name, one row each: `--encoder`.

`curious train` and `curious pretrain` both choose from this table; each says which rows
it offers, and what its size dial sets of them.
"""

from dataclasses import dataclass, field
from functools import partial

from experiments.config.choices import Row, Table
from experiments.encoders.pretrained import PretrainedConfig
from ssl_objectives.encoders.ari_cnn import AriCnnConfig
from ssl_objectives.encoders.cnn import ImpalaConfig, NatureConfig, PatchConfig
from ssl_objectives.encoders.encoder import EncoderConfig
from ssl_objectives.encoders.menet import MeNetConfig
from ssl_objectives.encoders.modalities import (
    Change,
    FrameDifference,
    LumaChroma,
    ModalitiesConfig,
    RgbDepth,
)
from ssl_objectives.encoders.residual import Stem
from ssl_objectives.encoders.resnet import ResNetConfig
from ssl_objectives.encoders.small_cnn import SmallCnnConfig
from ssl_objectives.encoders.timm_body import TimmConfig
from ssl_objectives.encoders.vit import ViTConfig

OF_TWO_FRAMES = ("change", "frame-difference")
"""encoders that compare two stacked frames, and take no other number of them"""


@dataclass(frozen=True)
class EncoderScale:
    """What a size dial sets of encoders.

    Attributes:
        latent: D of those that are told one.
        patch: pixels per side of a patch, of `patch`.
        channels: of the first stage of a ResNet.
        token: numbers in a token of a vision transformer.
        each: the encoder of each modality, of those that have several.
    """

    latent: int
    patch: int = PatchConfig.patch
    channels: int = ResNetConfig.width
    token: int = ViTConfig.width
    each: EncoderConfig = field(default_factory=NatureConfig)


ENCODERS: Table[EncoderConfig] = Table(
    "encoder",
    EncoderConfig,
    {
        "nature": Row(NatureConfig, dial={"size": "latent"}),
        "impala": Row(ImpalaConfig, dial={"size": "latent"}),
        "patch": Row(PatchConfig, dial={"size": "latent", "patch": "patch"}),
        "small": Row(SmallCnnConfig),
        "menet": Row(MeNetConfig, dial={"size": "latent"}),
        "ari": Row(AriCnnConfig),
        "resnet": Row(ResNetConfig, dial={"width": "channels"}),
        "resnet18": Row(
            partial(ResNetConfig, stem=Stem.IMAGENET),
            "ResNet-18 with ImageNet's stem, for images of some 100 pixels and more",
        ),
        "resnet50": Row(
            partial(ResNetConfig, depth=50, stem=Stem.IMAGENET),
            "ResNet-50 with ImageNet's stem: what SSL papers compare each other on",
        ),
        "vit": Row(ViTConfig, dial={"width": "token"}),
        "vit-s": Row(
            partial(ViTConfig, patch=16, width=384, depth=12, heads=6),
            "ViT-S/16 (2012.12877): 22 million numbers, for images of 224 pixels",
        ),
        "vit-b": Row(
            partial(ViTConfig, patch=16, width=768, depth=12, heads=12),
            "ViT-B/16 (2010.11929): 86 million numbers, for images of 224 pixels",
        ),
        "timm": Row(TimmConfig),
        "luma-chroma": Row(
            partial(ModalitiesConfig, modalities=LumaChroma()),
            "Two encoders, for brightness and colour",
            {"encoder": "each"},
        ),
        "rgb-depth": Row(
            partial(ModalitiesConfig, modalities=RgbDepth()),
            "Two encoders, for colour and the fourth channel",
            {"encoder": "each"},
        ),
        "frame-difference": Row(
            partial(ModalitiesConfig, modalities=FrameDifference()),
            "Two encoders, for a frame and what changed since the last",
            {"encoder": "each"},
        ),
        "change": Row(
            partial(ModalitiesConfig, modalities=Change()),
            "What changed between two stacked frames, and nothing else",
            {"encoder": "each"},
        ),
        "pretrained": Row(PretrainedConfig),
    },
)
