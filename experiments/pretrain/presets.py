"""Pretraining runs by name: what `curious pretrain` lets choose, and its size dial."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from experiments.config.choices import Choice, Row, Table
from experiments.encoders.table import ENCODERS, EncoderScale
from experiments.pretrain.config import PretrainConfig
from experiments.pretrain.tables import (
    IMAGES,
    METHODS,
    OBJECTIVES,
    OPTIMIZERS,
    ORDERS,
    VIEWS,
)
from ssl_objectives.encoders.encoder import EncoderConfig
from ssl_objectives.encoders.modalities import PerModality
from ssl_objectives.images.fashion_mnist.dataset import FashionMnistConfig
from ssl_objectives.measure.encoder_evaluation import ProbeConfig
from ssl_objectives.method import Method

DEFAULT = "simclr"


@dataclass(frozen=True)
class Scale:
    """What the size dial sets.

    Attributes:
        encoder: which one, where none was asked for.
        encoders: sizes of all of them.
        steps, every: gradient steps, of the run and between checkpoints.
    """

    encoder: str
    encoders: EncoderScale
    batch_size: int
    steps: int
    every: int
    probe: ProbeConfig


SIZES: Table[Scale] = Table(
    "size",
    None,
    {
        "debug": Row.of(
            Scale(
                encoder="patch",
                encoders=EncoderScale(latent=32, patch=4, channels=8, token=64),
                batch_size=32,
                steps=20,
                every=10,
                probe=ProbeConfig(200, 100, ("10%",), draws=1, num_mapped=60),
            ),
            "seconds on any machine: does it run at all",
        ),
        "laptop": Row.of(
            Scale(
                encoder="small",
                encoders=EncoderScale(latent=128, patch=4, channels=16, token=128),
                batch_size=192,
                steps=300,
                every=100,
                probe=ProbeConfig(),
            ),
            "a minute or two on two CPU cores",
        ),
        "gpu": Row.of(
            Scale(
                encoder="resnet",
                encoders=EncoderScale(latent=512, patch=4, channels=64, token=512),
                batch_size=512,
                steps=20_000,
                every=2_000,
                probe=ProbeConfig(50_000, 10_000),
            ),
            "about an hour on one GPU",
        ),
    },
)

CHOICES = (
    Choice(
        METHODS,
        "How it is pretrained; --objective and --views change it.",
        default=DEFAULT,
        positional=True,
    ),
    Choice(
        SIZES,
        "One dial for encoder, batch and budget; every flag below overrides it.",
        default="laptop",
    ),
    Choice(IMAGES, "What is looked at.", default="fashion-mnist"),
    Choice(
        ENCODERS,
        "What is trained (default: as the size says; luma-chroma for cmc-modalities).",
    ),
    Choice(
        OBJECTIVES,
        "What is minimised: that of any method, by the method's name (default: the "
        "method's own).",
        listed=False,
    ),
    Choice(VIEWS, "How an image is changed (default: as the method says)."),
    Choice(ORDERS, "Which images are in which batch.", default="shuffled"),
    Choice(OPTIMIZERS, "What turns gradients into new weights.", default="adamw"),
)


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
    """The config that the choices of `curious pretrain` stand for.

    Names are those of `CHOICES`; all but the size may be `my_module:MyConfig`.

    Raises:
        ConfigError: no such name, or a part from outside cannot be loaded or is none
            of its kind.
    """
    scale, whole = SIZES.make(size), METHODS.make(method)
    if objective is not None:
        whole = replace(whole, objective=OBJECTIVES.make(objective))
    if views is not None:
        whole = replace(whole, views=VIEWS.make(views))
    config = PretrainConfig(
        method=whole,
        images=IMAGES.make(images),
        encoder=_encoder(encoder, whole, scale),
        optimizer=OPTIMIZERS.make(optimizer),
        order=ORDERS.make(order),
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


def from_choices(chosen: Mapping[str, str]) -> PretrainConfig:
    """`pretrain_config` from what the command line chose."""
    return pretrain_config(**chosen)


def _encoder(name: str | None, method: Method, scale: Scale) -> EncoderConfig:
    if name is None:  # a method that tells modalities apart needs them apart
        apart = isinstance(method.projector, PerModality)
        name = "luma-chroma" if apart else scale.encoder
    each = ENCODERS.make(scale.encoder, scale.encoders)
    return ENCODERS.make(name, replace(scale.encoders, each=each))
