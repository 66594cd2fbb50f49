"""Encoders leave as programs that take any number of images."""

import pytest
import torch

from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.encoder import EncoderConfig
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.encoders.small_cnn import SmallCnnConfig
from ssl_objectives.encoders.vit import ViTConfig

FULL = Precision.FLOAT32


@pytest.mark.parametrize(
    "config",
    [
        PatchConfig(size=6, patch=4, width=4, precision=FULL),
        PatchConfig(size=6, patch=4, width=4, precision=Precision.BFLOAT16),
        SmallCnnConfig(precision=FULL),
        ViTConfig(width=8, depth=1, heads=2, precision=FULL, class_token=True),
    ],
    ids=["patch", "bf16", "small", "vit"],
)
def test_a_program_takes_any_number_of_images(config: EncoderConfig) -> None:
    encoder = config.build((1, 8, 8)).eval()
    images = torch.randint(256, (700, 1, 8, 8), dtype=torch.uint8)
    batch = torch.export.Dim("batch", min=1, max=4096)
    program = torch.export.export(encoder, (images[:3],), dynamic_shapes=({0: batch},))
    for num in (1, 700):  # more than pass at once where nothing is exported
        with torch.no_grad():
            expected = encoder(images[:num])
        made = program.module()(images[:num])
        torch.testing.assert_close(made, expected, rtol=1e-4, atol=1e-5)
