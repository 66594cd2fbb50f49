"""Modalities: what each encoder sees, and that nothing passes between them."""

import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.branches import Branches
from ssl_objectives.encoders.cnn import ImpalaConfig, NatureConfig
from ssl_objectives.encoders.encoder import EncoderConfig
from ssl_objectives.encoders.heads import Mlp, Straight
from ssl_objectives.encoders.modalities import (
    Change,
    FrameDifference,
    LumaChroma,
    Modalities,
    ModalitiesConfig,
    PerModality,
    RgbDepth,
)
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.methods.memory.instance import CmcConfig, CrossViewConfig
from ssl_objectives.objective import Sizes

TINY = ImpalaConfig(6, (3, 4), Precision.FLOAT32)


def images(generator: torch.Generator, channels: int, num: int = 5) -> Tensor:
    shape = (num, channels, 12, 13)
    return torch.randint(256, shape, generator=generator, dtype=torch.uint8)


def mixed(modalities: Modalities, image: Tensor) -> list[Tensor]:
    return [mix(image / 255) for mix in modalities.mixes(image.shape[1])]


def test_brightness_and_colour_are_those_of_jpeg(generator: torch.Generator) -> None:
    image = images(generator, 3)
    luma, chroma = mixed(LumaChroma(), image)
    red, green, blue = (image / 255).unbind(1)
    bright = 0.299 * red + 0.587 * green + 0.114 * blue
    torch.testing.assert_close(luma[:, 0], bright)
    torch.testing.assert_close(chroma[:, 0], 0.5 + (blue - bright) / 1.772)
    torch.testing.assert_close(chroma[:, 1], 0.5 + (red - bright) / 1.402)


def test_grey_has_no_colour_and_all_fits_between_0_and_1() -> None:
    grey = torch.arange(0, 256, 5, dtype=torch.uint8).repeat(3, 1)[None, :, :, None]
    luma, chroma = mixed(LumaChroma(), grey)
    torch.testing.assert_close(luma, grey[:, :1] / 255)
    torch.testing.assert_close(chroma, torch.full_like(chroma, 0.5))
    corners = torch.cartesian_prod(*[torch.tensor([0, 255])] * 3).byte()
    for mix in mixed(LumaChroma(), corners.T[None, :, :, None]):
        assert mix.min() >= -1e-6
        assert mix.max() <= 1 + 1e-6


def test_depth_is_apart_from_colour(generator: torch.Generator) -> None:
    image = images(generator, 4)
    color, depth = mixed(RgbDepth(), image)
    torch.testing.assert_close(color, image[:, :3] / 255)
    torch.testing.assert_close(depth, image[:, 3:] / 255)


@pytest.mark.parametrize("channels", [2, 6])
def test_a_difference_is_what_changed(
    channels: int, generator: torch.Generator
) -> None:
    image = images(generator, channels)
    old, new = (image / 255).chunk(2, 1)
    frame, change = mixed(FrameDifference(), image)
    torch.testing.assert_close(frame, new)
    torch.testing.assert_close(change, (1 + new - old) / 2)


@pytest.mark.parametrize("channels", [2, 6])
def test_a_change_is_the_newer_frame_less_the_older(
    channels: int, generator: torch.Generator
) -> None:
    image = images(generator, channels)
    (change,) = mixed(Change(), image)
    old, new = (image / 255).chunk(2, 1)
    assert torch.equal(change, new - old)  # products with 0 and 1 are exact


