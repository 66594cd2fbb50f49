"""The methods, as data: every row is one composition of parts.

Docs, tests, the benchmark and `curious pretrain` go through this table; a new
combination of parts is a new row. Settings that papers chose for large data (queues,
numbers of clusters, ramps) are those of a few hundred steps on small images.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from ssl_objectives.encoders.heads import Mlp, ResidualMlp, Straight
from ssl_objectives.encoders.linear_stack import LinearStack
from ssl_objectives.encoders.modalities import PerModality
from ssl_objectives.method import Method
from ssl_objectives.methods.bootstrap.byol import ByolConfig, SimSiamConfig
from ssl_objectives.methods.bootstrap.direct_pred import (
    DirectCopyConfig,
    DirectPredConfig,
)
from ssl_objectives.methods.bootstrap.msb_reg import MsbRegConfig
from ssl_objectives.methods.clusters.dino import DinoConfig
from ssl_objectives.methods.clusters.inter_clr import InterClrConfig
from ssl_objectives.methods.clusters.pcl import PclConfig
from ssl_objectives.methods.clusters.self_label import SelfLabelConfig
from ssl_objectives.methods.clusters.swav import SwavConfig
from ssl_objectives.methods.clusters.twist import TwistConfig
from ssl_objectives.methods.contrast.atc import AtcConfig
from ssl_objectives.methods.contrast.bregman import DeepBregmanConfig
from ssl_objectives.methods.contrast.compressive import CByolConfig, CSimClrConfig
from ssl_objectives.methods.contrast.direct_clr import DirectClrConfig
from ssl_objectives.methods.contrast.hallucinate import HallucinateConfig
from ssl_objectives.methods.contrast.info_nce import (
    DclConfig,
    DclwConfig,
    InfoNceConfig,
    SimClrConfig,
)
from ssl_objectives.methods.contrast.renyi import RenyiClConfig
from ssl_objectives.methods.dense.local_global import (
    AmdimConfig,
    DeepInfoMaxConfig,
    StDimConfig,
)
from ssl_objectives.methods.dense.vicregl import VicRegLConfig
from ssl_objectives.methods.memory.instance import CmcConfig, InstanceConfig, NceForm
from ssl_objectives.methods.memory.label_propagation import LabelPropagationConfig
from ssl_objectives.methods.memory.local_aggregation import LocalAggregationConfig
from ssl_objectives.methods.memory.moco import MoCoConfig
from ssl_objectives.methods.memory.ring import RingConfig
from ssl_objectives.methods.moments.hsic import SslHsicConfig
from ssl_objectives.methods.moments.sigreg import SigRegConfig
from ssl_objectives.methods.moments.tico import TiCoConfig
from ssl_objectives.methods.moments.vicreg_barlow import BarlowConfig, VicRegConfig
from ssl_objectives.methods.pretext.aug_self import AugSelfConfig
from ssl_objectives.methods.pretext.autoencoder import ReconstructionConfig
from ssl_objectives.methods.pretext.masked import IJepaConfig, MaeConfig
from ssl_objectives.methods.pretext.rotnet import RotNetConfig
from ssl_objectives.parts.annealing import Linear
from ssl_objectives.views.augment.preset import shifted, unchanged
from ssl_objectives.views.maker import FourRotations, MultiCrop, OneView, TwoViews
from ssl_objectives.views.successive import LaterTarget

_RING = RingConfig(lower=0.1, upper=0.5, annealing=Linear())
_BALL = RingConfig(lower=0.0, upper=0.3, annealing=Linear())
_MOCO = MoCoConfig(temperature=0.2, queue=1024)
_INSTANCE = InstanceConfig(temperature=0.2, negatives=None)
_BYOL = Method(
    ByolConfig(), projector=Mlp(last_norm=True), predictor=Mlp(hidden=64), decay=0.8
)
_DINO = Method(
    DinoConfig(prototypes=64, freeze=20), projector=Mlp(64, layers=3), decay=0.9
)
_CMC = CmcConfig(temperature=0.2, negatives=None)
_SIMCLR = SimClrConfig(temperature=0.2)

CONTRAST: Mapping[str, Method] = {
    "simclr": Method(_SIMCLR),
    "info-nce": Method(InfoNceConfig()),
    "dcl": Method(DclConfig(temperature=0.2)),
    "dclw": Method(DclwConfig(temperature=0.2)),
    "moco-v1": Method(
        MoCoConfig(temperature=0.07, queue=1024), projector=Mlp(layers=1), decay=0.9
    ),
    "moco-v2": Method(_MOCO, decay=0.9),
    "ring-moco": Method(replace(_MOCO, ring=_RING), decay=0.9),
    "vince": Method(replace(_MOCO, ring=_BALL), decay=0.9),
    "direct-clr": Method(DirectClrConfig(share=0.5), projector=Straight()),
    "hallucinate": Method(HallucinateConfig(host=_SIMCLR)),
    "inter-clr": Method(
        InterClrConfig(queue=1024, clusters=64, negatives=1024),
        sweep_every=75,
        decay=0.9,
    ),
    "renyi-cl": Method(
        RenyiClConfig(), projector=Mlp(last_norm=True), predictor=Mlp(), decay=0.9
    ),
    "bregman": Method(DeepBregmanConfig()),
    "c-simclr": Method(CSimClrConfig()),
    "atc": Method(
        AtcConfig(),
        views=LaterTarget(),
        projector=Mlp(layers=1),
        predictor=ResidualMlp(),
    ),
}
"""Rows are told apart from others of the batch, or of a queue."""

DENSE: Mapping[str, Method] = {
    "deep-infomax": Method(DeepInfoMaxConfig(), views=OneView(), projector=Straight()),
    "amdim": Method(AmdimConfig()),
    "st-dim": Method(StDimConfig(), views=TwoViews(shifted(2))),
    "vicregl": Method(VicRegLConfig(), projector=Mlp(256)),
}
"""Feature maps are compared, place by place."""

MEMORY: Mapping[str, Method] = {
    "instance-nce": Method(
        InstanceConfig(temperature=0.2, negatives=512, form=NceForm(1.11)),
        views=OneView(),
    ),
    "instance": Method(_INSTANCE, views=OneView()),
    "ring": Method(
        replace(_INSTANCE, ring=RingConfig(lower=0.1, upper=0.5)), views=OneView()
    ),
    "cmc": Method(_CMC),
    "cmc-modalities": Method(_CMC, views=OneView(), projector=PerModality()),
    "local-aggregation": Method(
        LocalAggregationConfig(background=512, clusters=(128, 128, 128)),
        views=OneView(),
        sweep_every=75,
        first_sweep=75,
    ),
    "label-propagation": Method(
        LabelPropagationConfig(), views=OneView(), sweep_every=75, first_sweep=75
    ),
}
"""A memory with an entry for each image of the data."""

CLUSTERS: Mapping[str, Method] = {
    "pcl": Method(
        PclConfig(queue=4096, clusters=(64, 128, 256)), sweep_every=75, first_sweep=75
    ),
    "sela": Method(
        SelfLabelConfig(classes=64, heads=4, strength=10.0),
        views=OneView(),
        projector=Straight(),
        sweep_every=50,
    ),
    "swav": Method(SwavConfig(prototypes=64, freeze=20)),
    "swav-queue": Method(
        SwavConfig(prototypes=256, freeze=20, queue_length=1024, queue_from=50)
    ),
    "swav-multi-crop": Method(
        SwavConfig(prototypes=64, freeze=20), views=MultiCrop(num_small=2)
    ),
    "dino": _DINO,
    "dino-multi-crop": replace(_DINO, views=MultiCrop(num_small=2)),
    "twist": Method(TwistConfig(), projector=Mlp(last_norm=True)),
}
"""Rows share clusters, prototypes or classes."""

BOOTSTRAP: Mapping[str, Method] = {
    "byol": _BYOL,
    "simsiam": Method(
        SimSiamConfig(), projector=Mlp(last_norm=True), predictor=Mlp(hidden=64)
    ),
    "c-byol": replace(_BYOL, objective=CByolConfig()),
    "direct-pred": Method(DirectPredConfig(), projector=Mlp(last_norm=True), decay=0.8),
    "direct-copy": Method(DirectCopyConfig(), projector=Mlp(last_norm=True), decay=0.8),
    "msb-reg": Method(MsbRegConfig(), predictor=Mlp(), decay=0.9),
}
"""A target that follows slowly, or is stopped; no negatives."""

MOMENTS: Mapping[str, Method] = {
    "vicreg": Method(VicRegConfig(), projector=Mlp(256)),
    "barlow-twins": Method(BarlowConfig(), projector=Mlp(256)),
    "ssl-hsic": Method(SslHsicConfig(), predictor=Mlp(), decay=0.9),
    "sigreg": Method(SigRegConfig(), projector=Mlp(size=16, last_norm=True)),
    "tico": Method(TiCoConfig(), projector=Mlp(256), decay=0.9),
}
"""Statistics of the batch keep rows apart."""

PRETEXT: Mapping[str, Method] = {
    "rotnet": Method(RotNetConfig(), views=FourRotations(), projector=Straight()),
    "aug-self": Method(AugSelfConfig(base=_SIMCLR, flip=0.5)),
    "autoencoder": Method(
        ReconstructionConfig(), views=OneView(unchanged()), projector=Straight()
    ),
    "irmae": Method(
        ReconstructionConfig(),
        views=OneView(unchanged()),
        projector=LinearStack(layers=4),
    ),
    "mae": Method(MaeConfig(), views=OneView(), projector=Straight()),
    "i-jepa": Method(IJepaConfig(), views=OneView(), projector=Straight(), decay=0.96),
}
"""Something else about an image is predicted."""

FAMILIES: Mapping[str, Mapping[str, Method]] = MappingProxyType(
    {
        "contrast": CONTRAST,
        "dense": DENSE,
        "memory": MEMORY,
        "clusters": CLUSTERS,
        "bootstrap": BOOTSTRAP,
        "moments": MOMENTS,
        "pretext": PRETEXT,
    }
)
"""All methods, by what keeps their latents from collapsing."""

ZOO: Mapping[str, Method] = MappingProxyType(
    {name: method for family in FAMILIES.values() for name, method in family.items()}
)
"""Command-line names and methods."""
