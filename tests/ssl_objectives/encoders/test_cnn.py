"""Encoders: what they start from, and that batching changes nothing."""

import math

import jaxtyping
import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.encoders.chunks import CPU_CHUNK
from ssl_objectives.encoders.cnn import (
    ImpalaConfig,
    NatureConfig,
    PatchConfig,
    ResidualBlock,
)
from ssl_objectives.encoders.encoder import Encoder, EncoderConfig, num_outputs
from ssl_objectives.encoders.precision import Precision

SHAPE = (3, 36, 41)
D = 23
FLOAT = Precision.FLOAT32
CONFIGS = [
    NatureConfig(D, FLOAT),
    ImpalaConfig(D, (6, 10), FLOAT),
    PatchConfig(D, 9, 14, precision=FLOAT),
]
MAPS = [(64, 1, 1), (10, 9, 11), (28, 2, 2)]
EVERY = pytest.mark.parametrize("config", CONFIGS, ids=lambda c: type(c).__name__)


def build(config: EncoderConfig) -> Encoder:
    torch.manual_seed(0)
    return config.build(SHAPE)


def images(generator: torch.Generator, *batch: int) -> Tensor:
    drawn = torch.randint(0, 256, (*batch, *SHAPE), generator=generator)
    return drawn.to(torch.uint8)


def orthogonal(weight: Tensor, gain: float = 2**0.5) -> None:
    """Rows (or columns, if they are fewer) orthogonal, of length `gain`."""
    rows = weight.flatten(1)
    rows = rows if rows.shape[0] <= rows.shape[1] else rows.T
    unit = torch.eye(len(rows))
    torch.testing.assert_close(rows @ rows.T, gain**2 * unit, rtol=0, atol=1e-4)


def orthogonal_without_gain(weight: Tensor) -> None:
    orthogonal(weight, 1.0)


def zero(tensor: Tensor) -> None:
    assert not tensor.any()


def impala_start() -> dict[str, object]:
    """Gain 1 where no ReLU comes before; the second convolution of a block is zero."""
    rules: dict[str, object] = {}
    for stage in range(2):
        rules[f"body.{4 * stage}.weight"] = orthogonal_without_gain
        rules[f"body.{4 * stage}.bias"] = zero
        for block in (2, 3):
            name = f"body.{4 * stage + block}"
            rules |= {f"{name}.first.weight": orthogonal, f"{name}.first.bias": zero}
            rules |= {f"{name}.second.weight": zero, f"{name}.second.bias": zero}
    return rules


HEAD = {"head.weight": orthogonal, "head.bias": zero}
STARTS: list[dict[str, object]] = [
    {
        **{f"body.{i}.weight": orthogonal for i in (0, 2, 4)},
        **{f"body.{i}.bias": zero for i in (0, 2, 4)},
        **HEAD,
    },
    {**impala_start(), **HEAD},
    {
        **{f"body.{i}.weight": orthogonal for i in (0, 2)},
        **{f"body.{i}.bias": zero for i in (0, 2)},
        **HEAD,
    },
]


@pytest.mark.parametrize(
    ("config", "start"),
    list(zip(CONFIGS, STARTS, strict=True)),
    ids=lambda c: type(c).__name__,
)
def test_every_parameter_starts_as_intended(
    config: EncoderConfig, start: dict[str, object]
) -> None:
    parameters = dict(build(config).named_parameters())
    assert set(parameters) == set(start)
    for name, parameter in parameters.items():
        check = start[name]
        assert callable(check)
        try:
            check(parameter.detach())
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error


def test_a_residual_block_begins_as_the_identity(generator: torch.Generator) -> None:
    maps = torch.randn(2, 5, 7, 6, generator=generator)
    block = ResidualBlock(5)
    assert torch.equal(block(maps), maps)
    nn.init.ones_(block.second.weight)
    assert not torch.equal(block(maps), maps)


@EVERY
def test_chunks_change_neither_latents_nor_gradients(
    config: EncoderConfig, generator: torch.Generator
) -> None:
    encoder = build(config)
    some = images(generator, CPU_CHUNK + 3)
    weight = torch.randn(len(some), D, generator=generator)
    whole, parts = encoder._encode(some), encoder(some)
    torch.testing.assert_close(parts, whole, rtol=1e-4, atol=1e-5)
    parameters = list(encoder.parameters())
    wanted = torch.autograd.grad((whole * weight).sum(), parameters)
    given = torch.autograd.grad((parts * weight).sum(), parameters)
    for got, want in zip(given, wanted, strict=True):
        scale = want.abs().max().item()
        torch.testing.assert_close(got, want, rtol=1e-3, atol=1e-4 * scale)


@EVERY
@pytest.mark.parametrize("batch", [(), (2,), (4, 2)])
def test_batch_axes_are_kept(
    config: EncoderConfig, batch: tuple[int, ...], generator: torch.Generator
) -> None:
    encoder = build(config)
    some = images(generator, *batch)
    latent = encoder(some)
    assert latent.shape == (*batch, D)
    assert latent.dtype == torch.float32
    one = encoder(some.reshape(-1, *SHAPE)[-1:])[0]
    torch.testing.assert_close(latent.reshape(-1, D)[-1], one, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("config", "maps"),
    list(zip(CONFIGS, MAPS, strict=True)),
    ids=lambda c: type(c).__name__,
)
@pytest.mark.parametrize("batch", [(), (2,), (4, 2)])
def test_feature_maps_are_what_the_head_reads(
    config: EncoderConfig,
    maps: tuple[int, ...],
    batch: tuple[int, ...],
    generator: torch.Generator,
) -> None:
    encoder = build(config)
    some = images(generator, *batch)
    found = encoder.feature_map(some)
    assert found.shape == (*batch, *maps)
    assert num_outputs(encoder.body, SHAPE) == math.prod(maps)
    latent = encoder.head(found.movedim(-3, -1).flatten(-3))
    torch.testing.assert_close(latent, encoder(some), rtol=1e-4, atol=1e-5)


