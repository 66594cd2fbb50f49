"""Light and colour, pixel by pixel; which channels are colours; the preset's dial."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from ssl_objectives.views.augment.augmentation import augment
from ssl_objectives.views.augment.color import (
    Gray,
    Jitter,
    brightness,
    contrast,
    hue,
    num_colors,
    saturation,
    solarize,
)
from ssl_objectives.views.augment.geometry import RandomResizedCrop
from ssl_objectives.views.augment.preset import (
    AugmentConfig,
    shifted,
    sim_clr,
    unchanged,
)
from ssl_objectives.views.params import GRAY, HUE, SATURATION

H, W = 5, 7
FACTORS = torch.tensor([0.0, 0.4, 1.0, 1.7])
# channels of the image, and how many of them are colours
LAYOUTS = pytest.mark.parametrize(
    ("channels", "colors"), [(1, 0), (3, 3), (4, 3), (4, 0), (12, 12), (12, 0), (6, 3)]
)


def clips(generator: torch.Generator, channels: int, frames: int = 2) -> Tensor:
    return torch.rand(len(FACTORS), frames, channels, H, W, generator=generator)


def light(pixel: Tensor) -> float:
    red, green, blue = pixel.tolist()
    return float(0.299 * red + 0.587 * green + 0.114 * blue)


def kept(x: float) -> float:
    return min(1.0, max(0.0, x))


@LAYOUTS
def test_brightness_multiplies(
    channels: int, colors: int, generator: torch.Generator
) -> None:
    given = clips(generator, channels)
    for n, factor in enumerate(FACTORS.tolist()):
        wanted = [kept(factor * x) for x in given[n].flatten().tolist()]
        made = brightness(given, FACTORS)[n].flatten()
        torch.testing.assert_close(made, torch.tensor(wanted))


@LAYOUTS
def test_contrast_is_about_the_clips_mean(
    channels: int, colors: int, generator: torch.Generator
) -> None:
    given = clips(generator, channels)
    made = contrast(given, FACTORS, colors)
    for n, factor in enumerate(FACTORS.tolist()):
        lights, others = [], given[n, :, colors:].flatten().tolist()
        for frame in given[n]:
            for first in range(0, colors, 3):
                triple = frame[first : first + 3].flatten(1).T
                lights += [light(pixel) for pixel in triple]
        for c in range(channels):
            seen = lights if c < colors else others
            mean = sum(seen) / len(seen)
            wanted = given[n, :, c].flatten().tolist()
            wanted = [kept(mean + factor * (x - mean)) for x in wanted]
            torch.testing.assert_close(made[n, :, c].flatten(), torch.tensor(wanted))


@LAYOUTS
def test_saturation_is_about_gray_and_for_colors_alone(
    channels: int, colors: int, generator: torch.Generator
) -> None:
    if not colors:
        return
    given = clips(generator, channels)
    made = saturation(given, FACTORS, colors)
    assert torch.equal(made[:, :, colors:], given[:, :, colors:])
    for n, factor in enumerate(FACTORS.tolist()):
        for first in range(0, colors, 3):
            triple = given[n, :, first : first + 3].movedim(1, -1).flatten(0, 2)
            for pixel, got in zip(
                triple,
                made[n, :, first : first + 3].movedim(1, -1).flatten(0, 2),
                strict=True,
            ):
                gray = light(pixel)
                wanted = [kept(gray + factor * (x - gray)) for x in pixel.tolist()]
                torch.testing.assert_close(got, torch.tensor(wanted))


def test_hue_turns_about_gray(generator: torch.Generator) -> None:
    given = 0.4 + 0.2 * clips(generator, 4)  # nothing leaves [0, 1]
    weight = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)

    def turned(by: float) -> Tensor:
        return hue(given, torch.full((len(given),), by), 3)

    for by in (0.0, 1.0):
        torch.testing.assert_close(turned(by), given, rtol=0, atol=1e-6)
    made = turned(0.2)
    assert torch.equal(made[:, :, 3], given[:, :, 3])
    assert (made - given)[:, :, :3].abs().max() > 0.02
    torch.testing.assert_close(
        (made[:, :, :3] * weight).sum(2), (given[:, :, :3] * weight).sum(2)
    )
    twice = hue(turned(0.2), torch.full((len(given),), 0.3), 3)
    torch.testing.assert_close(twice, turned(0.5), rtol=0, atol=1e-6)
    gray = torch.full((1, 1, 3, H, W), 0.3)
    torch.testing.assert_close(hue(gray, torch.tensor([0.3]), 3), gray)
    # a third of a turn carries red on to the next colour, and two to the last
    red = torch.tensor([0.5, 0.4, 0.4]).view(1, 1, 3, 1, 1)
    most = [
        int(hue(red, torch.tensor([third / 3]), 3).flatten().argmax())
        for third in range(4)
    ]
    assert most == [0, 1, 2, 0]


def test_solarize_inverts_what_is_bright(generator: torch.Generator) -> None:
    given = clips(generator, 2)
    where = torch.tensor([True, False, True, False])
    made = solarize(given, where, 0.6)
    for n in range(4):
        wanted = [
            1 - x if x >= 0.6 and n % 2 == 0 else x for x in given[n].flatten().tolist()
        ]
        torch.testing.assert_close(made[n].flatten(), torch.tensor(wanted))


def test_which_channels_are_colors() -> None:
    found = [num_colors(channels, None) for channels in (1, 2, 3, 4, 6, 12)]
    assert found == [0, 0, 3, 0, 6, 12]
    assert num_colors(4, 3) == 3
    assert num_colors(12, 0) == 0
    for colors in (2, 6, -3):
        with pytest.raises(ValueError, match="colors must be a multiple of 3"):
            num_colors(4, colors)
    with pytest.raises(ValueError, match="colors must be a multiple of 3"):
        AugmentConfig(colors=6).chain((3, H, W))


@pytest.mark.parametrize(("channels", "colors"), [(1, None), (4, None), (3, 0)])
def test_what_has_no_color_keeps_its_values(
    channels: int, colors: int | None, generator: torch.Generator
) -> None:
    given = torch.randint(0, 256, (20, channels, H, W), generator=generator).byte()
    chain = [Jitter(1.0, 0.0, 0.0, 0.9, 0.4, colors), Gray(1.0, colors)]
    made, params = augment(given, chain, generator)
    assert torch.equal(made, given)
    assert (params[:, SATURATION] == 1).all()
    assert not params[:, [HUE, GRAY]].any()


def test_gray_images_have_three_equal_channels(generator: torch.Generator) -> None:
    given = torch.randint(0, 256, (5, 4, H, W), generator=generator).byte()
    made, params = augment(given, [Gray(1.0, colors=3)], generator)
    assert params[:, GRAY].all()
    assert torch.equal(made[:, 3], given[:, 3])
    assert torch.equal(made[:, 0], made[:, 1])
    assert torch.equal(made[:, 0], made[:, 2])
    assert (made[:, :3] != given[:, :3]).any()


def test_the_dial_gives_the_two_published_settings() -> None:
    """AdaInf: crops from 8 % to 20 %, jitter .8/.8/.8/.2 p .8 to .4/.4/.4/.1 p .4."""
    strong, weak = (
        replace(sim_clr(), strength=s).chain((3, 32, 32)) for s in (1.0, 0.0)
    )
    assert strong[0] == RandomResizedCrop((0.08, 1.0))
    assert strong[2] == Jitter(0.8, 0.8, 0.8, 0.8, 0.2)
    crop, jitter = weak[0], weak[2]
    assert isinstance(crop, RandomResizedCrop)
    assert isinstance(jitter, Jitter)
    assert crop.scale == pytest.approx((0.2, 1.0))
    factors = (jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue)
    assert (jitter.probability, *factors) == pytest.approx((0.4, 0.4, 0.4, 0.4, 0.1))


@pytest.mark.parametrize(
    "config", [AugmentConfig(), sim_clr(), AugmentConfig(crop=0.7)]
)
def test_the_dial_is_monotone(config: AugmentConfig) -> None:
    crops, jitters = [], []
    for step in range(11):
        crop, _, jitter, _ = replace(config, strength=step / 10).chain((3, 32, 32))
        assert isinstance(crop, RandomResizedCrop)
        assert isinstance(jitter, Jitter)
        crops.append(crop.scale[0])
        jitters.append(jitter.brightness * jitter.probability)
    assert crops == sorted(crops, reverse=True)
    assert jitters == sorted(set(jitters))
    assert max(crops) <= 1
    assert crops[-1] == config.crop


def test_what_never_happens_is_left_out() -> None:
    assert unchanged().chain((3, H, W)) == ()
    assert [type(x).__name__ for x in shifted().chain((3, H, W))] == ["Shift"]
    everything = AugmentConfig(shift=1, blur=0.1, solarize=0.1, cutout=0.1)
    assert len(everything.chain((3, H, W))) == 8


def test_something_of_an_image_is_left_by_a_shift() -> None:
    assert len(shifted(H - 1).chain((3, H, W))) == 1
    with pytest.raises(ValueError, match=r"less than the images' 5 x 7 pixels, not 5"):
        shifted(H).chain((3, H, W))


def test_sizes_are_made_by_cropping(generator: torch.Generator) -> None:
    given = torch.randint(0, 256, (5, 3, 8, 10), generator=generator).byte()
    chain = unchanged().chain((3, 8, 10), (4, 5))
    made, params = augment(given, chain, generator)
    assert made.shape == (5, 3, 4, 5)
    assert torch.equal(params[:, :4], torch.tensor([[0.0, 0, 1, 1]] * 5))
    smaller = torch.nn.functional.interpolate(
        given.float(), (4, 5), mode="bilinear", antialias=True
    )
    torch.testing.assert_close(made.float(), smaller, rtol=0, atol=0.51)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AugmentConfig(strength=1.5), "strength must be between 0 and 1"),
        (lambda: AugmentConfig(crop=0.0), "scale must lie above 0"),
        (lambda: AugmentConfig(flip=2.0), "probability must be"),
        (lambda: AugmentConfig(shift=-1), "pixels must be at least 0"),
        (lambda: AugmentConfig(blur=-0.1), "probability must be"),
    ],
)
def test_impossible_presets_are_refused(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=message):
        make()
