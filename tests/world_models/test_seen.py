"""Windows of rows, against indices; and networks of rows over any axes."""

import pytest
import torch
from torch import nn

from world_models.rows import OverRows
from world_models.seen import Seen, unknown_before, windows


@pytest.mark.parametrize("horizon", [1, 3, 7])
@pytest.mark.parametrize("inner", [(), (4,), (2, 3, 5)])
def test_windows_are_rows_that_follow(
    horizon: int, inner: tuple[int, ...], generator: torch.Generator
) -> None:
    rows = torch.rand(6, 2, *inner, generator=generator)
    got = windows(rows, horizon)
    assert got.shape == (horizon, 5, 2, *inner)
    for k in range(horizon):
        for t in range(5):
            later = t + k + 1
            want = rows[later] if later < 6 else torch.zeros_like(rows[0])
            assert torch.equal(got[k, t], want)


def test_windows_take_no_memory_of_their_own() -> None:
    """Frames of a whole rollout would, K times over."""
    rows = torch.zeros(6, 2, 8, 9, dtype=torch.uint8)
    got = windows(rows, 4)
    assert got.untyped_storage().nbytes() == (5 + 3) * 2 * 8 * 9


@pytest.mark.parametrize("dtype", [torch.float32, torch.uint8])
def test_rows_of_which_nothing_is_known_are_zeros(dtype: torch.dtype) -> None:
    rows = torch.ones(3, 2, 4, dtype=dtype)
    got = unknown_before(rows, 2)
    assert got.dtype == dtype
    assert not got[:2].any()
    assert torch.equal(got[2:], rows)


def test_a_portion_of_envs_is_cut_from_all_there_is(generator: torch.Generator) -> None:
    belief = torch.rand(5, 4, 3, generator=generator)
    target = torch.rand(6, 4, 2, generator=generator)
    frames = torch.ones(6, 4, 1, 2, 2, dtype=torch.uint8)
    facts = {"place": torch.rand(6, 4, 2, generator=generator)}
    some = Seen(belief, target, None, None, frames, facts).envs(1, 3)
    assert torch.equal(some.belief, belief[:, 1:3])
    assert torch.equal(some.target, target[:, 1:3])
    assert some.latent is some.projected is None
    assert some.frames is not None
    assert some.frames.shape[1] == 2
    assert torch.equal(some.facts["place"], facts["place"][:, 1:3])


def test_a_network_of_rows_sees_all_axes_as_one(generator: torch.Generator) -> None:
    """A batch norm normalises over all of them; rows stay where they are."""
    norm = nn.BatchNorm1d(3, affine=False)
    x = torch.rand(4, 5, 2, 3, generator=generator)
    got = OverRows(norm)(x)
    flat = x.view(-1, 3)
    want = (flat - flat.mean(0)) / (flat.var(0, correction=0) + 1e-5).sqrt()
    torch.testing.assert_close(got, want.view_as(x))
    wide = nn.Linear(3, 7)
    torch.testing.assert_close(OverRows(wide)(x), wide(x))
