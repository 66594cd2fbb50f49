"""What the others do, as positions in metres tell it: all from outside the rules."""

from math import cos, pi, sin

import pytest
import torch
from torch import Tensor

from envs.behaviours.groups import Animate
from envs.mujoco.social_room.config import SocialRoomConfig
from envs.mujoco.social_room.layout import FARTHEST, MIDDLE
from tests.envs.mujoco.social_room.played import STEPS, length, played, stacked

HALF = FARTHEST  # of a box, with four sectors


def on_floor(facts: dict[str, Tensor], group: int, what: int) -> Tensor:
    """`[T, B, 2]` in metres."""
    return facts["positions"][:, :, group, what, :2]


def test_positions_are_places_in_the_groups_sectors() -> None:
    facts = played(Animate.REACHING)
    for t in (0, 7, STEPS):
        for b in (0, 3, 15):
            for g in range(4):
                middle = (facts["sector"][t, b, g].item() + 0.5) * pi / 2
                x, y = (HALF * facts["places"][t, b, g, 0]).tolist()
                away = MIDDLE - y
                naive = (
                    away * cos(middle) + x * sin(middle),
                    away * sin(middle) - x * cos(middle),
                )
                at = on_floor(facts, g, 0)[t, b].tolist()
                assert at == pytest.approx(naive, abs=1e-5)


def test_who_goes_looks_where_it_goes() -> None:
    facts = played(Animate.MIMICRY)
    at, facing = facts["positions"][..., :2], facts["facing"][1:]
    way = at[1:] - at[:-1]
    ahead = torch.stack([facing.cos(), facing.sin()], -1)
    moves = length(way) > 0.01
    assert moves.sum() > 1_000
    along = (way * ahead).sum(-1) / length(way)
    assert (along[moves] > 0.999).all()
    # The static one looks at the agent, always.
    static = facts["positions"][:, :, 1, 0, :2]
    angle = torch.atan2(-static[..., 1], -static[..., 0])
    assert torch.allclose(facts["facing"][:, :, 1, 0], angle, atol=1e-5)


def test_a_chaser_closes_in_and_the_runner_escapes() -> None:
    facts = played(Animate.CHASING)
    runner, chaser = on_floor(facts, 0, 0), on_floor(facts, 0, 1)
    fled, came = length(runner[1:] - runner[:-1]), length(chaser[1:] - chaser[:-1])
    apart = length(runner - chaser)
    assert (came <= 0.12 * HALF + 1e-4).all()
    escapes = fled > 0.2 * HALF
    assert escapes.any(0).all(), "somebody never escaped"
    closer = apart[1:] < apart[:-1] + 1e-4
    # As long as nobody escapes, the chaser never falls back.
    assert closer[~escapes & ~escapes.roll(1, 0)].float().mean() > 0.98
    assert apart[-50:].amax(0).min() > 2 * apart.amin(0).max(), "no chase opens again"


def test_an_imitator_lags_by_two_steps_on_the_other_side() -> None:
    facts = played(Animate.MIMICRY)
    actor, imitator = facts["places"][:, :, 0, 0], facts["places"][:, :, 0, 1]
    mirrored = torch.tensor([-1.0, 1.0])
    errors = [
        length(imitator[lag:] - mirrored * actor[: STEPS + 1 - lag]).mean()
        for lag in range(5)
    ]
    assert errors[2] < 0.01
    assert all(x > 0.05 for i, x in enumerate(errors) if i != 2)
    chance = played(Animate.MIMICRY, True)
    actor, imitator = chance["places"][:, :, 0, 0], chance["places"][:, :, 0, 1]
    off = (imitator[2:] - mirrored * actor[:-2]).abs()
    assert 0.03 < off.mean() < 0.07
    assert off.max() < 0.1 + 1e-5


def test_noise_is_white() -> None:
    at = played(Animate.REACHING)["places"][:, :, 3, 0]
    way = at[1:] - at[:-1]
    assert torch.allclose(length(way), torch.tensor(0.2), atol=1e-4)
    free = (at[:-1].abs() < 0.8).all(-1)  # no wall within a step
    angle = torch.atan2(way[..., 1], way[..., 0])
    num = int(free.sum())
    bound = 4 / (num / 2) ** 0.5  # of a mean of cosines, whose variance is a half
    for wave in (1, 2, 3, 4):
        for of in (torch.cos, torch.sin):
            assert of(wave * angle)[free].mean().abs() < bound
    for lag in (1, 2, 5):
        pair = free[lag:] & free[:-lag]
        turn = (angle[lag:] - angle[:-lag])[pair]
        assert turn.cos().mean().abs() < 4 / (len(turn) / 2) ** 0.5
    others = played(Animate.REACHING)["places"][:, :, 3, 0].flatten(2)
    assert not torch.equal(others[:, 0], others[:, 1])


def test_peekaboo_hides_under_the_gaze_and_comes_home_without() -> None:
    config = SocialRoomConfig(Animate.PEEKABOO, pixels=0)
    env = config.build(6, "cpu")
    row = env.reset(seed=3)
    home = row.facts["places"][:, 0, 0]
    stay = torch.zeros(6, dtype=torch.int64)
    for _ in range(8):  # by 96 degrees, until each gaze has found its actor
        row = env.step(torch.where(row.facts["in_view"] == 0, 0, 7))
    rows = [env.step(stay) for _ in range(60)]
    assert (stacked(rows, "in_view") == 0).all()
    there = stacked(rows, "there")[:, :, 0, 0]
    hidden = (~there).float().mean(0)
    assert (hidden > 0.2).all(), "somebody did not hide"
    assert (hidden < 0.8).all(), "somebody never peeked"
    cover = rows[0].facts["places"][:, 0, 1]
    gone = length(stacked(rows, "places")[:, :, 0, 0] - cover)
    assert torch.equal(gone < 0.15, ~there)
    peeks = stacked(rows, "places")[-40:, :, 0, 0] - cover
    assert (peeks[..., 1].abs() < 0.01).all(), "a peephole is not beside its cover"
    for _ in range(30):
        row = env.step(torch.where(row.facts["in_view"] == 0, 7, 0))
    assert torch.allclose(row.facts["places"][:, 0, 0], home, atol=1e-5)
    assert row.facts["there"][:, 0, 0].all()


def test_periodic_comes_back_and_static_stays() -> None:
    facts = played(Animate.REACHING)
    static, periodic = facts["places"][:, :, 1, 0], facts["places"][:, :, 2, 0]
    assert (static == static[:1]).all()
    for b in range(5):
        back = length(periodic[1:, b] - periodic[0, b]) < 1e-4
        when = back.nonzero()[:, 0] + 1
        assert len(when) >= 2
        assert (when % when[0] == 0).all()
