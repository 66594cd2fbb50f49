"""The vision transformer: its equations, its places, and any size of image."""

import math

import pytest
import torch
from torch import Tensor

from ssl_objectives.encoders.chunks import CPU_CHUNK
from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.encoders.vit import (
    Attention,
    ClassToken,
    VisionTransformer,
    ViTConfig,
    position_embedding,
)

SHAPE = (2, 13, 17)
WIDTH, HEADS = 12, 3
BOTH = pytest.mark.parametrize("class_token", [False, True])


def build(class_token: bool, precision: Precision = Precision.FLOAT32) -> Encoder:
    torch.manual_seed(0)
    config = ViTConfig(0, 4, WIDTH, 2, HEADS, class_token, precision)
    return config.build(SHAPE)


def images(generator: torch.Generator, num: int, shape: tuple[int, ...]) -> Tensor:
    drawn = torch.randint(0, 256, (num, *shape), generator=generator)
    return drawn.to(torch.uint8)


@torch.no_grad()
def test_attention_is_its_equation(generator: torch.Generator) -> None:
    layer = Attention(WIDTH, HEADS)
    asking = torch.randn(2, 5, WIDTH, generator=generator)
    asked = torch.randn(2, 7, WIDTH, generator=generator)
    made, each = layer(asking, asked), WIDTH // HEADS
    for n in range(2):
        query = layer.query(asking[n])
        key, value = layer.key_value(asked[n]).split(WIDTH, 1)
        found = torch.zeros(5, WIDTH)
        for h in range(HEADS):
            part = slice(h * each, (h + 1) * each)
            for i in range(5):
                score = [float(query[i, part] @ key[j, part]) for j in range(7)]
                weight = (torch.tensor(score) / math.sqrt(each)).softmax(0)
                found[i, part] = sum(weight[j] * value[j, part] for j in range(7))
        torch.testing.assert_close(made[n], layer.out(found))


def test_places_are_told_apart_and_only_their_own() -> None:
    made = position_embedding(4, 6, 16, torch.device("cpu")).view(4, 6, 16)
    assert len(made.flatten(0, 1).unique(dim=0)) == 24
    assert torch.equal(made[:, 0, :8], made[:, 5, :8])
    assert torch.equal(made[0, :, 8:], made[3, :, 8:])
    for row in range(4):
        for k in range(4):
            angle = row / 10_000 ** (k / 4)
            assert made[row, 2, k] == pytest.approx(math.sin(angle), abs=1e-6)
            assert made[row, 2, 4 + k] == pytest.approx(math.cos(angle), abs=1e-6)
    larger = position_embedding(5, 9, 16, torch.device("cpu")).view(5, 9, 16)
    assert torch.equal(larger[:4, :6], made)


@torch.no_grad()
def test_tokens_come_back_in_their_places(generator: torch.Generator) -> None:
    """Without blocks each map place is its patch and where it lies, normalised."""
    torch.manual_seed(0)
    body = VisionTransformer(2, 4, WIDTH, 0, HEADS)
    assert body.embed.bias is not None
    pixels = torch.rand(3, *SHAPE, generator=generator)
    maps = body(pixels)
    assert maps.shape == (3, WIDTH, 3, 4)
    where = position_embedding(3, 4, WIDTH, pixels.device).view(3, 4, WIDTH)
    for i in range(3):
        for j in range(4):
            patch = pixels[:, :, 4 * i : 4 * i + 4, 4 * j : 4 * j + 4].flatten(1)
            token = patch @ body.embed.weight.flatten(1).T + body.embed.bias
            wanted = body.norm(token + where[i, j])
            torch.testing.assert_close(maps[:, :, i, j], wanted)


@torch.no_grad()
def test_a_class_token_is_what_it_was_and_what_it_found(
    generator: torch.Generator,
) -> None:
    """Once, in the end: attention to all places on a skip connection, normalised."""
    layer = ClassToken(WIDTH, HEADS)
    maps = torch.randn(2, WIDTH, 3, 4, generator=generator)
    for n in range(2):
        places = torch.stack([maps[n, :, i, j] for i in range(3) for j in range(4)])
        found = layer.block(layer.token, places[None])[0, 0]
        wanted = layer.norm(layer.token[0, 0] + found)
        torch.testing.assert_close(layer(maps)[n, :, 0, 0], wanted)


