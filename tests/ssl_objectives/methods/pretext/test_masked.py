"""MAE and I-JEPA against loops from their equations, and what may reach what."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.branches import Branches
from ssl_objectives.check.objective import check_objective
from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.encoders.patches import blackened, is_kept
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.encoders.vit import ViTConfig
from ssl_objectives.methods.pretext.masked import (
    IJepaConfig,
    MaeConfig,
    MaskedPrediction,
    PatchPixels,
)
from ssl_objectives.objective import Needs, ObjectiveConfig, Sizes, TargetKind, Views
from ssl_objectives.parts.masked_predictor import MaskedPredictorConfig
from ssl_objectives.parts.masking import RandomPatches
from ssl_objectives.zoo import ZOO
from tests.shapes import rounds

N, C, SIDE, PATCH = 5, 2, 20, 5
GRID = (4, 4)
NARROW = MaskedPredictorConfig(width=8, depth=1, heads=2)
CONFIGS: dict[str, ObjectiveConfig] = {
    "mae": MaeConfig(decoder=NARROW),
    "i-jepa": IJepaConfig(predictor=NARROW),
}
BOTH = pytest.mark.parametrize("name", CONFIGS)
VIT = ViTConfig(patch=PATCH, width=12, depth=1, heads=2, precision=Precision.FLOAT32)


def images(generator: torch.Generator) -> Tensor:
    return torch.randint(256, (N, C, SIDE, SIDE), generator=generator).byte()


def branches(name: str, steps: int = 0) -> Branches:
    torch.manual_seed(0)
    method = replace(ZOO[name], objective=CONFIGS[name])
    encoder = VIT.build((C, SIDE, SIDE))
    sizes = Sizes(
        encoder.size, maps=encoder.maps_shape, image=(C, SIDE, SIDE), steps=steps
    )
    made = method.build(encoder, sizes)
    with torch.no_grad():
        for x in made.parameters():
            x.add_(0.1 * torch.randn_like(x))
    return made


def given(
    made: Branches, pixels: Tensor, valid: Tensor | None = None
) -> tuple[Tensor, Views]:
    """The loss of each row, and what it was taken of."""
    extra = {"image": pixels.unsqueeze(1)}
    views = made.views([pixels], valid, torch.arange(N) + 3, extra=extra)
    loss = made.objective(views)
    assert not loss.regularizer.any()
    return loss.per_sample, views


def there(x: Tensor | None) -> Tensor:
    assert x is not None
    return x


def objective(made: Branches) -> MaskedPrediction:
    assert isinstance(made.objective, MaskedPrediction)
    return made.objective


def patch_of(pixels: Tensor, n: int, place: int) -> list[float]:
    """Pixels in [0, 1], channel by channel."""
    y, x = PATCH * (place // 4), PATCH * (place % 4)
    return [
        pixels[n, c, y + i, x + j].item() / 255
        for c in range(C)
        for i in range(PATCH)
        for j in range(PATCH)
    ]


def standardized(row: list[float], unbiased: bool, eps: float) -> list[float]:
    mean = sum(row) / len(row)
    variance = sum((x - mean) ** 2 for x in row) / (len(row) - unbiased)
    return [(x - mean) / math.sqrt(variance + eps) for x in row]


def told(made: Branches, views: Views, n: int, wanted: Tensor) -> list[list[float]]:
    """The predictor's answers for one question of one image."""
    own, row = objective(made), views.row
    assert row is not None
    [maps] = views.maps
    assert maps is not None
    seen = own.visible(row)[n : n + 1]
    tokens = torch.stack([maps[n].flatten(1)[:, k] for k in seen[0]])[None]
    answers: Tensor = own.predictor(tokens, seen, wanted[None], GRID)
    found: list[list[float]] = answers[0].tolist()
    return found


@torch.no_grad()
def test_mae_is_the_error_of_hidden_patches(generator: torch.Generator) -> None:
    pixels, made = images(generator), branches("mae")
    for _ in range(2):
        loss, views = given(made, pixels)
        own = objective(made)
        assert views.row is not None
        masks = own.masking.draw(views.row, GRID, own.counter)
        for n in range(N):
            [hidden] = masks.wanted[n]
            assert len(hidden) == 12
            errors = []
            for place, answer in zip(
                hidden.tolist(), told(made, views, n, hidden), strict=True
            ):
                want = standardized(patch_of(pixels, n, place), True, 1e-6)
                each = [(a - b) ** 2 for a, b in zip(answer, want, strict=True)]
                errors.append(sum(each) / len(each))
            assert loss[n].item() == pytest.approx(sum(errors) / 12, rel=1e-4)
        own.observe(views)


