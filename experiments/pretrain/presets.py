"""Pretraining runs by name: what `curious pretrain` lets choose, and its size dial."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from experiments.config.choices import Choice, Row, Table
from experiments.encoders.table import ENCODERS, EncoderScale
from experiments.pretrain.config import PretrainConfig
from experiments.pretrain.recipes import recipe_of
from experiments.pretrain.tables import (
    FALLS,
    IMAGES,
    METHODS,
    OBJECTIVES,
    OPTIMIZERS,
    ORDERS,
    PROTOCOLS,
    VIEWS,
)
from ssl_objectives.encoders.encoder import EncoderConfig
from ssl_objectives.encoders.modalities import PerModality
from ssl_objectives.images.fashion_mnist.dataset import FashionMnistConfig
from ssl_objectives.learn.optimizer import OptimizerConfig
from ssl_objectives.measure.encoder_evaluation import ProbeConfig
from ssl_objectives.method import Method
from ssl_objectives.recipes import RECIPES, Recipe
from ssl_objectives.refusal import ConfigError

DEFAULT = "simclr"


@dataclass(frozen=True)
class Scale:
    """What the size dial sets.

    Attributes:
        encoder: which one, where none was asked for; None: the recipe's.
        encoders: sizes of all of them.
        batch_size: None: the recipe's.
        steps, every: gradient steps, of the run and between checkpoints; None: as many
            as the recipe's epochs are.
    """

    encoder: str | None
    encoders: EncoderScale
    batch_size: int | None
    steps: int | None
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
        "paper": Row.of(
            Scale(
                encoder=None,
                encoders=EncoderScale(latent=512, patch=16, channels=64, token=384),
                batch_size=None,
                steps=None,
                every=5_000,
                probe=ProbeConfig(50_000, 10_000),
            ),
            "as the paper of --recipe says: many GPUs, and days",
        ),
    },
)


def _listed(images: str) -> str:
    """Whose settings there are, as far as a line reaches."""
    names = list(RECIPES[images])
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


PUBLISHED: Table[str] = Table(
    "recipe",
    None,
    {
        name: Row.of(name, f"as published on {about}: {_listed(name)}")
        for name, about in (("imagenet", "ImageNet"), ("cifar10", "CIFAR-10"))
    },
)
"""published settings, by the images that they were trained on"""

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
    Choice(
        PUBLISHED,
        "The paper's setting of the method in the place of our own for small runs; "
        "sizes but `paper` keep their own encoder, batch, steps and heads.",
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
    Choice(
        OPTIMIZERS,
        "What turns gradients into new weights (default: adamw, or the recipe's).",
    ),
    Choice(FALLS, "How the learning rate falls (default: as the optimiser says)."),
    Choice(PROTOCOLS, "How the encoder is measured in the end.", default="fast"),
)


def pretrain_config(
    method: str = DEFAULT,
    size: str = "laptop",
    images: str = "fashion-mnist",
    encoder: str | None = None,
    objective: str | None = None,
    views: str | None = None,
    order: str = "shuffled",
    optimizer: str | None = None,
    recipe: str | None = None,
    fall: str | None = None,
    protocol: str = "fast",
) -> PretrainConfig:
    """The config that the choices of `curious pretrain` stand for.

    Names are those of `CHOICES`; all but the size may be `my_module:MyConfig`.

    Raises:
        ConfigError: no such name, or a part from outside cannot be loaded or is none
            of its kind.
    """
    scale = SIZES.make(size)
    published = None if recipe is None else recipe_of(method, PUBLISHED.make(recipe))
    if published is None and None in (scale.encoder, scale.batch_size, scale.steps):
        raise ConfigError(
            f"--size {size} is the size of a published setting: say which, with "
            f"--recipe {' or --recipe '.join(PUBLISHED.rows)}."
        )
    whole = METHODS.make(method)
    if published is not None:
        whole = published.small if scale.encoder else published.method
    if objective is not None:
        whole = replace(whole, objective=OBJECTIVES.make(objective))
    if views is not None:
        whole = replace(whole, views=VIEWS.make(views))
    config = PretrainConfig(
        method=whole,
        images=IMAGES.make(images),
        encoder=_encoder(encoder, whole, scale, published),
        optimizer=_optimizer(optimizer, fall, published),
        order=ORDERS.make(order),
        name=method.rpartition(":")[2],
        evaluate_every=scale.every,
        checkpoint_every=scale.every,
        probe=replace(scale.probe, beside=PROTOCOLS.make(protocol)),
    )
    if published is None:
        assert scale.batch_size is not None
        assert scale.steps is not None
        config = replace(config, batch_size=scale.batch_size, steps=scale.steps)
    else:
        assert recipe is not None
        config = replace(
            config,
            published=recipe,
            rate_per=0 if optimizer else published.rate_per,
            batch_size=scale.batch_size or published.batch_size,
            steps=scale.steps or published.steps,
        )
    if size == "debug" and isinstance(config.images, FashionMnistConfig):
        return replace(config, images=FashionMnistConfig(subset=True), log_every=5)
    return config


def from_choices(chosen: Mapping[str, str]) -> PretrainConfig:
    """`pretrain_config` from what the command line chose."""
    return pretrain_config(**chosen)


def _encoder(
    name: str | None, method: Method, scale: Scale, published: Recipe | None
) -> EncoderConfig:
    if name is None and scale.encoder is None:
        assert published is not None
        return published.encoder
    usual = scale.encoder or "resnet"
    if name is None:  # a method that tells modalities apart needs them apart
        apart = isinstance(method.projector, PerModality)
        name = "luma-chroma" if apart else usual
    each = ENCODERS.make(usual, scale.encoders)
    return ENCODERS.make(name, replace(scale.encoders, each=each))


def _optimizer(
    name: str | None, fall: str | None, published: Recipe | None
) -> OptimizerConfig:
    """The one that is asked for, or the recipe's, or AdamW."""
    if name is None and published is not None:
        made = published.optimizer
    else:
        made = OPTIMIZERS.make(name or "adamw")
    if fall is None:
        return made
    if not any(x.name == "fall" for x in fields(made)):  # type: ignore[arg-type]  # a dataclass
        raise ConfigError(
            f"--fall: {name} says by itself how its learning rate goes; leave it out."
        )
    return replace(made, fall=FALLS.make(fall))  # type: ignore[type-var]  # likewise
