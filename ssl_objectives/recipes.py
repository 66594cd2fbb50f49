"""Published settings of methods, typed as they stand in papers and official code.

`ZOO` has methods as they are for a few hundred steps on small images. A `Recipe` is
what a paper trained with: method, optimiser, schedule, encoder, batch and epochs; and
beside it the same method for a small run, which keeps all that does not depend on how
large the data, the batch and the network are.

Where a number comes from is said in `source`; `differs` says what cannot be typed here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from ssl_objectives.encoders.encoder import EncoderConfig
from ssl_objectives.encoders.heads import Mlp
from ssl_objectives.encoders.residual import Stem
from ssl_objectives.encoders.resnet import ResNetConfig
from ssl_objectives.encoders.standardize import IMAGENET_MEAN, IMAGENET_STD
from ssl_objectives.learn.decay import Decayed
from ssl_objectives.learn.lars import LarsConfig
from ssl_objectives.learn.optimizer import OptimizerConfig
from ssl_objectives.learn.schedule import Cosine
from ssl_objectives.learn.sgd import SgdConfig
from ssl_objectives.method import Method
from ssl_objectives.methods.bootstrap.byol import ByolConfig
from ssl_objectives.methods.clusters.swav import SwavConfig
from ssl_objectives.methods.contrast.info_nce import SimClrConfig
from ssl_objectives.methods.memory.moco import MoCoConfig
from ssl_objectives.methods.moments.vicreg_barlow import BarlowConfig, VicRegConfig
from ssl_objectives.views.augment.preset import AugmentConfig, sim_clr
from ssl_objectives.views.maker import MultiCrop, TwoViews, UnlikeViews
from ssl_objectives.zoo import ZOO

IMAGENET = 1_281_167  # training images of ImageNet-1k
CIFAR10 = 50_000  # training images


@dataclass(frozen=True)
class Recipe:
    """A published setting: all that decides a run but its images.

    Attributes:
        source: the paper, and where in it or in its official code the numbers stand.
        method: views, heads and objective as published.
        small: the same for a few hundred steps on small images: sizes of heads, queues
            and the like, and how slowly a target follows, as in `ZOO`.
        optimizer: with its schedule.
        rate_per: the learning rate is for so many images in a batch, and grows with
            their number; 0: it is for the published batch alone.
        encoder: as published.
        batch_size: likewise.
        epochs: likewise.
        images: of the data set that it was published on.
        differs: what here is not as published, a sentence each.
    """

    source: str
    method: Method
    small: Method
    optimizer: OptimizerConfig
    batch_size: int
    epochs: int
    rate_per: int = 256
    encoder: EncoderConfig = field(
        default_factory=lambda: ResNetConfig(depth=50, stem=Stem.IMAGENET)
    )
    images: int = IMAGENET
    differs: tuple[str, ...] = ()

    @property
    def steps(self) -> int:
        """Gradient steps of all epochs, on the images that it was published on."""
        return self.epochs * (self.images // self.batch_size)


def _small(name: str, method: Method, **objective: object) -> Method:
    """The method of a row of `ZOO`, with the views and some numbers of a recipe's."""
    row = ZOO[name]
    changed = replace(row.objective, **objective)  # type: ignore[type-var]  # a dataclass
    return replace(row, objective=changed, views=method.views)


_STANDARDIZED = ResNetConfig(
    depth=50, stem=Stem.IMAGENET, mean=IMAGENET_MEAN, std=IMAGENET_STD
)
_COLORS = AugmentConfig(
    crop=0.08, brightness=0.4, contrast=0.4, saturation=0.2, hue=0.1, blur=1.0
)
_BYOL_VIEWS = UnlikeViews(_COLORS, replace(_COLORS, blur=0.1, solarize=0.2))
_WIDE = Mlp(size=8192, hidden=8192, layers=3)

_SIMCLR = Method(
    SimClrConfig(temperature=0.1),
    views=TwoViews(sim_clr(blur=0.5)),
    projector=Mlp(size=128, hidden=2048),
)
_SIMCLR_CIFAR = Method(
    SimClrConfig(temperature=0.5),
    views=TwoViews(AugmentConfig(crop=0.08, hue=0.1)),
    projector=Mlp(size=128, hidden=512),
)
_BYOL = Method(
    ByolConfig(),
    views=_BYOL_VIEWS,
    projector=Mlp(size=256, hidden=4096),
    predictor=Mlp(size=256, hidden=4096),
    decay=0.996,
)
_SWAV = Method(
    SwavConfig(prototypes=3000, temperature=0.1, eps=0.05, iterations=3, freeze=313),
    views=MultiCrop(
        replace(sim_clr(blur=0.5), crop=0.14),
        num_small=6,
        small=(0.05, 0.14),
        side=96 / 224,
    ),
    projector=Mlp(size=128, hidden=2048),
)
_VICREG = Method(VicRegConfig(), views=_BYOL_VIEWS, projector=_WIDE)
_BARLOW = Method(BarlowConfig(), views=_BYOL_VIEWS, projector=_WIDE)
_MOCO = Method(
    MoCoConfig(temperature=0.2, queue=65_536),
    views=TwoViews(AugmentConfig(crop=0.2, hue=0.1, blur=0.5)),
    projector=Mlp(size=128, hidden=2048),
    decay=0.999,
)

