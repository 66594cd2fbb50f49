"""AtariARI's CNN: its maps, its sizes, and what it starts from."""

import pytest
import torch
from torch import nn

from ssl_objectives.encoders.ari_cnn import AriCnnConfig
from ssl_objectives.encoders.precision import Precision

FLOAT = Precision.FLOAT32


def test_shapes_of_the_paper() -> None:
    encoder = AriCnnConfig(precision=FLOAT).build((1, 210, 160))
    assert encoder.maps_shape == (128, 11, 8)
    assert encoder.head.in_features == 64 * 9 * 6
    assert encoder.size == 256
    small = AriCnnConfig(strides=(4, 2, 1, 1), precision=FLOAT).build((1, 84, 84))
    assert small.maps_shape == (128, 6, 6)


def test_maps_are_the_third_layers_and_latents_the_fifths() -> None:
    torch.manual_seed(0)
    encoder = AriCnnConfig(20, precision=FLOAT).build((1, 84, 84))
    image = torch.randint(0, 256, (3, 1, 84, 84), dtype=torch.uint8)
    latent, maps = encoder.with_maps(image)
    by_hand = image / 255
    for layer in encoder.body.children():
        by_hand = layer(by_hand)
    torch.testing.assert_close(maps, by_hand, rtol=0, atol=1e-5)
    conv, _ = encoder.pool.children()
    last = torch.relu(conv(by_hand)).permute(0, 2, 3, 1).flatten(1)
    torch.testing.assert_close(latent, encoder.head(last), rtol=0, atol=1e-4)
    torch.testing.assert_close(encoder(image), latent, rtol=0, atol=1e-5)


def test_weights_are_orthogonal() -> None:
    encoder = AriCnnConfig(precision=FLOAT).build((1, 84, 84))
    convs = [x for x in encoder.modules() if isinstance(x, nn.Conv2d)]
    assert len(convs) == 4
    for conv in convs:
        rows = conv.weight.flatten(1)
        rows = rows if rows.shape[0] <= rows.shape[1] else rows.T
        torch.testing.assert_close(
            rows @ rows.T, 2 * torch.eye(len(rows)), rtol=0, atol=1e-4
        )


def test_other_sizes_are_refused() -> None:
    encoder = AriCnnConfig().build((1, 84, 84))
    with pytest.raises(ValueError, match="84x84 pixels"):
        encoder(torch.zeros(1, 1, 90, 84, dtype=torch.uint8))
    with pytest.raises(ValueError, match="strides"):
        AriCnnConfig(strides=(4, 2, 0, 1))
