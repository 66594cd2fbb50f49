"""Patches against loops over pixels, and what an encoder makes of some of them."""

import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.encoders.patches import (
    at_places,
    blackened,
    is_kept,
    patches,
    spread,
)
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.encoders.small_cnn import SmallCnnConfig
from ssl_objectives.encoders.vit import ViTConfig

N, C, H, W = 3, 2, 8, 12
GRID = (2, 3)
KEPT = torch.tensor([[0, 4], [1, 5], [2, 3]])
VIT = ViTConfig(patch=4, width=16, depth=2, heads=2, precision=Precision.FLOAT32)


def images(generator: torch.Generator, count: int = N) -> Tensor:
    return torch.randint(256, (count, C, H, W), generator=generator).byte()


def encoder(config: ViTConfig | SmallCnnConfig) -> Encoder:
    torch.manual_seed(0)
    return config.build((C, H, W)).eval()


def test_patches_are_their_pixels(generator: torch.Generator) -> None:
    given = images(generator)
    made = patches(given, GRID)
    for n in range(N):
        for y in range(2):
            for x in range(3):
                want = [
                    given[n, c, 4 * y + i, 4 * x + j].item()
                    for c in range(C)
                    for i in range(4)
                    for j in range(4)
                ]
                assert made[n, 3 * y + x].tolist() == want
    with pytest.raises(ValueError, match="8x12 pixels are not cut into 3x3"):
        patches(given, (3, 3))


def test_tokens_go_to_their_places_and_come_back(generator: torch.Generator) -> None:
    tokens = torch.randn(N, 2, 5, generator=generator)
    maps = spread(tokens, KEPT, GRID)
    for n in range(N):
        for place in range(6):
            found = maps[n, :, place // 3, place % 3]
            kept = KEPT[n].tolist()
            want = tokens[n, kept.index(place)] if place in kept else torch.zeros(5)
            assert torch.equal(found, want)
            assert is_kept(KEPT, GRID)[n, place // 3, place % 3] == (place in kept)
    assert torch.equal(at_places(maps.flatten(2).mT, KEPT), tokens)
    several = KEPT.view(N, 2, 1)
    assert torch.equal(at_places(maps.flatten(2).mT, several)[:, :, 0], tokens)


def test_black_is_all_but_what_is_kept(generator: torch.Generator) -> None:
    given = images(generator)
    made = patches(blackened(given, KEPT, GRID), GRID)
    for n in range(N):
        for place in range(6):
            want = patches(given, GRID)[n, place]
            if place not in KEPT[n].tolist():
                want = torch.zeros_like(want)
            assert torch.equal(made[n, place], want)


@pytest.mark.parametrize("config", [VIT, SmallCnnConfig(6, (4, 5, 7))])
def test_hidden_pixels_change_nothing_and_seen_ones_do(
    config: ViTConfig | SmallCnnConfig, generator: torch.Generator
) -> None:
    see = encoder(config)
    given, other = images(generator), images(generator)
    at_hidden = blackened(given, KEPT, GRID) + (other - blackened(other, KEPT, GRID))
    one, two = see.with_visible(given, KEPT), see.with_visible(at_hidden, KEPT)
    for a, b in zip(one, two, strict=True):
        assert torch.equal(a, b)
    three = see.with_visible(other, KEPT)
    assert not torch.equal(one[0], three[0])
    latent, maps = one
    assert latent.shape == (N, see.size)
    assert maps.shape == (N, *see.maps_shape)
    there = is_kept(KEPT, GRID).unsqueeze(1).expand_as(maps)
    assert maps[there].any()
    assert not maps[~there].any()


@torch.no_grad()
def test_a_pool_reads_what_is_seen_alone(generator: torch.Generator) -> None:
    """The mean over kept places: those that are 0 do not count."""
    latent, maps = encoder(VIT).with_visible(images(generator), KEPT)
    for n in range(N):
        tokens = [maps[n].flatten(1)[:, x] for x in KEPT[n].tolist()]
        torch.testing.assert_close(latent[n], sum(tokens) / len(tokens))


def test_a_transformer_shown_everything_sees_what_it_always_sees(
    generator: torch.Generator,
) -> None:
    for token in (False, True):
        see = encoder(VIT.__class__(**{**vars(VIT), "size": 5, "class_token": token}))
        everything = torch.arange(6).expand(N, -1)
        latent, maps = see.with_visible(images(generator), everything)
        generator.manual_seed(generator.initial_seed())
        again = images(generator)
        latent, maps = see.with_visible(again, everything)
        want, want_maps = see.with_maps(again)
        torch.testing.assert_close(latent, want)
        torch.testing.assert_close(maps, want_maps)


def test_a_transformer_computes_what_it_is_shown_alone(
    generator: torch.Generator,
) -> None:
    """As many tokens through its blocks as are kept."""
    see, lengths = encoder(VIT), []
    body = see.body
    assert isinstance(body.blocks, nn.Sequential)
    body.blocks[0].register_forward_hook(
        lambda module, given, made: lengths.append(given[0].shape[1])
    )
    see.with_visible(images(generator), KEPT)
    assert lengths == [2]
