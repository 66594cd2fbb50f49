"""What `curious pretrain` can be told by name."""

from collections.abc import Mapping

from experiments.config.command import Part
from experiments.data.image_folder import FolderConfig
from experiments.data.mixed_images import MixedConfig
from experiments.pretrain.distinct_order import DistinctConfig
from ssl_objectives.images.fashion_mnist.dataset import FashionMnistConfig
from ssl_objectives.images.orders import OrderConfig, ShuffledConfig
from ssl_objectives.images.source import ImagesConfig
from ssl_objectives.learn.optimizer import AdamWConfig, OptimizerConfig
from ssl_objectives.method import Method
from ssl_objectives.views.maker import (
    FourRotations,
    MultiCrop,
    OneView,
    TwoViews,
    UnlikeViews,
    ViewsConfig,
)
from ssl_objectives.zoo import ZOO
from world_models.data.images import RecordedConfig

DEFAULT = "simclr"

IMAGES: Mapping[str, type[ImagesConfig]] = {
    "fashion-mnist": FashionMnistConfig,
    "folder": FolderConfig,
    "recorded": RecordedConfig,
    "mixed": MixedConfig,
}
VIEWS: Mapping[str, type[ViewsConfig]] = {
    "two": TwoViews,
    "unlike": UnlikeViews,
    "one": OneView,
    "multi-crop": MultiCrop,
    "rotations": FourRotations,
}
ORDERS: Mapping[str, type[OrderConfig]] = {
    "shuffled": ShuffledConfig,
    "distinct": DistinctConfig,
}
OPTIMIZERS: Mapping[str, type[OptimizerConfig]] = {"adamw": AdamWConfig}


def about_method(method: Method) -> str:
    """What a method's objective says of itself, in a line."""
    lines = (type(method.objective).__doc__ or "").strip().splitlines()
    return lines[0].rstrip(".") if lines else ""


PARTS = (
    Part(
        "method",
        {name: about_method(method) for name, method in ZOO.items()},
        default=DEFAULT,
        about="How it is pretrained; --objective and --views change it.",
        open=True,
        positional=True,
    ),
    Part(
        "size",
        {
            "debug": "seconds on any machine: does it run at all",
            "laptop": "a minute or two on two CPU cores",
            "gpu": "about an hour on one GPU",
        },
        default="laptop",
        about="One dial for encoder, batch and budget; every flag below overrides it.",
    ),
    Part(
        "images",
        {
            "fashion-mnist": "clothes, 28 x 28, gray, ten classes",
            "folder": "image files; sub-folders are classes",
            "recorded": "frames that were recorded or imported",
            "mixed": "real images and generated ones (AdaInf)",
        },
        default="fashion-mnist",
        about="What is looked at.",
        open=True,
    ),
    Part(
        "encoder",
        {
            "small": "three convolutions with batch norm, averaged: for first tries",
            "impala": "the small residual network of IMPALA",
            "resnet": "ResNet-18 for small images",
            "vit": "a small vision transformer",
            "nature": "the three convolutions of the Nature DQN; from 36 x 36",
            "luma-chroma": "two, for brightness and colour (cmc-modalities' default)",
            "rgb-depth": "two, for colour and the fourth channel",
            "frame-difference": "two, for a frame and what changed since the last",
            "patch": "a few layers over patches: the cheapest",
            "pretrained": "one that an earlier run has trained",
        },
        about="What is trained (default: as the size says).",
        open=True,
    ),
    Part(
        "objective",
        {name: about_method(method) for name, method in ZOO.items()},
        about="What is minimised: that of any method, by the method's name (default: "
        "the method's own).",
        open=True,
        listed=False,
    ),
    Part(
        "views",
        {
            "two": "two random views, made alike",
            "unlike": "two random views, made in two ways",
            "one": "one random view, for methods with a memory",
            "multi-crop": "two large crops, and small ones that are no targets",
            "rotations": "each image turned four ways",
        },
        about="How an image is changed (default: as the method says).",
        open=True,
    ),
    Part(
        "order",
        {
            "shuffled": "every image once per epoch",
            "distinct": "no two images of a cluster in a batch (G-SimCLR)",
        },
        default="shuffled",
        about="Which images are in which batch.",
        open=True,
    ),
    Part(
        "optimizer",
        {"adamw": "AdamW, warmed up, then along half a cosine"},
        default="adamw",
        about="What turns gradients into new weights.",
        open=True,
    ),
)