_START = "the target begins as a copy of the online network, not as another network"
_RESIDUAL = "residual branches begin as they are drawn; the official code's begin at 0"
_HEAD = "the projector ends without the batch norm that the official code has there"

ON_IMAGENET: Mapping[str, Recipe] = {
    "simclr": Recipe(
        "SimCLR, 2002.05709, section 2.2 (default setting)",
        _SIMCLR,
        _small("simclr", _SIMCLR, temperature=0.1),
        LarsConfig(0.3, weight_decay=1e-6, warm_up=0.1),
        batch_size=4096,
        epochs=100,
        differs=(_HEAD,),
    ),
    "byol": Recipe(
        "BYOL, 2006.07733, section 3.3; views: appendix B",
        _BYOL,
        _small("byol", _BYOL),
        LarsConfig(0.2, weight_decay=1.5e-6, warm_up=0.01),
        batch_size=4096,
        epochs=1000,
        encoder=_STANDARDIZED,
        differs=(_START,),
    ),
    "swav-multi-crop": Recipe(
        "SwAV, 2006.09882, appendix A; official script for 800 epochs",
        _SWAV,
        _small("swav-multi-crop", _SWAV),
        LarsConfig(
            4.8 * 256 / 4096,
            weight_decay=1e-6,
            decayed=Decayed.ALL,
            warm_up=10 / 800,
            fall=Cosine(0.001),
        ),
        batch_size=4096,
        epochs=800,
        encoder=_STANDARDIZED,
        differs=("the rate rises from 0; the official one from 1/16 of the highest",),
    ),
    "vicreg": Recipe(
        "VICReg, 2105.04906, section 4.2; official code",
        _VICREG,
        _small("vicreg", _VICREG),
        LarsConfig(0.2, weight_decay=1e-6, warm_up=0.01, fall=Cosine(0.001)),
        batch_size=2048,
        epochs=1000,
        encoder=_STANDARDIZED,
        differs=(
            _RESIDUAL,
            "views are BYOL's, whom the paper follows; how often its own are blurred "
            "and solarised was not checked",
        ),
    ),
    "barlow-twins": Recipe(
        "Barlow Twins, 2103.03230, section 2.2; official code",
        _BARLOW,
        _small("barlow-twins", _BARLOW),
        LarsConfig(
            0.2,
            weight_decay=1e-6,
            spared_rate=0.0048 / 0.2,
            warm_up=0.01,
            fall=Cosine(0.001),
        ),
        batch_size=2048,
        epochs=1000,
        encoder=_STANDARDIZED,
        differs=(_RESIDUAL,),
    ),
    "moco-v2": Recipe(
        "MoCo v2, 2003.04297, section 3; official code",
        _MOCO,
        _small("moco-v2", _MOCO),
        SgdConfig(0.03, weight_decay=1e-4, warm_up=0.0),
        batch_size=256,
        epochs=200,
        encoder=_STANDARDIZED,
        differs=(
            "batch norm counts all rows of all processes, with no shuffling between "
            "them; the head has a batch norm inside, which MoCo's has not",
        ),
    ),
}
"""Trained on ImageNet's images of 224 x 224 pixels."""

ON_CIFAR10: Mapping[str, Recipe] = {
    "simclr": Recipe(
        "SimCLR, 2002.05709, appendix B.9; official code",
        _SIMCLR_CIFAR,
        _small("simclr", _SIMCLR_CIFAR, temperature=0.5),
        LarsConfig(1.0, weight_decay=1e-4, warm_up=0.01),
        rate_per=0,
        batch_size=512,
        epochs=1000,
        encoder=ResNetConfig(),
        images=CIFAR10,
        differs=(_HEAD, "ResNet-18; the paper's is ResNet-50 with the same stem"),
    ),
}
"""Trained on CIFAR-10's images of 32 x 32 pixels."""

RECIPES: Mapping[str, Mapping[str, Recipe]] = MappingProxyType(
    {"imagenet": ON_IMAGENET, "cifar10": ON_CIFAR10}
)
"""By what they were trained on, then by the method's name."""
