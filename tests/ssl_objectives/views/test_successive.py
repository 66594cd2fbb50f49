"""Views that are frames of an episode: which is which, and a draw for each."""

import pytest
import torch
from torch import Tensor

from ssl_objectives.branches import Branches
from ssl_objectives.methods.contrast.atc import AtcConfig
from ssl_objectives.methods.dense.local_global import backwards_in_time
from ssl_objectives.objective import Sizes, Views
from ssl_objectives.views.augment.preset import AugmentConfig, shifted, unchanged
from ssl_objectives.views.maker import TwoViews
from ssl_objectives.views.params import FLIP, PARAMS, UNCHANGED
from ssl_objectives.views.successive import LaterTarget, SuccessiveViews

SHAPE = (3, 14, 12)
Config = type[SuccessiveViews] | type[LaterTarget]
BOTH = pytest.mark.parametrize("config", [SuccessiveViews, LaterTarget])


def clips(generator: torch.Generator, num: int = 20) -> Tensor:
    return torch.randint(256, (num, 2, *SHAPE), generator=generator).byte()


def test_time_order_and_later_first(generator: torch.Generator) -> None:
    given = clips(generator)
    drawn = SuccessiveViews(4, unchanged()).build(SHAPE)(given, generator)
    assert [torch.equal(x, given[:, i]) for i, x in enumerate(drawn.images)] == [
        True
    ] * 2
    assert drawn.num_targets == 2
    drawn = LaterTarget(4, unchanged()).build(SHAPE)(given, generator)
    assert torch.equal(drawn.images[0], given[:, 1])
    assert torch.equal(drawn.images[1], given[:, 0])
    assert drawn.num_targets == 1
    assert torch.equal(drawn.params, torch.tensor(UNCHANGED).expand(20, 2, -1))


def test_st_dim_looks_from_the_later_frame_to_the_one_before() -> None:
    views = Views.of(torch.zeros(4, 2), torch.ones(4, 2))
    assert backwards_in_time(views) == [(1, 0)]  # a query of view 1, in time order


def test_the_later_frame_is_what_the_earlier_one_predicts(
    generator: torch.Generator,
) -> None:
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(504, 5))
    branches = Branches(network, torch.nn.Identity(), None, AtcConfig().build(Sizes(5)))
    given = clips(generator)
    drawn = LaterTarget(3, unchanged()).build(SHAPE)(given, generator)
    images = [x.float() / 255 for x in drawn.images]
    views = branches.views(images, num_targets=drawn.num_targets)
    [(query, target)] = views.pairs
    assert views.t[query] is None
    anchor, later = (network(given[:, i].float() / 255) for i in range(2))
    torch.testing.assert_close(views.p[query], anchor)
    torch.testing.assert_close(views.t[target], later.detach())


@BOTH
def test_each_frame_has_a_draw_of_its_own_and_params_tell_it(
    config: Config, generator: torch.Generator
) -> None:
    augment = AugmentConfig(crop=1.0, flip=0.5, jitter=0.0, gray=0.0)
    same = clips(generator, 200)
    same[:, 1] = same[:, 0]  # whatever differs, the draw did
    drawn = config(1, augment).build(SHAPE)(same, generator)
    flipped = drawn.params[..., FLIP] > 0
    assert drawn.params.shape == (200, 2, len(PARAMS))
    assert (flipped[:, 0] != flipped[:, 1]).float().mean().item() == pytest.approx(
        0.5, abs=0.15
    )
    for view, where in zip(drawn.images, flipped.unbind(1), strict=True):
        want = torch.where(where.view(-1, 1, 1, 1), same[:, 0].flip(-1), same[:, 0])
        assert torch.equal(view, want)


@BOTH
def test_equal_generators_give_equal_views(
    config: Config, generator: torch.Generator
) -> None:
    given, make = clips(generator), config().build(SHAPE)
    before = given.clone()
    one, two, other = (
        make(given, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(given, before)
    for a, b, c in zip(one.images, two.images, other.images, strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)


@BOTH
def test_they_reach_as_far_as_two_views_of_one_image(config: Config) -> None:
    for augment in (AugmentConfig(), shifted(3)):
        assert (
            config(2, augment).build(SHAPE).reach
            == TwoViews(augment).build(SHAPE).reach
        )


@BOTH
def test_it_says_how_far_apart_its_frames_are(config: Config) -> None:
    assert config(7).build(SHAPE).apart == 7
    assert TwoViews().build(SHAPE).apart == 0
    for apart in (0, -1):
        with pytest.raises(ValueError, match=f"apart must be at least 1, not {apart}"):
            config(apart)


@BOTH
@pytest.mark.parametrize("frames", [(), (1,), (3,)])
def test_other_images_are_refused(
    config: Config, frames: tuple[int, ...], generator: torch.Generator
) -> None:
    images = torch.zeros(4, *frames, *SHAPE, dtype=torch.uint8)
    with pytest.raises(ValueError, match=r"need clips \[N, 2, C, H, W\]"):
        config().build(SHAPE)(images, generator)
