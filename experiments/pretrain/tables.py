"""What `curious pretrain` can be told by name: tables of methods, images and views.

A new method is a row of `ssl_objectives/zoo.py`; a new part of another kind is a row
here; see docs/extend.md.
"""

from pathlib import Path

from experiments.config.choices import Row, Table
from experiments.pretrain.distinct_order import DistinctConfig
from experiments.pretrain.own_dataset import DatasetConfig
from ssl_objectives.images.cifar.dataset import Cifar10Config, Cifar100Config
from ssl_objectives.images.fashion_mnist.dataset import FashionMnistConfig
from ssl_objectives.images.folder import FolderConfig
from ssl_objectives.images.mixed import MixedConfig
from ssl_objectives.images.orders import OrderConfig, ShuffledConfig
from ssl_objectives.images.source import ImagesConfig
from ssl_objectives.images.stl10 import Stl10Config
from ssl_objectives.learn.lars import LarsConfig
from ssl_objectives.learn.optimizer import AdamWConfig, OptimizerConfig
from ssl_objectives.learn.schedule import Cosine, Fall, Level, Stairs
from ssl_objectives.learn.sgd import SgdConfig
from ssl_objectives.measure.examples import ProtocolConfig
from ssl_objectives.method import Method
from ssl_objectives.objective import ObjectiveConfig
from ssl_objectives.protocols.fine_tuning import FineTuningConfig
from ssl_objectives.protocols.linear_probe import LinearProbeConfig
from ssl_objectives.protocols.neighbours import NeighboursConfig
from ssl_objectives.views.maker import (
    FourRotations,
    MultiCrop,
    OneView,
    TwoViews,
    UnlikeViews,
    ViewsConfig,
)
from ssl_objectives.views.successive import LaterTarget, SuccessiveViews
from ssl_objectives.zoo import ZOO
from world_models.data.images import RecordedConfig

# Of methods that share an objective, whose docstring cannot tell them apart.
_ABOUT = {
    "moco-v1": "MoCo v1: find the other view's key among keys of the past",
    "moco-v2": "MoCo v2: MoCo v1 with an MLP as projector and a higher temperature",
    "ring-moco": "Ring on MoCo: negatives are hard, but not the very hardest",
    "vince": "VINCE: MoCo whose negatives become harder during the run",
    "instance-nce": "IR by NCE: an image's own entry against 512 drawn ones",
    "ring": "Ring on IR: negatives are hard, but not the very hardest",
    "cmc": "CMC: find an image's entry in the memory of its other view",
    "cmc-modalities": "CMC where brightness and colour are the two views",
    "swav-queue": "SwAV whose clusters are balanced over a queue of the past, too",
    "swav-multi-crop": "SwAV with small crops beside the two large ones",
    "dino-multi-crop": "DINO with small crops, as published",
    "irmae": "IRMAE: an autoencoder that finds a short code through linear layers",
}


OBJECTIVES: Table[ObjectiveConfig] = Table(
    "objective",
    ObjectiveConfig,
    {name: Row.of(x.objective, _ABOUT.get(name, "")) for name, x in ZOO.items()},
)
"""that of each method, by the method's name"""

METHODS: Table[Method] = Table(
    "method",
    Method,
    {name: Row.of(x, OBJECTIVES.rows[name].help) for name, x in ZOO.items()},
    advice="Give a Method (ssl_objectives/method.py) or a function that returns one; "
    "an objective alone goes to --objective.",
)
"""how an encoder is pretrained: views, heads, target and objective"""

IMAGES: Table[ImagesConfig] = Table(
    "images",
    ImagesConfig,
    {
        "fashion-mnist": Row(FashionMnistConfig),
        "folder": Row(FolderConfig),
        "recorded": Row(RecordedConfig),
        "cifar10": Row(Cifar10Config),
        "cifar100": Row(Cifar100Config),
        "stl10": Row(Stl10Config),
        "dataset": Row(DatasetConfig),
        "mixed": Row(MixedConfig),
        "imagined": Row(
            lambda: MixedConfig(RecordedConfig(), RecordedConfig(Path("imagined"))),
            "Recorded frames, and those that `curious picture` imagined (AdaInf)",
        ),
    },
)

VIEWS: Table[ViewsConfig] = Table(
    "views",
    ViewsConfig,
    {
        "two": Row(TwoViews),
        "unlike": Row(UnlikeViews),
        "one": Row(OneView),
        "multi-crop": Row(MultiCrop),
        "rotations": Row(FourRotations),
        "successive": Row(SuccessiveViews),
        "later-target": Row(LaterTarget),
    },
)

ORDERS: Table[OrderConfig] = Table(
    "order",
    OrderConfig,
    {"shuffled": Row(ShuffledConfig), "distinct": Row(DistinctConfig)},
)

OPTIMIZERS: Table[OptimizerConfig] = Table(
    "optimizer",
    OptimizerConfig,
    {"adamw": Row(AdamWConfig), "sgd": Row(SgdConfig), "lars": Row(LarsConfig)},
)

FALLS: Table[Fall] = Table(
    "fall",
    Fall,
    {"cosine": Row(Cosine), "stairs": Row(Stairs), "level": Row(Level)},
)
"""how the learning rate falls behind its warm-up"""

_NEIGHBOURS = NeighboursConfig()
_LINEAR, _TUNED = LinearProbeConfig(), FineTuningConfig()

PROTOCOLS: Table[tuple[ProtocolConfig, ...]] = Table(
    "protocol",
    None,
    {
        "fast": Row.of((), "ridge and k-NN of 10 neighbours, and nothing else"),
        "neighbours": Row.of((_NEIGHBOURS,), "also k-NN of 20 and of 200 neighbours"),
        "linear": Row.of((_LINEAR,), "also a linear probe by SGD, on crops and flips"),
        "fine-tuning": Row.of(
            (_TUNED,), "also the whole encoder, tuned with 1 % and 10 % of the labels"
        ),
        "papers": Row.of((_NEIGHBOURS, _LINEAR, _TUNED), "all of these"),
    },
)
"""how the encoder is measured in the end"""
