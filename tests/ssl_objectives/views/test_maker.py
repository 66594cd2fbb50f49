"""Views of images: how many, how large, and that params tell how they were made."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from ssl_objectives.views.augment.preset import AugmentConfig, sim_clr, unchanged
from ssl_objectives.views.maker import (
    FourRotations,
    MultiCrop,
    OneView,
    TwoViews,
    UnlikeViews,
    ViewsConfig,
)
from ssl_objectives.views.params import FLIP, PARAMS, ROTATION, UNCHANGED

SIDE = 14
CONFIGS: list[ViewsConfig] = [
    OneView(),
    TwoViews(),
    UnlikeViews(second=AugmentConfig(blur=0.5, solarize=0.5, cutout=0.5, shift=2)),
    MultiCrop(num_small=3, side=0.5),
    FourRotations(),
]
EVERY = pytest.mark.parametrize("config", CONFIGS, ids=lambda c: type(c).__name__)


def images(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randint(0, 256, shape, generator=generator).to(torch.uint8)


@EVERY
@pytest.mark.parametrize("channels", [1, 3, 4, 12])
def test_every_maker_draws_views_of_the_right_shape(
    config: ViewsConfig, channels: int, generator: torch.Generator
) -> None:
    given = images(generator, 5, channels, SIDE, SIDE)
    make = config.build((channels, SIDE, SIDE))
    drawn = make(given, generator)
    num = {OneView: 1, MultiCrop: 5, FourRotations: 4}.get(type(config), 2)
    small = num - 2 if isinstance(config, MultiCrop) else 0
    sides = [SIDE] * (num - small) + [SIDE // 2] * small
    assert [x.shape for x in drawn.images] == [(5, channels, s, s) for s in sides]
    assert all(x.dtype == torch.uint8 for x in drawn.images)
    assert drawn.num_targets == num - small
    assert drawn.params.shape == (5, num, len(PARAMS))


@EVERY
def test_params_of_views_lie_no_further_apart_than_said(
    config: ViewsConfig, generator: torch.Generator
) -> None:
    make = config.build((3, SIDE, SIDE))
    params = make(images(generator, 900, 3, SIDE, SIDE), generator).params
    apart = params.unsqueeze(1) - params.unsqueeze(2)
    found = apart.abs().flatten(0, 2).amax(0)
    assert make.reach is not None
    said = torch.tensor(make.reach)
    assert (found <= said + 1e-5).all()
    assert (found[FLIP:] >= 0.75 * said[FLIP:]).all()
    assert ((found > 0) == (said > 0)).all()


@EVERY
def test_equal_generators_give_equal_views(
    config: ViewsConfig, generator: torch.Generator
) -> None:
    given = images(generator, 30, 3, SIDE, SIDE)
    before, make = given.clone(), config.build((3, SIDE, SIDE))
    one, two, other = (
        make(given, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(given, before)
    assert torch.equal(one.params, two.params)
    for a, b, c in zip(one.images, two.images, other.images, strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)


@EVERY
def test_views_of_clips_are_drawn_once_over_time(
    config: ViewsConfig, generator: torch.Generator
) -> None:
    one = images(generator, 6, 1, 3, SIDE, SIDE).expand(-1, 4, -1, -1, -1)
    drawn = config.build((3, SIDE, SIDE))(one, generator)
    for view in drawn.images:
        assert view.shape[:3] == (6, 4, 3)
        assert torch.equal(view, view[:, :1].expand_as(view))


def test_two_views_differ_and_are_made_alike(generator: torch.Generator) -> None:
    given = images(generator, 300, 1, SIDE, SIDE)
    first, second = TwoViews().build((1, SIDE, SIDE))(given, generator).params.unbind(1)
    assert (first != second).any(1).all()
    for column in (0, 2, FLIP, 5):
        away = first[:, column].mean() - second[:, column].mean()
        assert away.abs() < 4 * first[:, column].std() * (2 / 300) ** 0.5


def test_unlike_views_are_made_in_two_ways(generator: torch.Generator) -> None:
    config = UnlikeViews(unchanged(), AugmentConfig(flip=1.0))
    given = images(generator, 9, 1, SIDE, SIDE)
    drawn = config.build((1, SIDE, SIDE))(given, generator)
    assert torch.equal(drawn.images[0], given)
    assert torch.equal(drawn.params[:, 0], torch.tensor([UNCHANGED] * 9))
    assert drawn.params[:, 1, FLIP].all()


def test_small_crops_show_less(generator: torch.Generator) -> None:
    config = MultiCrop(sim_clr(), num_small=2, small=(0.05, 0.1))
    given = images(generator, 200, 3, SIDE, SIDE)
    drawn = config.build((3, SIDE, SIDE))(given, generator)
    area = drawn.params[..., 2] * drawn.params[..., 3]
    assert area[:, :2].min() > 0.07
    assert area[:, :2].max() > 0.9
    assert area[:, 2:].min() > 0.04
    assert area[:, 2:].max() < 0.11
    assert {x.shape[-1] for x in drawn.images} == {SIDE}
    wide = MultiCrop(side=0.5).build((1, 10, 16))(
        images(generator, 2, 1, 10, 16), generator
    )
    assert wide.images[-1].shape == (2, 1, 5, 8)


def test_rotations_are_of_one_image_and_by_index(generator: torch.Generator) -> None:
    given = images(generator, 7, 2, SIDE, SIDE)
    drawn = FourRotations(unchanged()).build((2, SIDE, SIDE))(given, generator)
    for k, view in enumerate(drawn.images):
        assert torch.equal(torch.rot90(view, 4 - k, (2, 3)), given)
        assert (drawn.params[:, k, ROTATION] == k).all()
    assert torch.equal(drawn.images[1][..., 0, :], given[..., :, -1])
    same = torch.stack(
        [
            torch.rot90(x, -k, (2, 3))
            for k, x in enumerate(
                FourRotations().build((2, SIDE, SIDE))(given, generator).images
            )
        ]
    )
    assert torch.equal(same, same[:1].expand_as(same))


def test_rotations_need_squares() -> None:
    with pytest.raises(ValueError, match="images of 10x12 pixels cannot be turned"):
        FourRotations().build((1, 10, 12))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MultiCrop(num_small=-1), "num_small must be at least 0"),
        (lambda: MultiCrop(side=0.0), "side must be above 0"),
        (lambda: MultiCrop(small=(0.3, 0.2)), "small must be a least and a greatest"),
        (lambda: TwoViews(AugmentConfig(colors=3)).build((1, 9, 9)), "colors must be"),
    ],
)
def test_impossible_settings_are_refused(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=message):
        make()


def test_the_dial_is_part_of_every_maker() -> None:
    """Weaker augmentation is a change of one number, wherever images come from."""
    weak = TwoViews(replace(AugmentConfig(), strength=0.0)).build((1, SIDE, SIDE))
    strong = TwoViews().build((1, SIDE, SIDE))
    assert weak.chains != strong.chains