@pytest.mark.parametrize("channels", [2, 6])
def test_before_a_background_that_lasts_a_change_shows_the_dot_alone(
    channels: int, generator: torch.Generator
) -> None:
    """Latents are equal whatever the background, bit for bit where it is flat."""
    torch.manual_seed(0)
    encoder = ModalitiesConfig(TINY, Change()).build((channels, 12, 13))
    half = channels // 2
    dot = torch.zeros(2, 5, half, 12, 13, dtype=torch.uint8)
    for i in range(5):
        dot[0, i, :, 2 * i : 2 * i + 2, 3] = 100
        dot[1, i, :, 2 * i : 2 * i + 2, 4 + i] = 100
    made = []
    for _ in range(3):
        behind = torch.randint(0, 156, (1, half, 12, 13), generator=generator).byte()
        made.append(encoder(torch.cat([dot[0] + behind, dot[1] + behind], 1)))
    torch.testing.assert_close(made[1], made[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(made[2], made[0], rtol=1e-4, atol=1e-5)
    assert (made[0][1:] - made[0][:-1]).abs().amax(-1).min() > 1e-3
    still = torch.cat([dot[0], dot[0]], 1)
    assert (encoder(still) - encoder(0 * still)).abs().max() < 1e-6


def build(generator: torch.Generator) -> tuple[nn.Module, Tensor]:
    torch.manual_seed(0)
    config = ModalitiesConfig(TINY, RgbDepth())
    return config.build((4, 12, 13)), images(generator, 4)


def test_latents_of_one_modality_know_nothing_of_the_other(
    generator: torch.Generator,
) -> None:
    encoder, image = build(generator)
    assert encoder.size == 12
    before = encoder(image)
    assert before.shape == (5, 12)
    no_depth, no_color = image.clone(), image.clone()
    no_depth[:, 3:], no_color[:, :3] = 0, 0
    after = encoder(no_depth)
    assert torch.equal(after[:, :6], before[:, :6])
    assert (after[:, 6:] != before[:, 6:]).any(-1).all()
    after = encoder(no_color)
    assert (after[:, :6] != before[:, :6]).any(-1).all()
    assert torch.equal(after[:, 6:], before[:, 6:])


def test_each_is_the_encoder_it_is_made_of(generator: torch.Generator) -> None:
    """The same weights in an encoder of depth alone give the same latents."""
    encoder, image = build(generator)
    alone = TINY.build((1, 12, 13))
    alone.body.load_state_dict(encoder.body.bodies[1].state_dict())  # type: ignore
    alone.head.load_state_dict(encoder.pool.heads[1].state_dict())  # type: ignore
    torch.testing.assert_close(encoder(image)[:, 6:], alone(image[:, 3:]))


def test_images_may_have_any_batch_axes(generator: torch.Generator) -> None:
    encoder, image = build(generator)
    stacked = image[:4].view(2, 1, 2, 4, 12, 13)
    torch.testing.assert_close(encoder(stacked).view(4, 12), encoder(image[:4]))
    latent, maps = encoder.with_maps(image)  # type: ignore[operator]
    torch.testing.assert_close(latent, encoder(image))
    assert maps.shape[:2] == (5, 8)
    assert maps.isfinite().all()


def test_config_and_state_make_it_again(generator: torch.Generator) -> None:
    encoder, image = build(generator)
    config: EncoderConfig = ModalitiesConfig(TINY, RgbDepth())
    again = config.build((4, 12, 13))
    again.load_state_dict(encoder.state_dict())
    assert torch.equal(again(image), encoder(image))
    assert not any("mix" in key for key in encoder.state_dict())


def test_a_head_per_modality_makes_a_view_of_each(generator: torch.Generator) -> None:
    config = PerModality(Mlp(size=7, hidden=9), 3)
    assert config.outputs(12) == 7
    head, latent = config.build(12), torch.randn(5, 12, generator=generator)
    rows = head(latent)
    assert [x.shape for x in rows] == [(5, 7)] * 3
    for i in range(3):
        torch.testing.assert_close(rows[i], head.heads[i](latent[:, 4 * i : 4 * i + 4]))
    first, second = PerModality(Straight()).build(12)(latent)
    assert torch.equal(torch.cat([first, second], 1), latent)
    assert PerModality(Straight()).outputs(12) == 6


def test_a_head_for_latents_that_cannot_be_divided() -> None:
    with pytest.raises(ValueError, match="latents of 13 numbers"):
        PerModality().build(13)
    with pytest.raises(ValueError, match="num must be"):
        PerModality(num=0)


@pytest.mark.parametrize(
    ("modalities", "channels", "message"),
    [
        (LumaChroma(), 4, "of 3 channels"),
        (RgbDepth(), 3, "are 4 channels"),
        (FrameDifference(), 3, "even number"),
        (FrameDifference(), 0, "even number"),
        (Change(), 3, "between two frames, an even number"),
        (Change(), 1, "between two frames, an even number"),
        (Change(), 0, "between two frames, an even number"),
    ],
)
def test_images_without_these_modalities(
    modalities: LumaChroma | RgbDepth | FrameDifference | Change,
    channels: int,
    message: str,
) -> None:
    with pytest.raises(ValueError, match=message):
        ModalitiesConfig(TINY, modalities).build((channels, 12, 13))


def test_images_too_small_are_refused() -> None:
    with pytest.raises(ValueError, match="too small"):
        ModalitiesConfig(NatureConfig(8), RgbDepth()).build((4, 12, 13))


@pytest.mark.parametrize("objective", [CmcConfig(negatives=None), CrossViewConfig()])
def test_cmc_finds_what_modalities_have_in_common(
    objective: CmcConfig | CrossViewConfig, generator: torch.Generator
) -> None:
    """Depth shows the same place as colour does: one image, two views, one step."""
    encoder, image = build(generator)
    projector = PerModality(Mlp(size=7, hidden=9)).build(12)
    built = objective.build(Sizes(latent=7, rows=20))
    branches = Branches(encoder, projector, None, built)
    ids = torch.tensor([3, 19, 0, 7, 8])
    views = branches.views([image], row=ids)
    assert views.pairs == ((0, 1), (1, 0))
    optimizer = torch.optim.Adam(branches.parameters(), 1e-2)
    losses = []
    for _ in range(25):
        loss, _ = branches.loss([image], row=ids)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        branches.after_update()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
