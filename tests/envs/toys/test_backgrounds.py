import pytest
import torch
from scipy.stats import kstest, uniform

from envs.toys.backgrounds import (
    Backgrounds,
    ImageBackgrounds,
    NamedBackgrounds,
    UniformNoise,
)
from envs.toys.textures import Textures
from ssl_objectives import fashion_mnist_subset

CYCLES = torch.fft.fftfreq(28) * 28
RADIUS = (CYCLES.square().unsqueeze(1) + CYCLES.square()).sqrt()


@pytest.mark.parametrize(
    "texture", [Textures(), Textures(2.0, 4.0), Textures(13.0, 13.9)]
)
def test_the_spectrum_lies_in_its_band(
    texture: Textures, generator: torch.Generator
) -> None:
    spectrum = torch.fft.fft2(texture.draw(200, generator).double())
    power = spectrum.abs().square().mean(0)
    power[0, 0] = 0  # the mean, which stretching to [0, 1] moves
    within = (texture.lowest <= RADIUS) & (texture.highest >= RADIUS)
    assert float(power[~within].max()) < 1e-9 * float(power[within].min())


def test_amplitudes_fall_with_the_cycles(generator: torch.Generator) -> None:
    drawn = Textures().draw(4_000, generator)
    pattern = drawn / drawn.std((1, 2), keepdim=True)  # the stretching apart
    power = torch.fft.fft2(pattern).abs().square().mean(0)
    products = (power * RADIUS**2)[(RADIUS > 0) & (RADIUS <= 7)]
    # The waves of one cycle lose a little when each pattern is given one std.
    torch.testing.assert_close(
        products, products.mean().expand_as(products), rtol=0.2, atol=0
    )


def test_textures_touch_black_and_white_and_differ(generator: torch.Generator) -> None:
    drawn = Textures().draw(50, generator).flatten(1)
    assert torch.equal(drawn.amin(1), torch.zeros(50))
    assert torch.equal(drawn.amax(1), torch.ones(50))
    likeness = torch.corrcoef(drawn) - torch.eye(50)
    assert float(likeness.abs().max()) < 0.8
    # Smooth: neighbours are alike, places far apart are not.
    rows = drawn.view(50, 28, 28) - drawn.mean()
    alike = [float((rows * rows.roll(k, 2)).mean() / rows.var()) for k in (1, 7)]
    assert alike[0] > 0.7 > 0.3 > abs(alike[1])


@pytest.mark.parametrize(
    ("lowest", "highest", "message"),
    [
        (0.0, 7.0, "above 0"),
        (3.0, 2.0, "lowest to highest"),
        (1.0, 14.0, "below 14"),
        (1.1, 1.2, "No wave"),
    ],
)
def test_bands_that_hold_nothing(lowest: float, highest: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Textures(lowest, highest)


def test_uniform_noise(generator: torch.Generator) -> None:
    drawn = UniformNoise().draw(60, generator)
    assert kstest(drawn.flatten().numpy(), uniform(0, 1).cdf).pvalue > 1e-4
    rows = drawn - drawn.mean()
    alike = (rows * rows.roll(1, 2)).mean() / rows.var()
    assert float(alike) == pytest.approx(0, abs=5 / rows.numel() ** 0.5)


def test_images_from_outside(generator: torch.Generator) -> None:
    images = fashion_mnist_subset()[:5]
    drawn = ImageBackgrounds(images).draw(400, generator)
    same = (drawn.unsqueeze(1) == images[:, 0] / 255).flatten(2).all(2)
    assert same.any(1).all()
    # Each as often as any other: 80 of 400 times, five deviations of 8 apart at most.
    assert bool(((same.sum(0) - 80).abs() < 40).all())


@pytest.mark.parametrize("name", NamedBackgrounds)
def test_names_stand_for_backgrounds(name: NamedBackgrounds) -> None:
    assert isinstance(name.source, Backgrounds)
    one, two, other = (
        name.source.draw(3, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
