"""Augmentations: what is drawn is what is done, and each image has its own draw."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.views.augment.augmentation import (
    Augmentation,
    Changed,
    augment,
    ranges,
)
from ssl_objectives.views.augment.blur import Blur, blur
from ssl_objectives.views.augment.color import Gray, Jitter, Solarize
from ssl_objectives.views.augment.geometry import (
    Cutout,
    Flip,
    RandomResizedCrop,
    Shift,
    crop,
    flip,
    shift,
)
from ssl_objectives.views.params import BLUR, FLIP, PARAMS, UNCHANGED

H, W = 19, 26
EVERY: list[Augmentation] = [
    RandomResizedCrop(),
    Shift(3),
    Flip(),
    Jitter(hue=0.1),
    Gray(0.5),
    Blur(0.5, (0.01, 0.08)),
    Solarize(0.5),
    Cutout(0.5),
]
NOTHING: list[Augmentation] = [
    RandomResizedCrop((1.0, 1.0), (1.0, 1.0)),
    Shift(0),
    Flip(0.0),
    Jitter(0.0, hue=0.5),
    Gray(0.0),
    Blur(0.0),
    Solarize(0.0),
    Cutout(0.0),
]
CHANNELS = pytest.mark.parametrize("channels", [1, 3, 4, 12])


def names(x: object) -> str:
    return type(x).__name__


def images(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randint(0, 256, shape, generator=generator).to(torch.uint8)


def seeded(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def floats(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.rand(*shape, generator=generator)


@pytest.mark.parametrize(
    "chain",
    [
        *([x] for x in (*EVERY, *NOTHING)),
        EVERY,
        [Flip(1.0), Shift(2), Blur(1.0), RandomResizedCrop((0.1, 0.4), size=(7, 40))],
        [RandomResizedCrop((0.3, 0.9), size=(9, 40)), Blur(), Shift(5), Flip(1.0)],
        [Flip(), Flip(1.0), Jitter(1.0, 1.5, 0.0, 0.3, 0.5, colors=3), Gray(1.0)],
        [RandomResizedCrop((0.5, 0.6), (0.5, 0.8)), RandomResizedCrop((0.5, 1.0))],
    ],
    ids=lambda x: "-".join(map(names, x)),
)
@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_possible_is_what_is_drawn(
    chain: list[Augmentation], channels: int
) -> None:
    """No draw lies outside the ranges, and draws of one number fill them."""
    if channels == 1:
        chain = [replace(x, colors=None) if isinstance(x, Jitter) else x for x in chain]
    drawn = augment(images(seeded(), 800, channels, H, W), chain, seeded()).params
    said = torch.tensor(ranges(chain, (channels, H, W)))
    least, most = drawn.amin(0), drawn.amax(0)
    assert (least >= said[:, 0] - 1e-5).all()
    assert (most <= said[:, 1] + 1e-5).all()
    alone = slice(4, None) if len(chain) > 1 else slice(None)  # boxes within boxes
    wide = said[alone, 1] - said[alone, 0]
    assert ((most - least)[alone] >= 0.85 * wide).all()


@pytest.mark.parametrize("change", NOTHING, ids=names)
@CHANNELS
def test_nothing_changed_leaves_every_bit(
    change: Augmentation, channels: int, generator: torch.Generator
) -> None:
    given = images(generator, 5, channels, H, W)
    made, params = augment(given, [change], generator)
    assert torch.equal(made, given)
    assert torch.equal(params, torch.tensor([UNCHANGED] * 5))


def test_no_augmentations_give_the_images_themselves(
    generator: torch.Generator,
) -> None:
    given = images(generator, 5, 3, H, W)
    assert augment(given, [], generator).images is given
    assert augment(given[:0], EVERY, generator).images.shape == (0, 3, H, W)


@pytest.mark.parametrize("change", EVERY, ids=names)
@CHANNELS
def test_equal_generators_give_equal_views(
    change: Augmentation, channels: int, generator: torch.Generator
) -> None:
    given = images(generator, 40, channels, H, W)
    before = given.clone()
    one, two = (augment(given, [change], seeded()) for _ in range(2))
    other = augment(given, [change], seeded(4))
    assert torch.equal(given, before)
    assert one.images.dtype == torch.uint8
    assert torch.equal(one.images, two.images)
    assert torch.equal(one.params, two.params)
    if channels in (3, 12) or not isinstance(change, Gray):
        assert not torch.equal(one.images, other.images)


@pytest.mark.parametrize("change", EVERY, ids=names)
def test_each_image_has_its_own_draw(
    change: Augmentation, generator: torch.Generator
) -> None:
    """40 copies of one image: not all alike, and the same pixels only if params are."""
    given = images(generator, 1, 3, H, W).expand(40, -1, -1, -1)
    made, params = augment(given, [change], generator)
    different = len(made.flatten(1).unique(dim=0))
    yes_or_no = isinstance(change, Flip | Gray | Solarize)
    assert different == 2 if yes_or_no else different > 15
    if not isinstance(change, Cutout):
        assert len(params.unique(dim=0)) == different


@pytest.mark.parametrize("change", EVERY, ids=names)
@CHANNELS
def test_a_clip_has_one_draw_for_all_frames(
    change: Augmentation, channels: int, generator: torch.Generator
) -> None:
    """Frames that are equal stay so, and become what the single image becomes."""
    given = images(generator, 6, channels, H, W)
    clips = given.unsqueeze(1).expand(-1, 3, -1, -1, -1)
    made = augment(clips, [change], seeded())
    alone = augment(given, [change], seeded())
    assert made.images.shape == (6, 3, channels, H, W)
    assert torch.equal(made.params, alone.params)
    for t in range(3):
        away = made.images[:, t].int() - alone.images.int()
        assert away.abs().max() <= 1  # a mean over equal frames may round otherwise
        assert torch.equal(made.images[:, t], made.images[:, 0])


@pytest.mark.parametrize("change", EVERY, ids=names)
def test_frames_of_a_clip_keep_their_order(
    change: Augmentation, generator: torch.Generator
) -> None:
    clips = images(generator, 4, 2, 3, H, W)
    made = augment(clips, [change], seeded())
    swapped = augment(clips.flip(1), [change], seeded())
    away = made.images.flip(1).int() - swapped.images.int()
    assert away.abs().max() <= 1
    assert not torch.equal(made.images[:, 0], made.images[:, 1])


@pytest.mark.parametrize("change", EVERY, ids=names)
def test_memory_order_does_not_matter(
    change: Augmentation, generator: torch.Generator
) -> None:
    wide = images(generator, 10, H, 2 * W, 3).permute(0, 3, 1, 2)[..., ::2]
    assert not wide.is_contiguous()
    one = augment(wide, [change], seeded())
    two = augment(wide.contiguous(), [change], seeded())
    assert (one.images.int() - two.images.int()).abs().max() <= 1
    assert torch.equal(one.params, two.params)


@pytest.mark.parametrize(
    "chain",
    [
        [RandomResizedCrop((0.3, 0.6))],
        [RandomResizedCrop((0.3, 0.6), size=(11, 13))],
        [Shift(4)],
        [Flip(), Shift(2), RandomResizedCrop((0.3, 0.6))],
        [RandomResizedCrop((0.5, 0.9)), Flip(), RandomResizedCrop((0.5, 0.9)), Flip()],
    ],
    ids=lambda chain: "-".join(names(x) for x in chain),
)
def test_boxes_say_where_pixels_come_from(
    chain: list[Augmentation], generator: torch.Generator
) -> None:
    """The image shows its own coordinates, in steps of 8."""
    ramp = torch.arange(W).mul(8).expand(30, 1, H, W)
    down = torch.arange(H).mul(8).view(H, 1).expand(30, 1, H, W)
    given = torch.cat([ramp, down], 1).to(torch.uint8)
    made, params = augment(given, chain, generator)
    height, width = made.shape[-2:]
    top, left, tall, wide = params[:, :4].T[..., None]
    right = (torch.arange(width) + 0.5) / width
    right = torch.where(params[:, FLIP, None] > 0, 1 - right, right)
    columns = (left + right * wide) * W - 0.5
    rows = (top + (torch.arange(height) + 0.5) / height * tall) * H - 0.5
    # at the image's own edge, half a pixel is missing to interpolate with
    columns, rows = columns.clamp(0, W - 1), rows.clamp(0, H - 1)
    x, y = made.float().unbind(1)
    assert len(params[:, :4].unique(dim=0)) > 25
    assert (x / 8 - columns.unsqueeze(1)).abs().max() < 0.3
    assert (y / 8 - rows.unsqueeze(2)).abs().max() < 0.3


def test_growing_crops_are_those_of_grid_sampling(generator: torch.Generator) -> None:
    clips = floats(generator, 7, 2, 3, H, W)
    size = 0.2 + 0.5 * floats(generator, 7, 2)
    box = torch.cat([(1 - size) * floats(generator, 7, 2), size], 1)
    made = crop(clips, box, (2 * H, W))
    top, left, tall, wide = box.T
    zero = torch.zeros(7)
    rows = [wide, zero, 2 * left + wide - 1, zero, tall, 2 * top + tall - 1]
    theta = torch.stack(rows, 1).view(7, 2, 3)
    grid = nn.functional.affine_grid(theta, [7, 6, 2 * H, W], align_corners=False)
    wanted = nn.functional.grid_sample(
        clips.flatten(1, 2), grid, padding_mode="border", align_corners=False
    )
    torch.testing.assert_close(made.flatten(1, 2), wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [(7, 11), (H, 5), (40, 9)])
def test_shrinking_does_not_alias(
    size: tuple[int, int], generator: torch.Generator
) -> None:
    clips = floats(generator, 4, 1, 3, H, W)
    box = torch.tensor([0.0, 0.0, 1.0, 1.0]).expand(4, 4)
    wanted = nn.functional.interpolate(
        clips[:, 0], size, mode="bilinear", antialias=True
    )
    torch.testing.assert_close(crop(clips, box, size)[:, 0], wanted, rtol=0, atol=1e-5)


def test_shifts_are_those_of_padding_and_cutting(generator: torch.Generator) -> None:
    clips = floats(generator, 9, 2, 3, H, W)
    drawn = torch.tensor([[i, j] for i in (-4, 0, 3) for j in (-2, 0, 4)])
    made = shift(clips, drawn)
    padded = nn.functional.pad(clips.flatten(1, 2), (4, 4, 4, 4), mode="replicate")
    for n, (i, j) in enumerate(drawn.tolist()):
        wanted = padded[n, :, 4 + i : 4 + i + H, 4 + j : 4 + j + W]
        assert torch.equal(made[n].flatten(0, 1), wanted)


def test_flips_mirror_left_to_right(generator: torch.Generator) -> None:
    clips = floats(generator, 2, 1, 1, 2, 3)
    made = flip(clips, torch.tensor([True, False]))
    assert made[0, 0, 0].tolist() == [row[::-1] for row in clips[0, 0, 0].tolist()]
    assert torch.equal(made[1], clips[1])
    twice, params = augment(images(seeded(), 6, 1, H, W), [Flip(1.0)] * 2, generator)
    assert torch.equal(twice, images(seeded(), 6, 1, H, W))
    assert not params[:, FLIP].any()


def test_blur_is_a_gaussian_of_each_clips_own_width(
    generator: torch.Generator,
) -> None:
    sigmas = [0.0, 0.7, 1.6, 30.0]
    clips = floats(generator, 4, 1, 2, H, W)
    made = blur(clips, torch.tensor(sigmas))
    assert torch.equal(made[0], clips[0])
    for n, sigma in enumerate(sigmas[1:3], 1):
        reach = math.floor(3 * sigma)
        away = torch.arange(-reach, reach + 1.0)
        one = (-0.5 * (away / sigma) ** 2).exp()
        kernel = one.outer(one) / one.sum() ** 2
        wanted = nn.functional.conv2d(clips[n].transpose(0, 1), kernel[None, None])
        inner = made[n, :, :, reach : H - reach, reach : W - reach]
        torch.testing.assert_close(inner.transpose(0, 1), wanted, rtol=0, atol=1e-5)
    # as good as a plain mean, on the rows and columns within reach
    assert made[3].std() < 0.1 * clips[3].std()
    constant = torch.full((4, 1, 2, H, W), 0.3)
    torch.testing.assert_close(blur(constant, torch.tensor(sigmas)), constant)


def test_holes_are_gray_squares_of_their_size(generator: torch.Generator) -> None:
    given = torch.full((200, 2, H, W), 255, dtype=torch.uint8)
    made, _ = augment(given, [Cutout(0.5, 0.5)], generator)
    hole = made == 128
    assert torch.equal(hole | (made == 255), torch.ones_like(hole))
    assert torch.equal(hole[:, 0], hole[:, 1])
    tall, wide = hole[:, 0].any(2).sum(1), hole[:, 0].any(1).sum(1)
    assert torch.equal(hole[:, 0].sum((1, 2)), tall * wide)
    assert int(tall.max()) in (9, 10)
    assert int(wide.max()) == 13
    assert 0.35 < (tall > 0).float().mean() < 0.65


def test_draws_are_distributed_as_promised(generator: torch.Generator) -> None:
    """4,000 draws each: means within four standard errors, ranges never left."""
    num = 4000
    given = Changed(torch.zeros(num, 1, 3, 8, 8), torch.tensor([UNCHANGED] * num))
    chain = [
        RandomResizedCrop((0.1, 0.6), (0.8, 1.25)),
        Flip(0.3),
        Jitter(0.6, 0.5, 1.5, 0.2, 0.1),
        Gray(0.25),
        Blur(0.5, (0.1, 0.2)),
        Solarize(0.1),
    ]
    for change in chain:
        given = change(given, generator)
    column = dict(zip(PARAMS, given.params.T, strict=True))

    def share(x: Tensor, wanted: float) -> None:
        error = (wanted * (1 - wanted) / len(x)) ** 0.5
        assert abs(x.float().mean() - wanted) < 4 * error

    def uniform(x: Tensor, low: float, high: float) -> None:
        assert low - 1e-5 <= x.min() <= x.max() <= high + 1e-5
        error = (high - low) / (12 * len(x)) ** 0.5
        assert abs(x.mean() - (low + high) / 2) < 4 * error
        assert abs(x.std() * 12**0.5 / (high - low) - 1) < 0.05

    uniform(column["height"] * column["width"], 0.1, 0.6)
    uniform((column["width"] / column["height"]).log(), math.log(0.8), math.log(1.25))
    uniform(column["top"] / (1 - column["height"]), 0, 1)
    uniform(column["left"] / (1 - column["width"]), 0, 1)
    share(column["flip"], 0.3)
    share(column["gray"], 0.25)
    share(column["solarize"], 0.1)
    share(column["blur"] > 0, 0.5)
    uniform(column["blur"][column["blur"] > 0], 0.8, 1.6)
    jittered = column["brightness"] != 1
    share(jittered, 0.6)
    uniform(column["brightness"][jittered], 0.5, 1.5)
    uniform(column["contrast"][jittered], 0.0, 2.5)
    uniform(column["saturation"][jittered], 0.8, 1.2)
    uniform(column["hue"][jittered], -0.1, 0.1)
    for name in ("contrast", "saturation"):
        assert (column[name][~jittered] == 1).all()
    assert not column["hue"][~jittered].any()
    together = torch.stack([column[x] for x in PARAMS if x != "rotation"])
    together = together[:, jittered & (column["blur"] > 0)]
    apart = torch.corrcoef(together[[0, 4, 5, 6, 7, 8, 9, 10, 11]]).fill_diagonal_(0)
    assert apart.abs().max() < 4 * together.shape[1] ** -0.5


def test_long_boxes_are_cut_off_at_the_image(generator: torch.Generator) -> None:
    given = Changed(torch.zeros(500, 1, 1, 8, 8), torch.tensor([UNCHANGED] * 500))
    made = RandomResizedCrop((0.9, 1.0), (0.25, 4.0))(given, generator)
    top, left, tall, wide = made.params[:, :4].T
    assert (tall == 1).any()
    assert (wide == 1).any()
    assert min(top.min(), left.min()) >= 0
    assert max((top + tall).max(), (left + wide).max()) <= 1 + 1e-6


def test_blur_grows_with_the_image(generator: torch.Generator) -> None:
    for side in (20, 60):
        given = images(generator, 50, 1, 10, side)
        sigma = augment(given, [Blur(1.0, (0.05, 0.05))], generator).params[:, BLUR]
        torch.testing.assert_close(sigma, torch.full((50,), 0.05 * side))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RandomResizedCrop((0.0, 0.5)), "scale must lie above 0"),
        (lambda: RandomResizedCrop((0.5, 1.5)), "at most at 1"),
        (lambda: RandomResizedCrop((0.5, 0.4)), "scale must be a least and a greatest"),
        (lambda: RandomResizedCrop(ratio=(0.0, 1.0)), "ratio above 0"),
        (lambda: Shift(-1), "pixels must be at least 0"),
        (lambda: Flip(1.1), "probability must be between 0 and 1"),
        (lambda: Cutout(side=2.0), "side must be between 0 and 1"),
        (lambda: Blur(sigma=(2.0, 1.0)), "sigma must be a least and a greatest"),
        (lambda: Jitter(brightness=-0.1), "brightness must be"),
        (lambda: Jitter(hue=0.6), "hue must be"),
        (lambda: Gray(-1.0), "probability must be"),
        (lambda: Solarize(3.0), "probability must be"),
    ],
)
def test_impossible_settings_are_refused(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=message):
        make()
