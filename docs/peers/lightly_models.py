"""lightly's methods in the sizes of `method_steps.METHODS`."""

from collections.abc import Callable, Iterator
from functools import partial

from peers import lightly_masked as masked
from peers import lightly_steps as steps
from peers.lightly_losses import loss, module
from torch import nn

from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.methods.dense.vicregl import locations
from ssl_objectives.parts.masking import Masks
from ssl_objectives.views.maker import Drawn

TEMPERATURE, QUEUE, PROTOTYPES = 0.2, 1024, 64


def models(
    cnn: Callable[[], Encoder], drawn: Drawn, masks: list[Masks]
) -> Iterator[tuple[str, nn.Module]]:
    """Each method around an encoder of its own.

    Args:
        cnn: gives the encoder, the same each time.
        drawn: two views of each image.
        masks: of I-JEPA, of one step after another.
    """
    simclr = partial(module("SimCLRProjectionHead"), 64, 256, 128)
    moco = partial(module("MoCoProjectionHead"), 64, 256, 128, batch_norm=True)
    byol = partial(module("BYOLProjectionHead"), 64, 256, 128)
    wide = partial(module("BarlowTwinsProjectionHead"), 64, 256, 256)
    nt_xent = partial(loss("ntx_ent_loss", "NTXentLoss"), TEMPERATURE)
    cosine, first = steps.negative_cosine, drawn.images[0]
    yield "simclr", steps.Siamese(cnn(), simclr(), nt_xent())
    dcl, dclw = (loss("dcl_loss", x)(TEMPERATURE) for x in ("DCLLoss", "DCLWLoss"))
    yield "dcl", steps.Siamese(cnn(), simclr(), dcl)
    yield "dclw", steps.Siamese(cnn(), simclr(), dclw)
    yield "direct-clr", steps.DirectClr(cnn(), 32)
    with_queue = nt_xent(memory_bank_size=(QUEUE, 128))
    yield "moco-v2", steps.Momentum(cnn(), moco(), with_queue)
    predictor = module("BYOLPredictionHead")(128, 64, 128)
    yield "byol", steps.Momentum(cnn(), byol(), cosine(), predictor)
    head = module("SimSiamProjectionHead")(64, 256, 128)
    predictor = module("SimSiamPredictionHead")(128, 64, 128)
    yield "simsiam", steps.SimSiam(cnn(), head, predictor)
    yield "vicreg", steps.Siamese(cnn(), wide(), loss("vicreg_loss", "VICRegLoss")())
    barlow = loss("barlow_twins_loss", "BarlowTwinsLoss")(lambda_param=0.0051)
    yield "barlow-twins", steps.Siamese(cnn(), wide(), barlow)
    head = module("TiCoProjectionHead")(64, 256, 256)
    yield "tico", steps.Momentum(cnn(), head, loss("tico_loss", "TiCoLoss")())
    head = module("LeJEPAProjectionHead")(64, 256, 16)
    yield "sigreg", steps.LeJepa(cnn(), head, directions=256)
    grid = cnn().maps_shape[1:]
    grids = [
        locations(drawn.params[:, x], grid, first.shape[-2:]).unflatten(1, grid)
        for x in range(2)
    ]
    first_layer = (cnn().maps_shape[0], 128, nn.LayerNorm(128), nn.ReLU())
    local = module("ProjectionHead")([first_layer, (128, 128, None, None)])
    yield "vicregl", steps.VicRegL(cnn(), wide(), local, grids)
    swav = partial(module("SwaVProjectionHead"), 64, 256, 128)
    yield "swav", steps.Swav(cnn(), swav(), PROTOTYPES)
    yield "swav-queue", steps.Swav(cnn(), swav(), PROTOTYPES, QUEUE)
    dino = partial(module("DINOProjectionHead"), 64, 256, 64, PROTOTYPES)
    heads = [dino(batch_norm=True) for _ in range(2)]
    yield "dino", steps.Dino(cnn(), heads, PROTOTYPES)
    image = first.shape[1], first.shape[2], first.shape[3]
    yield "mae", masked.Mae(masked.vit(image, class_token=True), 16 * image[0])
    yield "i-jepa", masked.IJepa(masked.vit(image, class_token=False), masks)