def test_bytes_become_numbers_from_zero_to_one(generator: torch.Generator) -> None:
    encoder = Encoder(nn.Identity(), (1, 2, 3), 6, FLOAT)
    assert isinstance(encoder.head, nn.Linear)
    nn.init.eye_(encoder.head.weight)
    some = torch.tensor([[0, 1, 2], [100, 254, 255]], dtype=torch.uint8)
    before = some.clone()
    latent = encoder(some[None])
    torch.testing.assert_close(latent, before.flatten() / 255)
    assert torch.equal(some, before)


@pytest.mark.parametrize(
    ("config", "shape"),
    [
        (NatureConfig(D), (3, 35, 60)),
        (NatureConfig(D), (1, 36, 35)),
        (PatchConfig(D, patch=9), (3, 8, 20)),
    ],
)
def test_images_too_small_are_refused(
    config: EncoderConfig, shape: tuple[int, int, int]
) -> None:
    height, width = shape[1:]
    message = rf"\({shape[0]}, {height}, {width}\) are too small for this encoder"
    with pytest.raises(ValueError, match=message):
        config.build(shape)


def test_smallest_images_are_accepted() -> None:
    assert NatureConfig(D, FLOAT).build((1, 36, 37)).head.in_features == 64
    assert (
        PatchConfig(D, 9, 14, precision=FLOAT).build((1, 9, 19)).head.in_features == 28
    )
    assert ImpalaConfig(D, (6, 10), FLOAT).build((1, 1, 2)).head.in_features == 10


@EVERY
@pytest.mark.parametrize("batch", [(), (4, 2), (CPU_CHUNK + 2,)])
def test_latents_come_with_their_maps(
    config: EncoderConfig, batch: tuple[int, ...], generator: torch.Generator
) -> None:
    encoder = build(config)
    some = images(generator, *batch)
    latent, maps = encoder.with_maps(some)
    assert maps.shape == (*batch, *encoder.maps_shape)
    assert latent.shape == (*batch, D)
    torch.testing.assert_close(latent, encoder(some), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(maps, encoder.feature_map(some), rtol=1e-4, atol=1e-5)


@EVERY
def test_gradients_flow_through_both_latents_and_maps(
    config: EncoderConfig, generator: torch.Generator
) -> None:
    encoder = build(config)
    some = images(generator, 20)

    def gradients(latent: Tensor, maps: Tensor) -> tuple[Tensor, ...]:
        total = latent.square().sum() + maps.square().sum()
        return torch.autograd.grad(total, list(encoder.parameters()))

    wanted = gradients(encoder._encode(some), encoder.feature_map(some))
    for got, want in zip(gradients(*encoder.with_maps(some)), wanted, strict=True):
        scale = want.abs().max().item()
        torch.testing.assert_close(got, want, rtol=1e-3, atol=1e-4 * scale)


@EVERY
def test_images_of_another_shape_are_refused(
    config: EncoderConfig, generator: torch.Generator
) -> None:
    """Also when their pixels could be dealt out to images of the right shape."""
    encoder = build(config)
    some = images(generator, 4)
    for wrong in (some[..., :40], some[:, :2], some.mT, some[:2].flatten(0, 1)):
        for see in (encoder, encoder.with_maps, encoder.feature_map):
            with pytest.raises(ValueError, match="3 channels and 36x41 pixels, not of"):
                see(wrong)


def test_a_body_with_batch_norm_sees_the_whole_batch_in_training(
    generator: torch.Generator,
) -> None:
    """Whatever it is made of: nobody needs to say so."""
    body = nn.Sequential(nn.Conv2d(3, 5, 4, 4), nn.Sequential(nn.BatchNorm2d(5)))
    encoder = Encoder(body, SHAPE, D, FLOAT)
    some = images(generator, CPU_CHUNK + 3)
    pixels = body[0](some / 255)
    mean, variance = pixels.mean((0, 2, 3)), pixels.var((0, 2, 3), correction=0)
    normed = (pixels - mean.view(5, 1, 1)) / (variance + 1e-5).sqrt().view(5, 1, 1)
    wanted = encoder.head(normed.movedim(1, -1).flatten(1))
    torch.testing.assert_close(encoder(some), wanted, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(encoder.with_maps(some)[1], normed, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: type(c).__name__)
def test_floats_are_refused(
    config: EncoderConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    # as for users: the tests alone check the shapes and types in signatures
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    encoder = build(config)
    image = torch.full(encoder.image_shape, 128, dtype=torch.uint8)[None]
    for read in (encoder, encoder.feature_map, encoder.with_maps):
        read(image)
        with pytest.raises(ValueError, match=r"bytes \(uint8.*Tensor of torch.float32"):
            read(image / 255)
        with pytest.raises(ValueError, match="a ndarray of uint8"):
            read(image.numpy())  # type: ignore[arg-type]
