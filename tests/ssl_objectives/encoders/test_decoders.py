"""Decoders: any size of image, and able to learn one."""

import pytest
import torch

from ssl_objectives.encoders.decoders import DecoderConfig
from tests.shapes import rounds

SHAPES = [(1, 28, 28), (3, 84, 60), (4, 5, 7), (2, 9, 33), (1, 1, 3)]


@pytest.mark.parametrize("shape", SHAPES)
def test_images_have_the_asked_size_and_start_sane(
    shape: tuple[int, int, int], generator: torch.Generator
) -> None:
    torch.manual_seed(0)
    decoder = DecoderConfig(width=8).build(11, shape)
    made = decoder(torch.randn(64, 11, generator=generator))
    assert made.shape == (64, *shape)
    assert 0.2 < made.std() < 5
    assert max(decoder.grid) <= 8
    made.square().sum().backward()
    for name, p in decoder.named_parameters():
        assert p.grad is not None, name
        assert p.grad.any(), name


def test_rows_are_decoded_apart(generator: torch.Generator) -> None:
    decoder = DecoderConfig(width=4).build(11, (2, 20, 12))
    rows = torch.randn(5, 11, generator=generator)
    torch.testing.assert_close(decoder(rows)[3:4], decoder(rows[3:4]))


def test_every_pixel_is_within_reach(generator: torch.Generator) -> None:
    """No band at the ends is left blank where the grid is larger than the image."""
    decoder = DecoderConfig(width=4).build(11, (1, 19, 29))
    made = decoder(torch.randn(64, 11, generator=generator))
    assert made.std(0).min() > 0.02


def test_it_learns_four_images(generator: torch.Generator) -> None:
    torch.manual_seed(0)
    wanted = torch.rand(4, 2, 11, 13, generator=generator)
    decoder = DecoderConfig(width=16).build(4, (2, 11, 13))
    optimizer = torch.optim.Adam(decoder.parameters(), 3e-3)
    for _ in rounds(150):
        loss = (decoder(torch.eye(4)) - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.detach() < 0.5 * wanted.var()


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="width must be at least 1"):
        DecoderConfig(0)