@BOTH
def test_images_may_have_any_size(
    class_token: bool, generator: torch.Generator
) -> None:
    encoder = build(class_token)
    assert encoder.size == WIDTH
    assert encoder.maps_shape == (WIDTH, 3, 4)
    for height, width in ((13, 17), (4, 4), (24, 8)):
        some = images(generator, 3, (2, height, width))
        latent, maps = encoder.with_maps(some)
        assert maps.shape == (3, WIDTH, height // 4, width // 4)
        torch.testing.assert_close(latent, encoder(some), rtol=1e-4, atol=1e-5)
        if not class_token:
            torch.testing.assert_close(latent, maps.mean((2, 3)))


@BOTH
def test_a_single_patch_matters_wherever_it_is(
    class_token: bool, generator: torch.Generator
) -> None:
    encoder = build(class_token)
    some = images(generator, 1, (2, 12, 16)).repeat(13, 1, 1, 1)
    for n in range(12):
        i, j = divmod(n, 4)
        some[n, :, 4 * i : 4 * i + 4, 4 * j : 4 * j + 4] = 255
    latent = encoder(some).detach()
    assert (latent[:12] - latent[12]).abs().amax(1).min() > 1e-3
    assert len(latent[:12].unique(dim=0)) == 12


@BOTH
def test_chunks_change_neither_latents_nor_gradients(
    class_token: bool, generator: torch.Generator
) -> None:
    encoder = build(class_token)
    some = images(generator, CPU_CHUNK + 3, (2, 9, 8))
    weight = torch.randn(len(some), WIDTH, generator=generator)
    whole, parts = encoder._encode(some), encoder(some)
    torch.testing.assert_close(parts, whole, rtol=1e-4, atol=1e-5)
    parameters = list(encoder.parameters())
    wanted = torch.autograd.grad((whole * weight).sum(), parameters)
    given = torch.autograd.grad((parts * weight).sum(), parameters)
    for got, want in zip(given, wanted, strict=True):
        scale = wanted[0].abs().max().item()
        torch.testing.assert_close(got, want, rtol=1e-3, atol=1e-4 * scale)


@BOTH
def test_latents_start_with_sane_statistics(
    class_token: bool, generator: torch.Generator
) -> None:
    torch.manual_seed(0)
    config = ViTConfig(class_token=class_token, precision=Precision.FLOAT32)
    encoder = config.build((1, 28, 28))
    # whole images, light or dark, not noise: noise has the same mean everywhere
    light = 40 + 40 * torch.arange(5).view(5, 1, 1, 1)
    some = images(generator, 5, (1, 28, 28)) // 4 + light.byte()
    latent, maps = encoder.with_maps(some)
    assert maps.detach().std() == pytest.approx(1, abs=0.05)
    assert latent.std(0).mean() > 0.02
    latent.square().mean().backward()
    for name, p in encoder.named_parameters():
        assert p.grad is not None, name
        assert p.grad.isfinite().all()


@BOTH
def test_bf16_stays_near(class_token: bool, generator: torch.Generator) -> None:
    some = images(generator, 6, SHAPE)
    made, maps = build(class_token, Precision.BFLOAT16).with_maps(some)
    assert made.dtype == maps.dtype == torch.float32
    torch.testing.assert_close(made, build(class_token)(some), rtol=0.1, atol=0.1)


def test_a_linear_layer_makes_other_sizes(generator: torch.Generator) -> None:
    encoder = ViTConfig(7, width=8, depth=1, heads=2).build(SHAPE)
    assert encoder(images(generator, 3, SHAPE)).shape == (3, 7)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"size": -1}, "size must be at least 0"),
        ({"depth": 0}, "at least 1"),
        ({"width": 30}, "multiple of 4 and of the 4 heads"),
        ({"width": 16, "heads": 3}, "multiple of 4 and of the 3 heads"),
    ],
)
def test_impossible_settings_are_refused(config: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ViTConfig(**config)  # type: ignore[arg-type]


def test_images_below_one_patch_are_refused() -> None:
    with pytest.raises(ValueError, match="too small for this encoder"):
        ViTConfig().build((1, 3, 20))
