"""I-JEPA's official predictor and loss, with our weights in them.

git clone https://github.com/facebookresearch/ijepa   # CC BY-NC 4.0, 52c1ae9
PYTHONPATH=FOLDER:ijepa python docs/compare_methods.py
"""

from importlib import import_module

import torch
from torch import Tensor, nn

from ssl_objectives.encoders.vit import Block, position_embedding
from ssl_objectives.methods.pretext.masked import IJepaConfig
from ssl_objectives.objective import Sizes, Views
from ssl_objectives.parts.masked_predictor import MaskedPredictor

ROWS, FEATURES, GRID = 12, 16, (7, 7)


def compared() -> tuple[list[Tensor], list[Tensor]]:
    """The loss and the gradient of the context's tokens."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    ours = IJepaConfig().build(Sizes(FEATURES, maps=(FEATURES, *GRID))).double()
    maps, aims = torch.randn(
        2, ROWS, FEATURES, *GRID, generator=generator, dtype=torch.float64
    )
    maps.requires_grad_()
    row, z = torch.arange(ROWS), torch.zeros(ROWS, FEATURES)
    views = Views((z,), (z,), (z,), ((0, 0),), row=row, maps=(maps,), aims=(aims,))
    mine = ours(views).mean()
    assert isinstance(ours.predictor, MaskedPredictor)
    masks = ours.masking.draw(row, GRID, ours.counter)
    theirs = official(ours.predictor)
    # as in its train.py: forward_target, forward_context, loss_fn
    apply_masks = import_module("src.masks.utils").apply_masks
    wanted = list(masks.wanted.unbind(1))
    h = nn.functional.layer_norm(aims.flatten(2).mT, (FEATURES,))
    h = apply_masks(h, wanted)
    context = apply_masks(maps.flatten(2).mT, [masks.seen])
    other = nn.functional.smooth_l1_loss(theirs(context, [masks.seen], wanted), h)
    one = [mine.detach(), *torch.autograd.grad(mine, maps)]
    return one, [other.detach(), *torch.autograd.grad(other, maps)]


def official(ours: MaskedPredictor) -> nn.Module:
    """Their predictor with our weights, and the places as we number them."""
    width, depth = ours.mask.shape[0], len(ours.blocks)
    module = import_module("src.models.vision_transformer")
    made: nn.Module = module.VisionTransformerPredictor(
        GRID[0] * GRID[1], FEATURES, width, depth, num_heads=4
    )
    places = position_embedding(*GRID, width, torch.device("cpu"))
    state = {
        "mask_token": ours.mask.view(1, 1, -1),
        "predictor_pos_embed": places.unsqueeze(0),
    }
    for name, layer in (
        ("predictor_embed", ours.embed),
        ("predictor_norm", ours.norm),
        ("predictor_proj", ours.out),
    ):
        state |= {f"{name}.{key}": x for key, x in layer.state_dict().items()}
    for i, block in enumerate(ours.blocks):
        assert isinstance(block, Block)
        inner = block.state_dict()
        for kind in ("weight", "bias"):
            found = {
                "norm1": inner[f"norm.{kind}"],
                "attn.qkv": torch.cat(
                    [inner[f"attention.{x}.{kind}"] for x in ("query", "key_value")]
                ),
                "attn.proj": inner[f"attention.out.{kind}"],
                "norm2": inner[f"mlp.0.{kind}"],
                "mlp.fc1": inner[f"mlp.1.{kind}"],
                "mlp.fc2": inner[f"mlp.3.{kind}"],
            }
            prefix = f"predictor_blocks.{i}"
            state |= {f"{prefix}.{name}.{kind}": x for name, x in found.items()}
    made.load_state_dict(state)
    return made.double()
