"""Our objectives and public ones on the same random rows."""

from collections.abc import Iterator
from typing import Any

import torch
from peers.ijepa import compared
from peers.lightly_losses import loss, tool
from torch import Tensor, nn

from ssl_objectives.methods.clusters.dino import Dino
from ssl_objectives.methods.dense.vicregl import VicRegL, locations
from ssl_objectives.methods.moments.tico import TiCo
from ssl_objectives.methods.pretext.masked import MaeConfig, PatchPixels
from ssl_objectives.objective import Sizes, Views
from ssl_objectives.views.params import UNCHANGED

ROWS, SIZE, STEPS = 12, 16, 5


def methods() -> Iterator[dict[str, Any]]:
    """Each pair, with the largest difference of losses and of gradients."""
    yield told("TiCo, one direction, five steps", "lightly's `TiCoLoss`", *tico())
    yield told("DINO, two crops of three, five steps", "lightly's `DINOLoss`", *dino())
    yield told(
        "VICRegL, two crops of 4 x 4 places", "lightly's `VICRegLLoss`", *vicregl()
    )
    patchify = "lightly's `patchify` and `normalize_mean_var`, mean squared error"
    yield told("MAE, pixels of hidden patches", patchify, *mae())
    theirs = "the official `VisionTransformerPredictor` and smooth L1 loss"
    yield told("I-JEPA, four blocks of 7 x 7 places", theirs, *compared())


def told(
    ours: str, theirs: str, one: list[Tensor], two: list[Tensor]
) -> dict[str, Any]:
    """Numbers that should be the same, each as a share of the largest of its kind."""
    apart = max(
        ((a - b).abs().max() / b.abs().max()).item()
        for a, b in zip(one, two, strict=True)
    )
    return {"ours": ours, "theirs": theirs, "apart": apart}


def rows(generator: torch.Generator, *shape: int) -> Tensor:
    """Normal numbers in float64."""
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def tico() -> tuple[list[Tensor], list[Tensor]]:
    """Losses and gradients, with a covariance that begins at 0 and follows."""
    generator = torch.Generator().manual_seed(0)
    ours, theirs = TiCo(SIZE).double(), loss("tico_loss", "TiCoLoss")()
    one, two = [], []
    for _ in range(STEPS):
        z, t = rows(generator, 2, ROWS, SIZE)
        z.requires_grad_()
        views = Views((z, None), (z, None), (None, t), ((0, 1),))
        mine = ours(views).mean()
        ours.observe(views)
        other = theirs(z, t)
        one += [mine.detach(), *torch.autograd.grad(mine, z)]
        two += [other.detach(), *torch.autograd.grad(other, z)]
    return one, two


def dino() -> tuple[list[Tensor], list[Tensor]]:
    """Losses, gradients of the crops, and the centre, which follows."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    ours = Dino(SIZE, prototypes=20).double()
    theirs = loss("dino_loss", "DINOLoss")(20, teacher_temp=0.04).double()
    one, two = [], []
    for _ in range(STEPS):
        z = rows(generator, 3, ROWS, SIZE).requires_grad_()
        t = rows(generator, 2, ROWS, SIZE)
        pairs = ((0, 1), (1, 0), (2, 0), (2, 1))
        views = Views(tuple(z), tuple(z), (*t, None), pairs)
        mine = ours(views).mean()
        said = [ours.copy.network(x) for x in t]
        other = theirs(said, [ours.prototypes(x) for x in z])
        ours.observe(views)
        one += [mine.detach(), *torch.autograd.grad(mine, z), ours.center.clone()]
        two += [other.detach(), *torch.autograd.grad(other, z)]
        two += [theirs.center.flatten().clone()]
    return one, two


def vicregl() -> tuple[list[Tensor], list[Tensor]]:
    """The loss and its gradients, of rows and of maps, both matched by both."""
    generator = torch.Generator().manual_seed(0)
    grid, pairs = (4, 4), ((0, 1), (1, 0))
    ours = VicRegL(nn.Identity(), matches=(6, 3))
    theirs = loss("vicregl_loss", "VICRegLLoss")(num_matches=(6, 3))
    z = rows(generator, 2, ROWS, SIZE).requires_grad_()
    maps = rows(generator, 2, ROWS, SIZE, *grid).requires_grad_()
    params = torch.tensor(UNCHANGED).double().repeat(ROWS, 2, 1)
    params[..., :4] = 0.5 * torch.rand(ROWS, 2, 4, generator=generator).double()
    views = Views(*(tuple(z),) * 3, pairs, maps=tuple(maps), extra={"params": params})
    mine = ours(views).mean()
    where = [locations(params[:, v], grid).unflatten(1, grid) for v in range(2)]
    places = [x.permute(0, 2, 3, 1) for x in maps]
    other = theirs(list(zip(z, places, strict=True)), where).squeeze()
    one = [mine.detach(), *torch.autograd.grad(mine, (z, maps))]
    return one, [other.detach(), *torch.autograd.grad(other, (z, maps))]


def mae() -> tuple[list[Tensor], list[Tensor]]:
    """What is to be told of each patch, and the loss of what a decoder tells."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    grid, image = (4, 4), (3, 16, 16)
    pixels = torch.randint(256, (ROWS, *image), generator=generator).byte()
    maps = torch.randn(ROWS, SIZE, *grid, generator=generator)
    ours = MaeConfig().build(Sizes(SIZE, maps=(SIZE, *grid), image=image))
    row, z = torch.arange(ROWS), torch.zeros(ROWS, SIZE)
    extra = {"image": pixels.unsqueeze(1)}
    views = Views((z,), (z,), (z,), ((0, 0),), row=row, maps=(maps,), extra=extra)
    masks = ours.masking.draw(row, grid, ours.counter)
    seen, wanted = masks.seen, masks.wanted[:, 0]
    at = tool("get_at_index")
    cut = tool("patchify")(pixels.float() / 255, 4)
    # lightly has a patch's channels last
    cut = cut.unflatten(-1, (16, 3)).mT.flatten(-2)
    target = tool("normalize_mean_var")(cut, eps=1e-6)
    told = ours.predictor(at(maps.flatten(2).mT, seen), seen, wanted, grid)
    loss_of = nn.functional.mse_loss(told, at(target, wanted))
    own = PatchPixels().target(views, grid)
    return [own, ours(views).mean().detach()], [target, loss_of.detach()]
