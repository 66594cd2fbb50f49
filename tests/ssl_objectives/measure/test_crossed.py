import pytest
import torch
from torch import Tensor

from envs.toys.moving_dot import MovingDotWorld
from envs.toys.scene import NoiseConfig
from ssl_objectives.measure.crossed import crossed_shares

N, D = 20_000, 3
ERROR = 4 / N**0.5


def crossed(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Standard normal dots and backgrounds, each dot before each background."""
    dot = torch.randn(2, 1, N, D, generator=generator)
    background = torch.randn(1, 2, N, D, generator=generator)
    return dot.expand(2, 2, N, D), background.expand(2, 2, N, D)


@pytest.mark.parametrize("shift", [0.0, 30.0])
def test_shares_of_a_sum_are_the_shares_of_its_variances(
    generator: torch.Generator, shift: float
) -> None:
    dot, background = crossed(generator)
    noise = torch.randn(dot.shape, generator=generator)
    weights = torch.tensor([1.0, 2.0, 3.0])  # 1 + 4 + 9 = 14 of the background
    z = weights * background + 2 * dot + 1.5**0.5 * noise + shift
    total = 14 + 12 + 4.5
    shares = crossed_shares(z)
    assert shares.background.item() == pytest.approx(14 / total, abs=ERROR)
    assert shares.dot.item() == pytest.approx(12 / total, abs=ERROR)


def test_what_takes_both_to_explain_is_nobodys_share(
    generator: torch.Generator,
) -> None:
    dot, background = crossed(generator)
    shares = crossed_shares(dot * background)
    assert abs(shares.background.item()) < ERROR
    assert abs(shares.dot.item()) < ERROR
    # Var(b + d b) = 2, of which b alone has half
    half = crossed_shares(background + dot * background)
    assert half.background.item() == pytest.approx(0.5, abs=2 * ERROR)
    assert abs(half.dot.item()) < 2 * ERROR


def test_one_cause_alone_has_all_and_the_other_nothing(
    generator: torch.Generator,
) -> None:
    dot, background = crossed(generator)
    for z, which in ((background, 0), (dot, 1)):
        shares = crossed_shares(z.square())
        assert shares[which].item() == pytest.approx(1.0, abs=1e-5)
        assert abs(shares[1 - which].item()) < ERROR


@pytest.mark.parametrize("scale", [1e-20, 1e18])
def test_the_unit_of_latents_does_not_matter(
    generator: torch.Generator, scale: float
) -> None:
    dot, background = crossed(generator)
    want = crossed_shares(background + dot)
    torch.testing.assert_close(crossed_shares(scale * (background + dot)), want)


def test_where_nothing_varies_nothing_has_a_share() -> None:
    for value in (0.0, 0.1, 1e6):
        shares = crossed_shares(torch.full((2, 2, 1001, D), value))
        assert [x.item() for x in shares] == [0.0, 0.0]


def test_the_moving_dots_frames_tell_which_is_which(
    generator: torch.Generator,
) -> None:
    """Of pixels, which are a sum of both."""
    world = MovingDotWorld(NoiseConfig(alpha=1.0, changing=False).build(num_dots=1))
    frames = world.crossed_frames(500, generator).flatten(3).float()
    shares = crossed_shares(frames)
    assert sum(x.item() for x in shares) == pytest.approx(1.0, abs=0.05)
    assert shares.background > 0.5
    still = MovingDotWorld(NoiseConfig().build(num_dots=1))
    black = crossed_shares(still.crossed_frames(500, generator).flatten(3).float())
    assert black.dot.item() == pytest.approx(1.0, abs=1e-5)
    assert abs(black.background.item()) < 4 / 500**0.5


def test_latents_that_are_not_crossed_are_refused() -> None:
    with pytest.raises(ValueError, match=r"two backgrounds.*these are \[2, 3, 4, 5\]"):
        crossed_shares(torch.zeros(2, 3, 4, 5))
