"""ResNet-18 for small images: shape, start, and who may see whom."""

import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.encoders.chunks import CPU_CHUNK
from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.encoders.residual import BasicBlock, Bottleneck, Norm, Stem
from ssl_objectives.encoders.resnet import ResNetConfig, resnet

SHAPE = (2, 12, 17)
FLOAT = Precision.FLOAT32
NORMS = pytest.mark.parametrize("norm", list(Norm))


def build(norm: Norm, size: int = 0, width: int = 4) -> Encoder:
    torch.manual_seed(0)
    return ResNetConfig(size, width, norm, FLOAT).build(SHAPE)


def first_layers(encoder: Encoder) -> tuple[nn.Module, nn.BatchNorm2d]:
    assert isinstance(encoder.body, nn.Sequential)
    norm = encoder.body[1]
    assert isinstance(norm, nn.BatchNorm2d)
    return encoder.body[0], norm


def images(generator: torch.Generator, num: int, shape: tuple[int, ...]) -> Tensor:
    drawn = torch.randint(0, 256, (num, *shape), generator=generator)
    return drawn.to(torch.uint8)


def test_it_is_resnet_18() -> None:
    """The 11.2 million numbers of ResNet-18 without its classifier, 3x3 stem."""
    body = resnet(3)
    convolutions = [x for x in body.modules() if isinstance(x, nn.Conv2d)]
    assert sum(p.numel() for p in body.parameters()) == 11_168_832
    assert len([x for x in convolutions if x.kernel_size == (3, 3)]) == 17
    assert len([x for x in convolutions if x.kernel_size == (1, 1)]) == 3
    assert body(torch.zeros(2, 3, 32, 24)).shape == (2, 512, 4, 3)


@NORMS
def test_a_block_is_its_equation(norm: Norm, generator: torch.Generator) -> None:
    block = BasicBlock(6, 8, 2, norm).eval()
    maps = torch.randn(3, 6, 7, 9, generator=generator)
    convolve = nn.functional.conv2d
    assert isinstance(block.downsample, nn.Sequential)
    inner = block.bn1(convolve(maps, block.conv1.weight, stride=2, padding=1)).relu()
    inner = block.bn2(convolve(inner, block.conv2.weight, padding=1))
    weight = block.downsample.get_parameter("0.weight")
    skip = block.downsample[1](convolve(maps, weight, stride=2))
    torch.testing.assert_close(block(maps.clone()), (inner + skip).relu())
    same = BasicBlock(6, 6, 1, norm)
    assert isinstance(same.downsample, nn.Identity)


@NORMS
def test_a_bottleneck_is_its_equation(norm: Norm, generator: torch.Generator) -> None:
    block = Bottleneck(6, 4, 2, norm).eval()
    maps = torch.randn(3, 6, 7, 9, generator=generator)
    convolve = nn.functional.conv2d
    assert isinstance(block.downsample, nn.Sequential)
    inner = block.bn1(convolve(maps, block.conv1.weight)).relu()
    inner = convolve(inner, block.conv2.weight, stride=2, padding=1)
    inner = block.bn3(convolve(block.bn2(inner).relu(), block.conv3.weight))
    weight = block.downsample.get_parameter("0.weight")
    skip = block.downsample[1](convolve(maps, weight, stride=2))
    torch.testing.assert_close(block(maps.clone()), (inner + skip).relu())
    assert block(maps).shape == (3, 16, 4, 5)
    assert isinstance(Bottleneck(16, 4, 1, norm).downsample, nn.Identity)


@pytest.mark.parametrize(
    ("depth", "numbers", "outputs"),
    [
        (18, 11_176_512, 512),
        (34, 21_284_672, 512),
        (50, 23_508_032, 2048),
        (101, 42_500_160, 2048),
    ],
)
def test_it_is_the_papers_of_each_depth(depth: int, numbers: int, outputs: int) -> None:
    """Parameters as counted in torchvision's without the classifier."""
    with torch.device("meta"):
        body = resnet(3, depth=depth, stem=Stem.IMAGENET)
        maps = body(torch.zeros(2, 3, 224, 192))
    assert sum(p.numel() for p in body.parameters()) == numbers
    assert maps.shape == (2, outputs, 7, 6)


def test_channels_are_standardised_first(generator: torch.Generator) -> None:
    torch.manual_seed(0)
    config = ResNetConfig(width=4, precision=FLOAT, mean=(0.4, 0.6), std=(0.2, 0.5))
    encoder = config.build(SHAPE).eval()
    some = images(generator, 3, SHAPE)
    pixels = some.float() / 255
    pixels = torch.stack([(pixels[:, 0] - 0.4) / 0.2, (pixels[:, 1] - 0.6) / 0.5], 1)
    plain = build(Norm.BATCH).eval()  # of the same draws
    torch.testing.assert_close(encoder(some), plain.body(pixels).mean((2, 3)))
    assert encoder.state_dict().keys() == plain.state_dict().keys()


