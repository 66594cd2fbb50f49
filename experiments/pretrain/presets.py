"""Named parts of a pretraining run, and the one dial for its size."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from experiments.config.outside import load_part
from experiments.config.outside_parts import load_outside
from experiments.config.size import Size
from experiments.encoders.pretrained import PretrainedConfig
from experiments.pretrain.config import PretrainConfig
from experiments.pretrain.parts import DEFAULT, IMAGES, OPTIMIZERS, ORDERS, PARTS, VIEWS
from ssl_objectives.encoders.cnn import ImpalaConfig, NatureConfig, PatchConfig
from ssl_objectives.encoders.encoder import EncoderConfig
from ssl_objectives.encoders.modalities import (
    FrameDifference,
    LumaChroma,
    ModalitiesConfig,
    PerModality,
    RgbDepth,
)
from ssl_objectives.encoders.resnet import ResNetConfig
from ssl_objectives.encoders.small_cnn import SmallCnnConfig
from ssl_objectives.encoders.vit import ViTConfig
from ssl_objectives.images.fashion_mnist.dataset import FashionMnistConfig
from ssl_objectives.images.orders import OrderConfig
from ssl_objectives.images.source import ImagesConfig
from ssl_objectives.learn.optimizer import OptimizerConfig
from ssl_objectives.measure.encoder_evaluation import ProbeConfig
from ssl_objectives.method import Method
from ssl_objectives.refusal import ConfigError
from ssl_objectives.views.maker import ViewsConfig
from ssl_objectives.zoo import ZOO


@dataclass(frozen=True)
class _Scale:
    """What the size dial sets.

    Attributes:
        encoder: which one, where none was asked for.
        latent: D of encoders that are told one.
        width: of the first stage of a ResNet, or of tokens.
    """

    encoder: str
    latent: int
    width: int
    batch_size: int
    steps: int
    every: int
    probe: ProbeConfig


_SCALES = {
    Size.DEBUG: _Scale(
        encoder="patch",
        latent=32,
        width=8,
        batch_size=32,
        steps=20,
        every=10,
        probe=ProbeConfig(200, 100, ("10%",), draws=1, num_mapped=60),
    ),
    Size.LAPTOP: _Scale(
        encoder="small",
        latent=128,
        width=16,
        batch_size=192,
        steps=300,
        every=100,
        probe=ProbeConfig(),
    ),
    Size.GPU: _Scale(
        encoder="resnet",
        latent=512,
        width=64,
        batch_size=512,
        steps=20_000,
        every=2_000,
        probe=ProbeConfig(50_000, 10_000),
    ),
}


def pretrain_config(
    method: str = DEFAULT,
    size: str = "laptop",
    images: str = "fashion-mnist",
    encoder: str | None = None,
    objective: str | None = None,
    views: str | None = None,
    order: str = "shuffled",
    optimizer: str = "adamw",
) -> PretrainConfig:
    """The config that the part names of `curious pretrain` stand for.

    Names are those of `PARTS`; all but the size may be `my_module:MyConfig`.

    Raises:
        ConfigError: no such name, or a part from outside cannot be loaded or is none
            of its kind.
    """
    chosen = {
        "method": method,
        "size": size,
        "images": images,
        "encoder": encoder,
        "objective": objective,
        "views": views,
        "order": order,
        "optimizer": optimizer,
    }
    for part in PARTS:
        name = chosen[part.name]
        if name is not None:
            part.check(name)
    scale = _SCALES[Size[size.upper()]]
    whole = _with(_method(method), objective, views)
    config = PretrainConfig(
        method=whole,
        images=_part("images", images, IMAGES, ImagesConfig),
        encoder=_encoder(encoder, whole, scale),
        optimizer=_part("optimizer", optimizer, OPTIMIZERS, OptimizerConfig),
        order=_part("order", order, ORDERS, OrderConfig),
        name=method.rpartition(":")[2],
        steps=scale.steps,
        batch_size=scale.batch_size,
        evaluate_every=scale.every,
        checkpoint_every=scale.every,
        probe=scale.probe,
    )
    if size == "debug" and isinstance(config.images, FashionMnistConfig):
        return replace(config, images=FashionMnistConfig(subset=True), log_every=5)
    return config


def from_parts(chosen: Mapping[str, str]) -> PretrainConfig:
    """`pretrain_config` from what the command line chose."""
    return pretrain_config(**chosen)


def _method(name: str) -> Method:
    if ":" not in name:
        return ZOO[name]
    method = load_part(name)
    if not isinstance(method, Method):
        raise ConfigError(
            f"{name} is a {type(method).__name__}, not a method. Give a Method "
            "(ssl_objectives/method.py) or a function that returns one; an objective "
            "alone goes to --objective."
        )
    return method


def _with(method: Method, objective: str | None, views: str | None) -> Method:
    """The method with another objective and other views, where they were asked for."""
    if objective is not None:
        outside = ":" in objective
        chosen = (
            load_outside("objective", objective)
            if outside
            else ZOO[objective].objective
        )
        method = replace(method, objective=chosen)
    if views is not None:
        method = replace(method, views=_part("views", views, VIEWS, ViewsConfig))
    return method


def _part(part: str, name: str, known: Mapping[str, type], protocol: type) -> Any:
    if ":" not in name:
        return known[name]()
    config = load_part(name)
    if not isinstance(config, protocol):
        raise ConfigError(
            f"--{part}: {name} is no {part}; see {protocol.__module__}:"
            f"{protocol.__name__}."
        )
    return config


def _encoder(name: str | None, method: Method, scale: _Scale) -> EncoderConfig:
    if name is None:  # a method that tells modalities apart needs them apart
        apart = isinstance(method.projector, PerModality)
        name = "luma-chroma" if apart else scale.encoder
    if ":" in name:
        outside: EncoderConfig = load_outside("encoder", name)
        return outside
    encoders: dict[str, EncoderConfig] = {
        "small": SmallCnnConfig(),
        "impala": ImpalaConfig(scale.latent),
        "resnet": ResNetConfig(width=scale.width),
        "vit": ViTConfig(width=8 * scale.width),
        "nature": NatureConfig(scale.latent),
        "patch": PatchConfig(scale.latent, patch=4),
        "pretrained": PretrainedConfig(),
    }
    each = encoders[scale.encoder]
    encoders["luma-chroma"] = ModalitiesConfig(each, LumaChroma())
    encoders["rgb-depth"] = ModalitiesConfig(each, RgbDepth())
    encoders["frame-difference"] = ModalitiesConfig(each, FrameDifference())
    return encoders[name]
