"""Peekaboo: at home, hiding, peeking, and home again, by the gaze."""

import pytest
import torch
from torch import Tensor

from envs.behaviours.peekaboo import Peekaboo
from tests.envs.behaviours.played import BEHAVIOURS, NUM, looks, on, played, strides

BOTH = pytest.mark.parametrize("name", ["peekaboo", "peekaboo, stochastic"])
ALWAYS = torch.ones(200, NUM, dtype=torch.bool)


def parts(states: Tensor) -> tuple[Tensor, ...]:
    """Actor, cover, home, peephole, and steps under the gaze."""
    actor, cover, home, peephole, gazed = states.split((2, 2, 2, 2, 1), -1)
    return actor, cover, home, peephole, gazed.squeeze(-1)


@BOTH
def test_unseen_it_stays_at_home(name: str) -> None:
    states = played(BEHAVIOURS[name], 50)
    assert torch.equal(states, states[:1].expand_as(states))
    actor, cover, home, peephole, gazed = parts(states[0])
    assert torch.equal(actor, home)
    assert not gazed.any()
    assert float(cover.abs().max()) <= 0.5
    assert float((home - cover).norm(dim=-1).min()) >= 0.6
    torch.testing.assert_close((peephole - cover).norm(dim=-1), torch.full((NUM,), 0.4))
    assert BEHAVIOURS[name].seen(states[0]).all()


def test_under_a_steady_gaze_it_bears_hides_and_peeks() -> None:
    states = played(BEHAVIOURS["peekaboo"], 200, gaze=ALWAYS)
    actor, cover, home, peephole, gazed = parts(states)
    assert torch.equal(gazed, torch.arange(201.0)[:, None].expand(-1, NUM))
    assert (actor[:4] == home[:4]).all()
    for t in range(3, 200):
        since = (t - 3) % 20
        aim, speed = (cover, 0.2) if since < 12 else (peephole, 0.1)
        left = (aim - actor)[t].norm(dim=-1)
        after = (aim - actor)[t + 1].norm(dim=-1)
        torch.testing.assert_close(
            after, (left - speed).clamp(min=0), atol=1e-5, rtol=0
        )
        torch.testing.assert_close(
            strides(actor)[t], left.clamp(max=speed), atol=1e-5, rtol=0
        )
    # Hidden for 9 of 20 steps: two on the way out and in, seven in the middle.
    seen = torch.stack([BEHAVIOURS["peekaboo"].seen(x) for x in states])
    assert seen[..., 1].all()
    once = [bool(x) for x in seen[23:63, 0, 0]]
    assert (seen[23:, :, 0] == seen[23:, :1, 0]).all()
    assert once[:20] == once[20:]
    hidden = (actor - cover).norm(dim=-1) < 0.15
    assert torch.equal(~hidden, seen[..., 0])


@BOTH
def test_it_goes_home_as_soon_as_it_is_unseen(name: str) -> None:
    states = played(BEHAVIOURS[name], 30, gaze=ALWAYS)
    back = on(BEHAVIOURS[name], states[-1], 40, seed=3, gaze=None)
    actor, _, home, _, gazed = parts(back)
    assert not gazed[1:].any()
    left = (home - actor).norm(dim=-1)
    torch.testing.assert_close(
        left[1:], (left[:-1] - 0.1).clamp(min=0), atol=1e-5, rtol=0
    )
    torch.testing.assert_close(actor[-1], home[-1])
    assert float(left[0].min()) > 0.1


def test_the_peephole_stays_where_it_is() -> None:
    gaze = looks(300)
    peephole = parts(played(BEHAVIOURS["peekaboo"], 300, gaze=gaze))[3]
    assert (peephole == peephole[0]).all()


def test_stochastic_peepholes_are_drawn_for_each_hiding() -> None:
    states = played(BEHAVIOURS["peekaboo, stochastic"], 200, gaze=ALWAYS)
    _, cover, _, peephole, _ = parts(states)
    new = (peephole[1:] != peephole[:-1]).any(-1)
    expected = [t >= 3 and (t - 3) % 20 == 0 for t in range(200)]
    assert torch.equal(new, torch.tensor(expected)[:, None].expand(-1, NUM))
    way = (peephole - cover)[1:][new]
    torch.testing.assert_close(way.norm(dim=-1), torch.full((len(way),), 0.4))
    angle = torch.atan2(way[:, 1], way[:, 0])
    counts = torch.histc(angle, 4, -torch.pi, torch.pi) / len(angle)
    assert float((counts - 1 / 4).abs().max()) < 0.1


def test_a_glance_does_not_scare_it() -> None:
    gaze = torch.arange(60)[:, None].expand(-1, NUM) % 4 < 3
    states = played(Peekaboo(False), 60, gaze=gaze)
    actor, _, home, _, _ = parts(states)
    assert (actor == home).all()
