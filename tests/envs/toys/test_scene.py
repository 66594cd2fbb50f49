import pytest
import torch

from envs.toys.backgrounds import NamedBackgrounds, UniformNoise
from envs.toys.dots import PEAK, anywhere, density
from envs.toys.scene import NoiseConfig, Scene

ALPHAS = (0.0, 0.5, 1.0, 1.5, 2.0, 4.0)


@pytest.mark.parametrize("num_dots", [1, 3])
@pytest.mark.parametrize("alpha", ALPHAS)
def test_the_brightest_frame_there_can_be_is_not_cut_off(
    num_dots: int, alpha: float
) -> None:
    scene = NoiseConfig(alpha=alpha).build(num_dots)
    place = torch.tensor([9.0, 17.0]).expand(1, num_dots, 2)
    white, black = torch.ones(1, 28, 28), torch.zeros(1, 28, 28)
    before_white = scene.draw(place, white)[0, 0]
    assert int(before_white[17, 9]) == int(before_white.max()) == 255
    behind = round(255 * alpha / (num_dots + alpha))
    assert int(before_white[0, 27]) == behind
    # The same dot is as bright before white as before black, to a rounding.
    before_black = scene.draw(place, black)[0, 0]
    added = before_white.int() - before_white[0, 27].int()
    assert (added - before_black.int()).abs().max() <= 1
    assert abs(int(added.max()) - num_dots * scene.peak_levels) <= 1


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, 1.5, 1.55])
def test_a_dot_alone_has_a_hundred_levels_up_to_an_alpha_of_1_55(alpha: float) -> None:
    assert NoiseConfig(alpha=alpha).build(1).peak_levels >= 100


def test_levels_of_one_dot_and_of_three() -> None:
    levels = {
        num: [round(NoiseConfig(alpha=a).build(num).peak_levels) for a in ALPHAS[:5]]
        for num in (1, 3)
    }
    assert levels == {1: [255, 170, 128, 102, 85], 3: [85, 73, 64, 57, 51]}


@pytest.mark.parametrize("alpha", ALPHAS)
def test_bytes_are_the_sum_of_floats_rounded(
    alpha: float, generator: torch.Generator
) -> None:
    scene = Scene(3, UniformNoise(), alpha, changing=True)
    place = anywhere((40, 3), generator)
    behind = torch.rand(40, 28, 28, generator=generator)
    frames = scene.draw(place, behind)
    assert frames.dtype == torch.uint8
    assert frames.shape == (40, 1, 28, 28)
    summed = alpha * PEAK * behind
    for i in range(3):
        summed = summed + density(place[:, i])
    off = frames[:, 0] / scene.scale - summed
    assert float(off.abs().max()) <= 0.501 / scene.scale


@pytest.mark.parametrize("name", NamedBackgrounds)
@pytest.mark.parametrize("changing", [False, True])
def test_backgrounds_follow_one_another_as_told(
    name: NamedBackgrounds, changing: bool, generator: torch.Generator
) -> None:
    scene = NoiseConfig(name, 1.0, changing).build(1)
    first = scene.begin(4, generator)
    after = scene.follow(first, generator)
    same = (first == after).flatten(1).all(1)
    assert same.tolist() == [not changing] * 4
    assert not torch.equal(first[0], first[1])


def test_nothing_is_drawn_without_alpha(generator: torch.Generator) -> None:
    before = generator.get_state()
    scene = NoiseConfig(alpha=0.0, changing=True).build(1)
    black = scene.follow(scene.begin(2, generator), generator)
    assert not black.any()
    assert torch.equal(generator.get_state(), before)


@pytest.mark.parametrize(
    ("alpha", "num_dots", "message"),
    [
        (-0.5, 1, "0 or more"),
        (float("inf"), 1, "0 or more"),
        (float("nan"), 1, "0 or more"),
        (7.0, 1, "6.9 at most"),
        (5.0, 3, "4.9 at most"),
    ],
)
def test_strengths_that_cannot_be_shown(
    alpha: float, num_dots: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        NoiseConfig(alpha=alpha).build(num_dots)
