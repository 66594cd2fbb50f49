"""AugSelf: which differences are asked for, and what a wrong answer costs."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.branches import Branches
from ssl_objectives.check.objective import check_objective
from ssl_objectives.method import Method
from ssl_objectives.methods.contrast.info_nce import InfoNceConfig
from ssl_objectives.methods.moments.vicreg_barlow import VicRegConfig
from ssl_objectives.methods.pretext.aug_self import (
    AugSelf,
    AugSelfConfig,
    CropDifference,
    Regressed,
    SameFlip,
    ShareDifference,
    TurnDifference,
)
from ssl_objectives.objective import Sizes, Views
from ssl_objectives.views.augment.preset import AugmentConfig, sim_clr, unchanged
from ssl_objectives.views.maker import TwoViews, UnlikeViews, ViewsConfig
from ssl_objectives.views.params import (
    BLUR,
    BRIGHTNESS,
    FLIP,
    HUE,
    PARAMS,
    ROTATION,
    UNCHANGED,
)
from tests.shapes import rounds

N, R = 7, 5
EVERYTHING = AugSelfConfig(
    crop=0.5, color=2.0, flip=0.7, blur=0.3, solarize=0.2, rotation=0.6, hidden=9
)
SHAPE = (3, 12, 14)
VIEWS = TwoViews(AugmentConfig(crop=0.1, hue=0.1, blur=0.5, solarize=0.5))
REACH = (*(1.0,) * 5, *(0.8,) * 3, 0.2, 0.28, 1.0, 1.0, 3.0)  # σ: 2 % of 14 pixels
REGRESSED: list[Regressed] = [
    CropDifference(),
    ShareDifference("color", range(BRIGHTNESS, HUE + 1), REACH),
    ShareDifference("blur", [BLUR], REACH),
]


def params(generator: torch.Generator, num: int = N) -> Tensor:
    """Of real views."""
    images = torch.zeros(num, *SHAPE, dtype=torch.uint8)
    made = VIEWS.build(SHAPE)(images, generator).params
    made[..., ROTATION] = torch.randint(4, (num, 2), generator=generator).float()
    return made


def own(config: AugSelfConfig) -> AugSelf:
    torch.manual_seed(0)
    found = config.build(Sizes(3, R, reach=REACH)).objectives[1]
    assert isinstance(found, AugSelf)
    return found


def views(generator: torch.Generator) -> Views:
    rep = tuple(torch.randn(N, R, generator=generator) for _ in range(2))
    extra = {"params": params(generator)}
    return Views(rep, rep, rep, ((0, 1), (1, 0)), rep=rep, extra=extra)


@pytest.mark.parametrize("config", [AugSelfConfig(), EVERYTHING])
def test_it_keeps_the_contract(config: AugSelfConfig) -> None:
    check_objective(config.build)
    check_objective(lambda sizes: config.build(sizes).objectives[1])  # type: ignore[arg-type, return-value]


@torch.no_grad()
def test_it_is_the_sum_of_its_equations(generator: torch.Generator) -> None:
    """Each row, each order and each difference on its own, by the names of params."""
    objective, given = own(EVERYTHING), views(generator)
    weights = {
        "crop": 0.5,
        "color": 2.0,
        "flip": 0.7,
        "blur": 0.3,
        "solarize": 0.2,
        "rotation": 0.6,
    }
    heads = dict(zip(weights, objective.heads, strict=True))
    loss = objective(given).per_sample
    assert loss is not None
    for n in range(N):
        total = 0.0
        for i, j in ((0, 1), (1, 0)):
            h, k = given.rep[i], given.rep[j]
            assert h is not None
            assert k is not None
            pair = torch.cat([h[n], k[n]])
            guess = {x: head(pair).double() for x, head in heads.items()}
            a, b = (
                dict(zip(PARAMS, given.extra["params"][n, v].tolist(), strict=True))
                for v in (i, j)
            )
            x, y = (
                (1 - p["left"] - p["width"] / 2)
                if a["flip"]
                else (p["left"] + p["width"] / 2)
                for p in (a, b)
            )
            down = a["top"] + a["height"] / 2 - b["top"] - b["height"] / 2
            wanted = {
                "crop": [
                    down,
                    x - y,
                    a["height"] - b["height"],
                    a["width"] - b["width"],
                ],
                "color": [
                    (a[c] - b[c]) / 0.8
                    for c in ("brightness", "contrast", "saturation")
                ]
                + [(a["hue"] - b["hue"]) / 0.2],
                "blur": [(a["blur"] - b["blur"]) / 0.28],
                "solarize": [a["solarize"] - b["solarize"]],
            }
            for name, numbers in wanted.items():
                error = guess[name].tanh() - torch.tensor(numbers).double()
                total += weights[name] * float(error.square().mean())
            logit = float(guess["flip"])
            sign = 1 if a["flip"] == b["flip"] else -1
            total += 0.7 * math.log(1 + math.exp(-sign * logit))
            turn = round(a["rotation"] - b["rotation"]) % 4
            total += 0.6 * float(
                guess["rotation"].logsumexp(0) - guess["rotation"][turn]
            )
        assert float(loss[n]) == pytest.approx(total / 2, rel=1e-4)


@pytest.mark.parametrize("difference", REGRESSED, ids=lambda x: x.name)
def test_unchanged_views_differ_by_nothing(difference: Regressed) -> None:
    same = torch.tensor([UNCHANGED] * N)
    assert not difference.target(same, same).any()
    assert not difference.loss(torch.zeros(N, difference.outputs), same, same).any()


@pytest.mark.parametrize("difference", REGRESSED, ids=lambda x: x.name)
def test_swapping_the_views_negates_the_target(
    difference: Regressed, generator: torch.Generator
) -> None:
    first, second = params(generator, 40).unbind(1)
    same = first[:, FLIP] == second[:, FLIP]
    one, two = difference.target(first, second), difference.target(second, first)
    torch.testing.assert_close(one[same], -two[same])
    assert one.abs().max() <= 1
    assert one[same].abs().amax(0).min() > 0.1
    if difference.name == "crop":
        # exactly one mirrored: each order is told as its own first view sees it
        torch.testing.assert_close(one[~same][:, 1], two[~same][:, 1])
        torch.testing.assert_close(one[~same][:, [0, 2, 3]], -two[~same][:, [0, 2, 3]])


def test_crops_are_told_as_the_first_view_sees_them() -> None:
    """The second crop lies to the right; to a mirrored eye, to the left."""
    first, second = torch.tensor([UNCHANGED] * 2)[:, None].unbind(0)
    first[:, :4] = torch.tensor([0.0, 0.0, 0.5, 0.5])
    second[:, :4] = torch.tensor([0.25, 0.5, 0.5, 0.25])
    seen = CropDifference().target(first, second)
    torch.testing.assert_close(seen, torch.tensor([[-0.25, -0.375, 0.0, 0.25]]))
    first[:, FLIP] = 1.0
    mirrored = CropDifference().target(first, second)
    torch.testing.assert_close(mirrored, torch.tensor([[-0.25, 0.375, 0.0, 0.25]]))


@pytest.mark.parametrize(
    "config",
    [
        VIEWS,
        TwoViews(AugmentConfig(strength=0.0, brightness=0.9, blur=0.5)),
        TwoViews(sim_clr(blur=0.7)),
        TwoViews(AugmentConfig(contrast=1.5, hue=0.3, blur=1.0)),
        UnlikeViews(AugmentConfig(saturation=0.1), AugmentConfig(hue=0.5, blur=0.2)),
    ],
)
def test_targets_fill_their_range_whatever_the_views(
    config: ViewsConfig, generator: torch.Generator
) -> None:
    """Nobody tells the objective of the views: the method does."""
    asked = AugSelfConfig(flip=1.0, blur=1.0)
    method = Method(asked, config)
    built = asked.build(method.sizes(Sizes(R, image=SHAPE)))
    objective = built.objectives[1]
    assert isinstance(objective, AugSelf)
    images = torch.zeros(4000, *SHAPE, dtype=torch.uint8)
    drawn = config.build(SHAPE)(images, generator).params
    varies = (drawn.flatten(0, 1).amax(0) - drawn.flatten(0, 1).amin(0)) > 0
    for _, difference in objective.terms:
        if isinstance(difference, ShareDifference):
            target = difference.target(*drawn[:, :2].unbind(1)).abs().amax(0)
            found = varies[list(difference.columns)]
            assert target.max() <= 1 + 1e-5
            assert target[found].min() > 0.75
            assert not target[~found].any()


def test_yes_or_no_and_turns(generator: torch.Generator) -> None:
    first, second = torch.tensor([UNCHANGED] * 2 * N).view(2, N, -1).unbind(0)
    second[3:, FLIP] = 1.0
    sure = torch.where(torch.arange(N) < 3, 20.0, -20.0).view(N, 1)
    assert SameFlip().loss(sure, first, second).max() < 1e-6
    assert SameFlip().loss(-sure, first, second).min() > 19
    first[:, ROTATION] = torch.arange(N) % 4
    second[:, ROTATION] = 3.0
    turn = torch.tensor([1, 2, 3, 0, 1, 2, 3])
    sure = 30 * nn.functional.one_hot(turn, 4).float()
    assert TurnDifference().loss(sure, first, second).max() < 1e-6


def test_it_is_added_to_any_objective(generator: torch.Generator) -> None:
    given, sizes = views(generator), Sizes(R, R, reach=REACH)
    for base in (InfoNceConfig(), VicRegConfig()):
        config = replace(EVERYTHING, base=base)
        both = config.build(sizes)
        loss, alone = both(given), base.build(sizes)(given)
        extra = both.objectives[1](given).per_sample
        assert loss.per_sample is not None
        assert alone.per_sample is not None
        torch.testing.assert_close(loss.per_sample, alone.per_sample + extra)
        torch.testing.assert_close(loss.regularizer, alone.regularizer)
        assert "aug_self/crop" in loss.metrics
        assert both.needs.rep
        assert both.needs.extra == {"params"}


def test_an_encoder_learns_where_crops_lie(generator: torch.Generator) -> None:
    """From images that show their own coordinates."""
    torch.manual_seed(0)
    rows = torch.arange(12).mul(15).view(12, 1).expand(12, 12)
    images = torch.stack([rows, rows.T]).expand(40, 2, 12, 12).to(torch.uint8)
    config = AugmentConfig(crop=0.1, flip=0.0, jitter=0.0, gray=0.0)
    make = TwoViews(config).build((2, 12, 12))
    asked = [(1.0, CropDifference())]
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(288, R))
    objective = AugSelf(R, asked, 32)
    branches = Branches(encoder, nn.Identity(), None, objective)
    optimizer = torch.optim.Adam(branches.parameters(), 3e-3)
    losses = []
    for _ in rounds(150):
        drawn = make(images, generator)
        seen = [x.float() / 255 - 0.5 for x in drawn.images]
        loss, _ = branches.loss(seen, extra={"params": drawn.params})
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        branches.after_update()
        losses.append(float(loss.detach()))
    assert sum(losses[-10:]) < 0.2 * sum(losses[:10])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AugSelfConfig().build(Sizes(3)), "AugSelf reads the encoder's output"),
        (lambda: AugSelfConfig(crop=0.0, color=0.0), "weights must be at least 0"),
        (lambda: AugSelfConfig(flip=-1.0), "weights must be at least 0"),
        (lambda: AugSelfConfig(hidden=0), "must be above 0"),
        (lambda: AugSelfConfig().build(Sizes(3, R)), "must know how far the params"),
        (
            lambda: Method(AugSelfConfig(blur=1.0), TwoViews(unchanged())).build(
                nn.Identity(), Sizes(R, image=SHAPE)
            ),
            "two views differ in crop and color and blur, and these never do",
        ),
    ],
)
def test_impossible_settings_are_refused(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=message):
        make()
