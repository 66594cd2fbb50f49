"""VICRegL against loops from its equations; matches by place and by feature."""

import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.check.objective import check_objective
from ssl_objectives.methods.dense.vicregl import (
    VicRegL,
    VicRegLConfig,
    locations,
    nearest,
)
from ssl_objectives.objective import Sizes, Views
from ssl_objectives.views.augment.geometry import Flip, RandomResizedCrop
from ssl_objectives.views.maker import ChainViews
from ssl_objectives.views.params import FLIP, UNCHANGED

N, D, F, GRID = 6, 4, 3, (2, 3)
BOTH = ((0, 1), (1, 0))


def draw(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def unchanged(views: int) -> Tensor:
    return torch.tensor(UNCHANGED).double().expand(N, views, -1).clone()


def crops(generator: torch.Generator, views: int) -> Tensor:
    """Params of random boxes, half of them mirrored."""
    params = unchanged(views)
    box = torch.rand(N, views, 4, generator=generator, dtype=torch.float64)
    params[..., 2:4] = 0.3 + 0.6 * box[..., 2:]
    params[..., :2] = (1 - params[..., 2:4]) * box[..., :2]
    params[..., FLIP] = (box[..., 0] > 0.5).double()
    return params


def two(
    generator: torch.Generator, params: Tensor, valid: Tensor | None = None
) -> Views:
    z = draw(generator, N, D), draw(generator, N, D)
    maps = draw(generator, N, F, *GRID), draw(generator, N, F, *GRID)
    return Views(z, z, z, BOTH, valid, maps=maps, extra={"params": params})


def place(params: list[float], y: int, x: int, image: tuple[int, int]) -> list[float]:
    """The middle of a place, in pixels of the image."""
    top, left, height, width = params[:4]
    if params[FLIP]:
        x = GRID[1] - 1 - x
    down = top + height * (y + 0.5) / GRID[0]
    right = left + width * (x + 0.5) / GRID[1]
    return [down * image[0], right * image[1]]


def distance(a: Sequence[float], b: Sequence[float]) -> float:
    return math.dist(a, b)


def best(
    one: list[list[float]], other: list[list[float]], number: int
) -> list[tuple[int, int]]:
    """Each with its nearest; of these the nearest."""
    found = []
    for i, a in enumerate(one):
        away = [distance(a, b) for b in other]
        found.append((min(away), i, away.index(min(away))))
    return [(i, j) for _, i, j in sorted(found)[:number]]


def vicreg(one: list[Tensor], two: list[Tensor]) -> float:
    """Of N rows: `25 mse + 25 mean hinge + mean cov²/D`, one after the other."""
    total = 0.0
    size = len(one[0])
    for a, b in zip(one, two, strict=True):
        total += 25 * sum((a[d] - b[d]).item() ** 2 for d in range(size))
    total /= len(one) * size
    for rows in (one, two):
        x = torch.stack(rows)
        mean = [sum(r[d].item() for r in rows) / len(rows) for d in range(size)]
        cov = [
            [
                sum((r[i].item() - mean[i]) * (r[j].item() - mean[j]) for r in rows)
                / (len(x) - 1)
                for j in range(size)
            ]
            for i in range(size)
        ]
        hinge = [max(0.0, 1 - (cov[d][d] + 1e-4) ** 0.5) for d in range(size)]
        off = sum(cov[i][j] ** 2 for i in range(size) for j in range(size) if i != j)
        total += 25 * sum(hinge) / size / 2 + off / size / 2
    return total


def naive(views: Views, matches: tuple[int, int], image: tuple[int, int]) -> float:
    """The official code's loops, with places as they are."""
    params = views.extra["params"].tolist()
    maps = [m for m in views.maps if m is not None]
    rows = [
        [[m[n, :, y, x] for y in range(2) for x in range(3)] for n in range(N)]
        for m in maps
    ]
    where = [
        [
            [place(params[n][v], y, x, image) for y in range(2) for x in range(3)]
            for n in range(N)
        ]
        for v in range(2)
    ]
    local = 0.0
    for a, b in BOTH:
        for (s, t), number in (((a, b), matches[0]), ((b, a), matches[1])):
            for by_place in (True, False):
                pairs = [
                    best(where[s][n], where[t][n], number)
                    if by_place
                    else best(
                        [r.tolist() for r in rows[s][n]],
                        [r.tolist() for r in rows[t][n]],
                        number,
                    )
                    for n in range(N)
                ]
                each = [
                    vicreg(
                        [rows[s][n][pairs[n][m][0]] for n in range(N)],
                        [rows[t][n][pairs[n][m][1]] for n in range(N)],
                    )
                    for m in range(number)
                ]
                local += sum(each) / number / 2
    whole = [z for z in views.z if z is not None]
    return 0.75 * vicreg(list(whole[0]), list(whole[1])) + 0.25 * local / 2


def test_the_loss_equals_loops_from_the_equations(generator: torch.Generator) -> None:
    views = two(generator, crops(generator, 2))
    objective = VicRegL(nn.Identity(), matches=(4, 2), image=(20, 30))
    want = naive(views, (4, 2), (20, 30))
    assert objective(views).mean().item() == pytest.approx(want)


def test_places_of_equal_views_match_themselves(generator: torch.Generator) -> None:
    """And of mirrored ones those on the other side."""
    same = locations(unchanged(1)[:, 0], GRID)
    matches = nearest(same, same, 6)
    for own, other in zip(matches.own.tolist(), matches.other.tolist(), strict=True):
        assert sorted(own) == list(range(6))
        assert own == other
    mirrored = unchanged(1)[:, 0]
    mirrored[:, FLIP] = 1
    matches = nearest(same, locations(mirrored, GRID), 6)
    for own, other in zip(matches.own.tolist(), matches.other.tolist(), strict=True):
        assert [3 * (x // 3) + 2 - x % 3 for x in own] == other


def test_matched_places_show_the_same_pixels(generator: torch.Generator) -> None:
    """Through the augmentations themselves: a ramp of gray says where a place lies."""
    ramp = torch.arange(0, 240, 5).byte().expand(48, 48)
    images = torch.stack([ramp, ramp.T])[None].repeat(N, 1, 1, 1)
    chain = (RandomResizedCrop((0.3, 0.9)), Flip(0.5))
    drawn = ChainViews([chain] * 2, 2, (2, 48, 48))(images, generator)
    assert drawn.params[..., FLIP].unique().numel() == 2
    for v in range(2):
        where = locations(drawn.params[:, v], (4, 4), (48, 48))
        seen = drawn.images[v].float().unflatten(2, (4, 12)).unflatten(4, (4, 12))
        middle = seen.mean((3, 5)).flatten(2)  # of each place
        # the middle of column x has 5 (x - 1/2), and the ramp's second half its rows
        torch.testing.assert_close(
            middle[:, 0], 5 * (where[..., 1] - 0.5), rtol=0, atol=3.0
        )
        torch.testing.assert_close(
            middle[:, 1], 5 * (where[..., 0] - 0.5), rtol=0, atol=3.0
        )


def test_the_nearest_pairs_come_first_and_no_more_than_there_are(
    generator: torch.Generator,
) -> None:
    own, other = draw(generator, N, 5, D), draw(generator, N, 7, D)
    matches = nearest(own, other, 20)
    assert matches.own.shape == (N, 5)
    for n in range(N):
        away = [
            distance(own[n, i].tolist(), other[n, j].tolist())
            for i, j in zip(matches.own[n], matches.other[n], strict=True)
        ]
        assert away == sorted(away)


def test_alpha_one_is_vicreg_and_rows_that_do_not_count_are_left_out(
    generator: torch.Generator,
) -> None:
    valid = torch.tensor([True, True, False, True, False, True])
    params = crops(generator, 2)
    views = two(generator, params, valid)
    whole = VicRegL(nn.Identity(), alpha=1.0)(views).mean(valid).item()
    kept = [[z[n] for n in range(N) if valid[n]] for z in views.z if z is not None]
    assert whole == pytest.approx(vicreg(*kept))
    z = tuple(x[valid] for x in views.z if x is not None)
    maps = tuple(m[valid] for m in views.maps if m is not None)
    left = Views(z, z, z, BOTH, maps=maps, extra={"params": params[valid]})
    objective = VicRegL(nn.Identity(), matches=(4, 2))
    torch.testing.assert_close(objective(views).mean(valid), objective(left).mean())


def test_a_target_view_has_its_own_number_of_matches() -> None:
    config = VicRegLConfig(alpha=0.9, matches=7, matches_back=3)
    made = config.build(Sizes(4, maps=(F, *GRID), image=(1, 20, 30)))
    assert (made.alpha, made.matches, made.image) == (0.9, (7, 3), (20, 30))


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="alpha must be"):
        VicRegLConfig(alpha=1.5)
    with pytest.raises(ValueError, match="must be at least 1"):
        VicRegLConfig(matches_back=0)
    with pytest.raises(ValueError, match="compares feature maps"):
        VicRegLConfig().build(Sizes(4))


def test_contract() -> None:
    check_objective(VicRegLConfig().build)
