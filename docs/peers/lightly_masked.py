"""Steps of lightly's MAE and I-JEPA, around timm's ViT, as its examples write them.

In the examples I-JEPA's masks are drawn by whoever loads batches; here they are given.
"""

from collections.abc import Sequence
from itertools import cycle
from typing import Any

import torch
from peers.lightly_losses import module, tool
from peers.lightly_steps import DECAY, slow
from peers.vision import imported
from torch import Tensor, nn

from ssl_objectives.parts.masking import Masks

DECODER = "masked_vision_transformer_decoder_timm"


def vit(image: tuple[int, int, int], class_token: bool) -> Any:
    """A ViT of timm in the size of `method_steps.VIT`, wrapped by lightly."""
    body = imported("timm.models.vision_transformer").VisionTransformer(
        img_size=image[1:], patch_size=4, in_chans=image[0], num_classes=0,
        embed_dim=64, depth=2, num_heads=4, class_token=class_token,
        global_pool="token" if class_token else "avg",
    )  # fmt: skip
    file = "masked_vision_transformer_timm"
    return module("MaskedVisionTransformerTIMM", file)(vit=body)


class Mae(nn.Module):
    """Pixels of hidden patches."""

    def __init__(self, backbone: Any, pixels: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.embed = nn.Linear(64, 64)
        self.decoder = module("MaskedVisionTransformerDecoderTIMM", DECODER)(
            num_patches=backbone.sequence_length - 1, embed_dim=64, depth=2, num_heads=4
        )
        self.out = nn.Linear(64, pixels)
        self.criterion = nn.MSELoss()

    def forward(self, views: Sequence[Tensor]) -> Tensor:
        """Of one view."""
        [images] = (x.float() / 255 for x in views)
        length = self.backbone.sequence_length
        kept, hidden = tool("random_token_mask")((len(images), length), mask_ratio=0.75)
        tokens = self.embed(self.backbone.encode(images=images, idx_keep=kept))
        every = tokens.new_zeros(len(images), length, 64)
        every = tool("set_at_index")(every, kept, tokens)
        told = self.out(tool("get_at_index")(self.decoder(every, hidden), hidden))
        cut = tool("patchify")(images, 4)
        loss: Tensor = self.criterion(told, tool("get_at_index")(cut, hidden - 1))
        return loss


class IJepa(nn.Module):
    """Features of blocks, each step by the next of the masks that are given."""

    def __init__(self, backbone: Any, masks: Sequence[Masks]) -> None:
        super().__init__()
        self.backbone, self.slow = backbone, slow(backbone)
        self.predictor = module("IJEPAPredictorTIMM", "ijepa_timm")(
            num_patches=backbone.sequence_length, depth=2, mlp_dim=64,
            predictor_embed_dim=64, num_heads=4,
        )  # fmt: skip
        self.criterion = nn.SmoothL1Loss()
        self.masks = cycle(masks)

    def forward(self, views: Sequence[Tensor]) -> Tensor:
        """Of one view."""
        [images] = (x.float() / 255 for x in views)
        masks = next(self.masks)
        wanted = list(masks.wanted.unbind(1))
        tool("update_momentum")(self.backbone, self.slow, m=DECAY)
        context = self.backbone.encode(images, idx_keep=masks.seen)
        told = self.predictor(context, [masks.seen], wanted)
        with torch.no_grad():
            h = self.slow.encode(images)
            h = nn.functional.layer_norm(h, h.shape[-1:])
            h = tool("apply_masks")(h, wanted)
            h = tool("repeat_interleave_batch")(h, len(images), repeat=1)
        loss: Tensor = self.criterion(told, h)
        return loss