@NORMS
def test_latents_are_means_of_maps_for_any_size(
    norm: Norm, generator: torch.Generator
) -> None:
    encoder = build(norm).eval()
    assert encoder.size == 32
    assert encoder.maps_shape == (32, 2, 3)
    for height, width in ((12, 17), (5, 5), (1, 1), (20, 9)):
        some = images(generator, 3, (2, height, width))
        latent, maps = encoder.with_maps(some)
        assert maps.shape[:2] == (3, 32)
        torch.testing.assert_close(latent, maps.mean((2, 3)))
        torch.testing.assert_close(encoder(some), latent, rtol=1e-4, atol=1e-5)


def test_a_linear_layer_makes_other_sizes(generator: torch.Generator) -> None:
    encoder = build(Norm.GROUP, size=7)
    some = images(generator, 3, SHAPE)
    latent, maps = encoder.with_maps(some)
    torch.testing.assert_close(latent, encoder.head(maps.mean((2, 3))))
    assert latent.shape == (3, 7)


@NORMS
def test_chunks_change_nothing_where_images_are_apart(
    norm: Norm, generator: torch.Generator
) -> None:
    encoder = build(norm)
    encoder.train(norm is Norm.GROUP)
    some = images(generator, CPU_CHUNK + 3, (2, 6, 5))
    with torch.no_grad():
        whole, parts = encoder._encode(some), encoder(some)
        alone = encoder(some[:1])
    torch.testing.assert_close(parts, whole, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(parts[:1], alone, rtol=1e-4, atol=1e-5)


def test_a_batch_norm_sees_the_whole_batch_in_training(
    generator: torch.Generator,
) -> None:
    """More images than a chunk holds, on two threads: one mean, updated once."""
    encoder, other = build(Norm.BATCH), build(Norm.BATCH)
    some = images(generator, CPU_CHUNK + 9, (2, 6, 5))
    torch.set_num_threads(2)
    latent = encoder(some)
    torch.set_num_threads(1)
    torch.testing.assert_close(latent, other._encode(some), rtol=1e-3, atol=1e-4)
    stem, norm = first_layers(encoder)
    assert int(norm.num_batches_tracked or 0) == 1
    floats = stem(some / 255)
    torch.testing.assert_close(
        norm.running_mean, 0.1 * floats.mean((0, 2, 3)), rtol=1e-3, atol=1e-5
    )


def test_building_leaves_statistics_and_mode_alone() -> None:
    encoder = build(Norm.BATCH)
    _, norm = first_layers(encoder)
    assert encoder.training
    assert norm.training
    assert int(norm.num_batches_tracked or 0) == 0
    assert norm.running_mean is not None
    assert not norm.running_mean.any()
    body = resnet(2, 4)
    body[1].eval()
    Encoder(body, SHAPE, 0, FLOAT, nn.AdaptiveAvgPool2d(1))
    assert not body[1].training
    assert body[0].training


def test_a_frozen_encoder_repeats_and_takes_a_single_image(
    generator: torch.Generator,
) -> None:
    encoder = build(Norm.BATCH)
    encoder(images(generator, 40, SHAPE))
    encoder.eval()
    before = {k: x.clone() for k, x in encoder.state_dict().items()}
    some = images(generator, 5, SHAPE)
    torch.testing.assert_close(encoder(some[:1]), encoder(some)[:1])
    after = encoder.state_dict()
    assert all(torch.equal(x, after[k]) for k, x in before.items())


@NORMS
def test_latents_start_with_sane_statistics(
    norm: Norm, generator: torch.Generator
) -> None:
    encoder = build(norm, width=16)
    latent = encoder(images(generator, 64, (2, 24, 24)))
    assert 0.05 < latent.std(0).mean() < 2
    assert 0.1 < latent.mean() < 3
    latent.square().mean().backward()
    for name, p in encoder.named_parameters():
        assert p.grad is not None, name
        assert p.grad.isfinite().all()
        assert p.grad.any(), name


@NORMS
def test_bf16_stays_near(norm: Norm, generator: torch.Generator) -> None:
    some = images(generator, 6, SHAPE)
    exact = build(norm).eval()(some)
    torch.manual_seed(0)
    low = ResNetConfig(0, 4, norm, Precision.BFLOAT16).build(SHAPE).eval()
    made, maps = low.with_maps(some)
    assert made.dtype == maps.dtype == torch.float32
    torch.testing.assert_close(made, exact, rtol=0.1, atol=0.1)


@pytest.mark.parametrize("config", [{"size": -1}, {"width": 0}])
def test_impossible_settings_are_refused(config: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="size must be at least 0 and width"):
        ResNetConfig(**config)  # type: ignore[arg-type]


def test_means_of_other_channels_are_refused() -> None:
    with pytest.raises(ValueError, match=r"of 1 channels, and images have 2: give a"):
        ResNetConfig(mean=(0.5,), std=(0.2,)).build(SHAPE)
    with pytest.raises(ValueError, match="mean has 1 numbers and std 0"):
        ResNetConfig(mean=(0.5,))
    with pytest.raises(ValueError, match="std above 0"):
        ResNetConfig(mean=(0.5,), std=(0.0,))


def test_other_depths_are_refused() -> None:
    with pytest.raises(ValueError, match="one of 18, 34, 50, 101, not 20"):
        ResNetConfig(depth=20)


def test_other_channels_are_refused(generator: torch.Generator) -> None:
    with pytest.raises(ValueError, match="of 2 channels and any size, not of shape"):
        build(Norm.BATCH)(images(generator, 3, (3, 12, 17)))
