"""Steps of our methods and of lightly's, on the same views, in the same sizes.

Both have the same encoder (our small CNN; of MAE and I-JEPA each has a ViT, timm's
being theirs), heads of the same widths and as many layers, batch norms, prototypes,
queues, directions and matches. A step is forward, loss, backward, and what keeps
targets, queues and centres up to date; no views, no optimiser.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import NamedTuple

import torch
from peers.lightly_models import PROTOTYPES, QUEUE, TEMPERATURE, models
from torch import nn

from experiments.benchmark.timing import Arm
from ssl_objectives.branches import Branches
from ssl_objectives.encoders.encoder import EncoderConfig
from ssl_objectives.encoders.heads import Mlp, Straight
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.encoders.small_cnn import SmallCnnConfig
from ssl_objectives.encoders.vit import ViTConfig
from ssl_objectives.method import Method
from ssl_objectives.methods.bootstrap.byol import ByolConfig, SimSiamConfig
from ssl_objectives.methods.clusters.dino import DinoConfig
from ssl_objectives.methods.clusters.swav import SwavConfig
from ssl_objectives.methods.contrast.direct_clr import DirectClrConfig
from ssl_objectives.methods.contrast.info_nce import DclConfig, DclwConfig, SimClrConfig
from ssl_objectives.methods.dense.vicregl import VicRegLConfig
from ssl_objectives.methods.memory.moco import MoCoConfig
from ssl_objectives.methods.moments.sigreg import SigRegConfig
from ssl_objectives.methods.moments.tico import TiCoConfig
from ssl_objectives.methods.moments.vicreg_barlow import BarlowConfig, VicRegConfig
from ssl_objectives.methods.pretext.masked import IJepaConfig, MaeConfig
from ssl_objectives.objective import Sizes
from ssl_objectives.parts.masking import Blocks
from ssl_objectives.parts.step_counter import StepCounter
from ssl_objectives.views.maker import Drawn, OneView, TwoViews

SHAPE, ROWS, STEPS = (1, 28, 28), 192, 1000
CNN = SmallCnnConfig(64, precision=Precision.FLOAT32)
VIT = ViTConfig(width=64, depth=2, precision=Precision.FLOAT32)
MASKS = 32  # of I-JEPA for lightly, which finds them drawn

METHODS = {
    "simclr": Method(SimClrConfig(TEMPERATURE)),
    "dcl": Method(DclConfig(TEMPERATURE)),
    "dclw": Method(DclwConfig(TEMPERATURE)),
    "direct-clr": Method(DirectClrConfig(share=0.5), projector=Straight()),
    "moco-v2": Method(MoCoConfig(TEMPERATURE, QUEUE), decay=0.9),
    "byol": Method(ByolConfig(), predictor=Mlp(hidden=64), decay=0.9),
    "simsiam": Method(
        SimSiamConfig(),
        projector=Mlp(layers=3, last_norm=True),
        predictor=Mlp(hidden=64),
    ),
    "vicreg": Method(VicRegConfig(), projector=Mlp(256, layers=3)),
    "barlow-twins": Method(BarlowConfig(), projector=Mlp(256, layers=3)),
    "tico": Method(TiCoConfig(), projector=Mlp(256), decay=0.9),
    "sigreg": Method(SigRegConfig(), projector=Mlp(16, layers=3)),
    "vicregl": Method(VicRegLConfig(), projector=Mlp(256, layers=3)),
    "swav": Method(SwavConfig(PROTOTYPES, freeze=0)),
    "swav-queue": Method(SwavConfig(PROTOTYPES, freeze=0, queue_length=QUEUE)),
    "dino": Method(
        DinoConfig(PROTOTYPES, freeze=0), projector=Mlp(64, layers=3), decay=0.9
    ),
    "mae": Method(MaeConfig(standardized=False), views=OneView(), projector=Straight()),
    "i-jepa": Method(IJepaConfig(), views=OneView(), projector=Straight(), decay=0.9),
}


class Pair(NamedTuple):
    """The same step, written with both."""

    ours: Arm
    theirs: Arm


class Ours(Arm):
    """A step as a user of ours writes it."""

    unit = "images"

    def __init__(self, name: str, branches: Branches, drawn: Drawn) -> None:
        self.name, self.about, self.units = name, "ours", ROWS
        self.num_parameters = learned(branches)
        self.branches, self.drawn, self.row = branches, drawn, torch.arange(ROWS)
        self.extra = {"params": drawn.params, "image": torch.stack(drawn.images, 1)}

    def update(self) -> None:
        """Forward, loss, backward, and what follows them."""
        self.branches.zero_grad(set_to_none=True)
        views = self.drawn.images
        loss, _ = self.branches.loss(views, row=self.row, extra=self.extra)
        loss.backward()
        self.branches.after_update()


class Theirs(Arm):
    """A step as lightly's examples write it."""

    unit = "images"

    def __init__(self, name: str, model: nn.Module, drawn: Drawn) -> None:
        self.name, self.about, self.units = f"lightly's {name}", "lightly's", ROWS
        self.num_parameters = learned(model)
        self.model, self.views = model, drawn.images

    def update(self) -> None:
        """Forward, loss and backward; whatever else there is comes with them."""
        self.model.zero_grad(set_to_none=True)
        self.model(self.views).backward()


def learned(network: nn.Module) -> int:
    """Numbers that are trained."""
    return sum(x.numel() for x in network.parameters() if x.requires_grad)


def ours(name: str) -> Ours:
    """A method of ours around its encoder."""
    method = METHODS[name]
    config: EncoderConfig = CNN if isinstance(method.views, TwoViews) else VIT
    torch.manual_seed(0)
    encoder = config.build(SHAPE)
    sizes = Sizes(encoder.size, maps=encoder.maps_shape, image=SHAPE, steps=STEPS)
    return Ours(name, method.build(encoder, sizes), drawn(method))


def drawn(method: Method) -> Drawn:
    """Views of random images, the same for all methods that take as many."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (ROWS, *SHAPE), generator=generator).byte()
    return method.build_views(SHAPE)(images, generator)


def pairs() -> Iterator[Pair]:
    """All that both have."""
    torch.manual_seed(0)
    cnn, counter, masks = CNN.build(SHAPE), StepCounter(), []
    grid = VIT.build(SHAPE).maps_shape[1:]
    for _ in range(MASKS):
        masks.append(Blocks().draw(torch.arange(ROWS), grid, counter))
        counter.advance()
    two = drawn(METHODS["simclr"])
    for name, model in models(lambda: deepcopy(cnn), two, masks):
        views = (
            two if isinstance(METHODS[name].views, TwoViews) else drawn(METHODS[name])
        )
        yield Pair(ours(name), Theirs(name, model, views))
