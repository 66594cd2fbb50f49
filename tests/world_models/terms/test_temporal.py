"""Temporal variance on episodes cut out one by one."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.world_models.terms.unrolling import B, D, Drawn, T, drawn
from world_models.check.samples import small_beliefs
from world_models.terms.temporal import TemporalConfig, TemporalVariance
from world_models.terms.term import Unrolled


def value(term: TemporalVariance, unrolled: Unrolled) -> Tensor:
    loss = term(unrolled).regularizer
    assert isinstance(loss, Tensor)
    return loss


def two_episodes() -> Drawn:
    """In one env: 0, 2, 0, 2 and then 10, 10.2; all other components stand still."""
    some = drawn(torch.Generator().manual_seed(0))
    latent = torch.zeros(6, 1, D)
    latent[:, 0, 0] = torch.tensor([0.0, 2.0, 0.0, 2.0, 10.0, 10.2])
    valid = torch.ones(5, 1, dtype=torch.bool)
    valid[3] = False
    return Drawn(
        latent, some.action[:5, :1], valid, some.after[:, :5, :1], some.aim[:, :5, :1]
    )


def test_two_episodes_in_closed_form() -> None:
    """Their stds are 1 and 0.1; a component that stands still lacks the margin."""
    whole = two_episodes().unrolled()
    lack = value(TemporalVariance(variance=1.0, margin=0.5), whole)
    still = 0.5 - 1e-3  # the root's guard
    small = 0.5 - (0.01 + 1e-6) ** 0.5
    first, second = 4 * still / D, (small + 4 * still) / D
    assert lack.item() == pytest.approx((first + second) / 2, rel=1e-4)
    speed = value(TemporalVariance(0.0, smoothness=1.0), whole)
    assert speed.item() == pytest.approx((4 + 4 + 4 + 0.04) / D / 4, rel=1e-4)


@pytest.mark.parametrize("rows", [T, T + 1])
def test_it_is_the_loop_over_episodes(generator: torch.Generator, rows: int) -> None:
    some, margin = drawn(generator), 0.9
    lacks, moved = [], []
    for b in range(B):
        begins = [0, *((~some.valid[: rows - 1, b]).nonzero().flatten() + 1).tolist()]
        for start, stop in zip(begins, [*begins[1:], rows], strict=True):
            episode = some.latent[start:stop, b]
            if len(episode) > 1:
                std = (episode.var(0, correction=0) + 1e-6).sqrt()
                lacks.append((margin - std).clamp(min=0).mean())
                moved += [*(episode[1:] - episode[:-1]).square().mean(-1)]
    assert len(lacks) == 5  # and one of a single row
    want = 25 * torch.stack(lacks).mean() + 0.3 * torch.stack(moved).mean()
    added = TemporalVariance(25.0, margin, 0.3)(some.unrolled(rows))
    torch.testing.assert_close(added.regularizer, want)
    lack, speed = added.metrics["temporal_lack"], added.metrics["speed"]
    torch.testing.assert_close(25 * lack + 0.3 * speed, want.detach())


def test_gradient_is_finite_where_a_latent_has_collapsed(
    generator: torch.Generator,
) -> None:
    collapsed = torch.zeros(T + 1, B, D).requires_grad_()
    some = replace(drawn(generator), latent=collapsed)
    value(TemporalVariance(smoothness=1.0), some.unrolled()).backward()
    assert some.latent.grad is not None
    assert some.latent.grad.isfinite().all()


def test_it_moves_what_stands_almost_still(generator: torch.Generator) -> None:
    """Along the gradient every component gains spread within its episode."""
    some = drawn(generator)
    latent = (0.01 * some.latent.detach()).requires_grad_()
    some = replace(some, latent=latent)
    term = TemporalVariance(1.0)
    before = value(term, some.unrolled())
    before.backward()
    assert latent.grad is not None
    after = replace(some, latent=latent.detach() - 0.1 * latent.grad)
    assert value(term, after.unrolled()) < before


def test_one_episode_says_nothing_of_another(generator: torch.Generator) -> None:
    """A constant of the episode, however different, counts for nothing."""
    some, term = drawn(generator), TemporalVariance(smoothness=1.0)
    moved = some.latent.detach().clone()
    moved[3:, 1] += 100.0
    other = replace(some, latent=moved)
    torch.testing.assert_close(
        value(term, other.unrolled()), value(term, some.unrolled()), rtol=1e-4, atol=0
    )


def test_nothing_to_see_adds_nothing(generator: torch.Generator) -> None:
    some, term = drawn(generator), TemporalVariance(smoothness=1.0)
    assert term(some.unrolled(None)).regularizer == 0.0
    apart = replace(some, valid=torch.zeros_like(some.valid))
    assert value(term, apart.unrolled()) == 0


def test_config_is_carried_out() -> None:
    belief = small_beliefs()["recurrent"]()
    term = TemporalConfig(3.0, 0.25, 2.0).build(belief, D)
    assert (term.variance, term.margin, term.smoothness) == (3.0, 0.25, 2.0)
    assert not list(term.parameters())