@torch.no_grad()
def test_mae_may_tell_pixels_as_they_are(generator: torch.Generator) -> None:
    pixels, made = images(generator), branches("mae")
    plain = MaeConfig(standardized=False, decoder=NARROW).build(
        Sizes(12, maps=(12, *GRID), image=(C, SIDE, SIDE))
    )
    plain.load_state_dict(made.objective.state_dict())
    _, views = given(made, pixels)
    loss = plain(views).per_sample
    assert views.row is not None
    masks = plain.masking.draw(views.row, GRID, plain.counter)
    [hidden] = masks.wanted[0]
    want = torch.tensor([patch_of(pixels, 0, x) for x in hidden.tolist()])
    found = torch.tensor(told(made, views, 0, hidden))
    assert loss[0].item() == pytest.approx((found - want).square().mean().item(), 1e-4)


def test_patches_of_nearly_one_colour_show_the_official_eps() -> None:
    """One pixel of 50 a byte brighter: a variance of 3e-7, below eps."""
    pixels = torch.full((1, 1, C, SIDE, SIDE), 128, dtype=torch.uint8)
    pixels[..., 3, 8] += 1  # place 1
    z = (torch.zeros(1, 4),)
    views = Views(z, z, z, ((0, 0),), extra={"image": pixels})
    found = PatchPixels().target(views, GRID)
    assert found.shape == (1, 16, C * PATCH**2)
    assert not found[:, 0].any()
    wanted = standardized(patch_of(pixels[:, 0], 0, 1), True, 1e-6)
    torch.testing.assert_close(found[0, 1], torch.tensor(wanted), rtol=1e-3, atol=1e-4)


@torch.no_grad()
def test_i_jepa_is_the_smooth_error_of_a_slow_copys_features(
    generator: torch.Generator,
) -> None:
    pixels, made = images(generator), branches("i-jepa")
    assert made.target is not None
    for x in made.target.parameters():
        x.add_(0.3 * torch.randn(x.shape, generator=generator))
    loss, views = given(made, pixels)
    copy = made.target.network[0]  # type: ignore[index]  # encoder, projector
    assert isinstance(copy, Encoder)
    features = copy.feature_map(pixels).flatten(2)
    own = objective(made)
    assert views.row is not None
    masks = own.masking.draw(views.row, GRID, own.counter)
    for n in range(N):
        blocks = []
        for block in masks.wanted[n]:
            errors = []
            for place, answer in zip(
                block.tolist(), told(made, views, n, block), strict=True
            ):
                want = standardized(features[n, :, place].tolist(), False, 1e-5)
                for a, b in zip(answer, want, strict=True):
                    d = abs(a - b)
                    errors.append(d * d / 2 if d < 1 else d - 0.5)
            blocks.append(sum(errors) / len(errors))
        assert len(blocks) == 4
        assert loss[n].item() == pytest.approx(sum(blocks) / 4, rel=1e-4)


@BOTH
@torch.no_grad()
def test_the_encoder_is_not_told_what_is_hidden(
    name: str, generator: torch.Generator
) -> None:
    """Pixels of hidden patches reach neither tokens nor latents, only the aim."""
    made, pixels, others = branches(name), images(generator), images(generator)
    _, views = given(made, pixels)
    assert views.row is not None
    seen = objective(made).visible(views.row)
    changed = blackened(pixels, seen, GRID) + (others - blackened(others, seen, GRID))
    _, after = given(made, changed)
    assert torch.equal(there(views.maps[0]), there(after.maps[0]))
    assert torch.equal(there(views.z[0]), there(after.z[0]))
    if name == "i-jepa":  # the copy sees whole images
        assert not torch.equal(there(views.aims[0]), there(after.aims[0]))


