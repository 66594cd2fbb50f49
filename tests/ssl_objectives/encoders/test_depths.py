"""Features of several depths: which, in what order, and where each lies."""

import pytest
import torch
from torch import nn

from ssl_objectives.encoders.cnn import ImpalaConfig, NatureConfig, PatchConfig
from ssl_objectives.encoders.depths import Depths, Spot
from ssl_objectives.encoders.encoder import Encoder, EncoderConfig
from ssl_objectives.encoders.resnet import ResNetConfig
from ssl_objectives.encoders.vit import ViTConfig


def test_the_last_maps_of_each_size_and_the_latent() -> None:
    config = NatureConfig(6)
    encoder = config.build((2, 40, 44))
    images = torch.randint(0, 256, (3, 2, 40, 44), dtype=torch.uint8)
    depths = Depths(encoder)
    assert depths.shapes == ((32, 9, 10), (64, 3, 4), (64, 1, 2), (6, 1, 1))
    maps, expected = images / 255, []
    assert isinstance(encoder.body, nn.Sequential)
    for layer in encoder.body:
        maps = layer(maps)
        if isinstance(layer, nn.ReLU):
            expected.append(maps.flatten(1))
    expected.append(encoder.head(maps.permute(0, 2, 3, 1).flatten(1)))
    flat = depths(images)
    assert flat.shape == (3, depths.size)
    assert torch.allclose(flat, torch.cat(expected, 1), atol=1e-5)
    assert not flat.requires_grad


@pytest.mark.parametrize(
    ("config", "sides"),
    [
        (ImpalaConfig(5, (3, 4)), [16, 8, 1]),
        (PatchConfig(5, 8, 3), [4, 2, 1]),
        (ResNetConfig(4), [16, 8, 4, 1]),
        (ViTConfig(patch=8, width=16, depth=1), [4, 1]),
    ],
)
def test_encoders_of_ours(config: EncoderConfig, sides: list[int]) -> None:
    depths = Depths(config.build((3, 32, 32)))
    assert [x[1] for x in depths.shapes] == sides
    flat = depths(torch.randint(0, 256, (2, 5, 3, 32, 32), dtype=torch.uint8))
    assert flat.shape == (2, 5, depths.size)
    assert flat.isfinite().all()


def test_pixels_are_one_depth() -> None:
    depths = Depths(Encoder(nn.Identity(), (2, 5, 7), 0))
    image = torch.randint(0, 256, (4, 2, 5, 7), dtype=torch.uint8)
    assert depths.shapes == ((2, 5, 7),)
    assert torch.allclose(depths(image), image.flatten(1) / 255)


def test_spots_are_where_numbers_come_from() -> None:
    body = nn.Sequential(nn.AvgPool2d((3, 2)), nn.AvgPool2d((1, 2)))
    depths = Depths(Encoder(body, (2, 6, 8), 0))
    assert depths.shapes == ((2, 2, 4), (2, 2, 2))
    image = torch.zeros(1, 2, 6, 8, dtype=torch.uint8)
    image[0, 1, 4, 5] = 255
    lit = depths(image)[0].nonzero().flatten().tolist()
    assert [depths.spot(x) for x in lit] == [Spot(0, 1, 1, 2), Spot(1, 1, 1, 1)]
    with pytest.raises(IndexError):
        depths.spot(depths.size)


def test_it_stays_as_it_is() -> None:
    encoder = ResNetConfig(4).build((3, 32, 32))
    depths = Depths(encoder).train()
    image = torch.randint(0, 256, (6, 3, 32, 32), dtype=torch.uint8)
    before = depths(image)
    assert torch.equal(depths(image), before)
    assert torch.allclose(depths(image[:1]), before[:1], atol=1e-5)
    assert not any(x.requires_grad for x in depths.parameters())
    with pytest.raises(ValueError, match="images of shape"):
        depths(image[:, :, :8])