@torch.no_grad()
def test_maes_aim_is_not_of_what_is_seen(generator: torch.Generator) -> None:
    """With equal tokens, pixels of seen patches make no difference to the loss."""
    made, pixels, others = branches("mae"), images(generator), images(generator)
    loss, views = given(made, pixels)
    assert views.row is not None
    seen = objective(made).visible(views.row)
    kept = is_kept(seen, GRID).repeat_interleave(PATCH, 1).repeat_interleave(PATCH, 2)
    at_seen = torch.where(kept.unsqueeze(1), others, pixels)
    same = replace(views, extra={"image": at_seen.unsqueeze(1)})
    assert torch.equal(made.objective(same).per_sample, loss)
    at_hidden = torch.where(kept.unsqueeze(1), pixels, others)
    other = replace(views, extra={"image": at_hidden.unsqueeze(1)})
    assert not torch.equal(made.objective(other).per_sample, loss)


@BOTH
def test_gradient_reaches_encoder_and_predictor_and_no_aim(
    name: str, generator: torch.Generator
) -> None:
    made, pixels = branches(name), images(generator)
    loss, views = given(made, pixels)
    loss.mean().backward()
    for key, x in (
        *made.encoder.named_parameters(),
        *objective(made).predictor.named_parameters(),
    ):
        assert x.grad is not None, key
        assert x.grad.any(), key
    assert all(x is None or not x.requires_grad for x in views.aims)
    if made.target is not None:
        assert all(x.grad is None for x in made.target.parameters())


@BOTH
def test_needs(name: str) -> None:
    needs: Needs = objective(branches(name)).needs
    assert needs.rows
    assert needs.masked
    assert needs.views == (1, 1)
    assert needs.target is (TargetKind.EMA if name == "i-jepa" else TargetKind.SHARED)


def test_mae_learns_to_go_on_with_what_it_sees(generator: torch.Generator) -> None:
    """Stripes: a quarter of the patches says how all the others look."""
    torch.manual_seed(0)
    encoder = ViTConfig(
        patch=4, width=32, depth=1, heads=2, precision=Precision.FLOAT32
    )
    built = encoder.build((1, 16, 16))
    config = MaeConfig(decoder=MaskedPredictorConfig(32, 1, 2))
    sizes = Sizes(built.size, maps=built.maps_shape, image=(1, 16, 16))
    made = replace(ZOO["mae"], objective=config).build(built, sizes)
    optimizer = torch.optim.Adam(
        [x for x in made.parameters() if x.requires_grad], 3e-3, fused=True
    )
    losses = []
    for step in rounds(250):
        shift = torch.randint(4, (48, 1, 1, 1), generator=generator)
        lit = (torch.arange(16) + shift) % 4 < 2
        pixels = (255 * lit).byte().expand(-1, 1, 16, 16)
        loss, _ = made.loss(
            [pixels], row=torch.arange(48), extra={"image": pixels.unsqueeze(1)}
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        made.after_update()
        losses.append(loss.item())
        assert made.counter.steps == step + 1
    assert losses[0] > 0.8  # pixels have variance 1
    assert sum(losses[-10:]) / 10 < 0.2


def test_what_cannot_be_is_refused(generator: torch.Generator) -> None:
    with pytest.raises(ValueError, match="MAE hides places of feature maps"):
        MaeConfig().build(Sizes(4, image=(1, 8, 8)))
    with pytest.raises(ValueError, match="give their shape"):
        MaeConfig().build(Sizes(4, maps=(3, 2, 2)))
    with pytest.raises(ValueError, match="9x8 pixels are not cut into 2x2 patches"):
        MaeConfig().build(Sizes(4, maps=(3, 2, 2), image=(1, 9, 8)))
    with pytest.raises(ValueError, match="I-JEPA hides places of feature maps"):
        IJepaConfig().build(Sizes(4))
    with pytest.raises(ValueError, match="too few for blocks"):
        IJepaConfig().build(Sizes(4, maps=(3, 1, 1)))
    made, pixels = branches("mae"), images(generator)
    with pytest.raises(ValueError, match="give their ids as `row`"):
        made.views([pixels], extra={"image": pixels.unsqueeze(1)})


@BOTH
def test_contract(name: str) -> None:
    check_objective(CONFIGS[name].build)


def test_the_share_that_is_hidden_can_be_chosen() -> None:
    config = MaeConfig(RandomPatches(0.5), NARROW)
    made = config.build(Sizes(4, maps=(12, *GRID), image=(C, SIDE, SIDE)))
    assert made.visible(torch.arange(3)).shape == (3, 8)
    assert isinstance(made.predictor, nn.Module)
