from math import pi

import pytest
import torch
from scipy.special import iv
from scipy.stats import kstest, uniform, vonmises

from envs.toys.moving_dot import MovingDotConfig
from envs.toys.wander import (
    CONCENTRATION,
    Wanderer,
    headings,
    von_mises,
    von_mises_actions,
    wander,
)

NUM = 40_000
NOISE = 5 / NUM**0.5  # of a mean of numbers within [-1, 1]: five deviations at most


@pytest.mark.parametrize("concentration", [0.0, 0.2, 2.0, 10.0])
def test_moments_and_distribution(
    concentration: float, generator: torch.Generator
) -> None:
    angle = von_mises((NUM,), concentration, generator).double()
    for order in (1, 2):
        expected = iv(order, concentration) / iv(0, concentration)
        assert float((order * angle).cos().mean()) == pytest.approx(expected, abs=NOISE)
        assert float((order * angle).sin().mean()) == pytest.approx(0, abs=NOISE)
    law = vonmises(concentration) if concentration else uniform(-pi, 2 * pi)
    assert kstest(angle.numpy(), law.cdf).pvalue > 1e-4
    assert -pi <= float(angle.min()) <= float(angle.max()) <= pi + 1e-6


@pytest.mark.parametrize("concentration", [0.2, 2.0, 10.0])
def test_angles_are_the_quantiles_of_uniform_numbers(concentration: float) -> None:
    share = torch.rand(500, generator=torch.Generator().manual_seed(3)).double()
    angle = von_mises((500,), concentration, torch.Generator().manual_seed(3)).double()
    below = vonmises(concentration).cdf(angle.numpy())
    torch.testing.assert_close(torch.from_numpy(below), share, rtol=0, atol=1e-5)


def test_angles_follow_the_generator() -> None:
    def draw(seed: int) -> torch.Tensor:
        return von_mises((5, 3), 0.2, torch.Generator().manual_seed(seed))

    assert torch.equal(draw(1), draw(1))
    assert not torch.equal(draw(1), draw(2))


@pytest.mark.parametrize("concentration", [-0.1, 10.5, float("nan")])
def test_concentrations_that_the_table_cannot_hold(concentration: float) -> None:
    with pytest.raises(ValueError, match="0 to 10"):
        von_mises((1,), concentration, torch.Generator())


def test_steps_scatter_around_their_heading(generator: torch.Generator) -> None:
    heading = torch.full((NUM,), 2.0)
    steps = wander(heading, generator)
    lengths = steps.norm(dim=1)
    assert kstest(lengths.numpy(), uniform(0, 4).cdf).pvalue > 1e-4
    ahead = torch.tensor([torch.tensor(2.0).cos(), torch.tensor(2.0).sin()])
    resultant = iv(1, CONCENTRATION) / iv(0, CONCENTRATION)
    torch.testing.assert_close(
        (steps / lengths.unsqueeze(1)).mean(0), resultant * ahead, rtol=0, atol=NOISE
    )


def test_headings_go_everywhere(generator: torch.Generator) -> None:
    law = uniform(0, 2 * pi)
    assert kstest(headings((NUM,), generator).numpy(), law.cdf).pvalue > 1e-4


def test_actions_of_an_episode_share_a_heading(generator: torch.Generator) -> None:
    actions = von_mises_actions(NUM // 16, 16, generator)
    assert actions.shape == (16, NUM // 16, 2)
    length = actions.norm(dim=2)
    assert float(length.max()) <= 1 + 1e-6
    assert float(length.mean()) == pytest.approx(0.5, abs=NOISE)
    # Two steps of an episode point alike by R², those of two episodes not at all.
    ahead = actions / length.unsqueeze(2)
    resultant = iv(1, CONCENTRATION) / iv(0, CONCENTRATION)
    total = ahead.sum(0)
    alike = (total.square().sum(1) - 16) / (16 * 15)
    noise = 5 * float(alike.std()) / len(alike) ** 0.5
    assert noise < resultant**2
    assert float(alike.mean()) == pytest.approx(resultant**2, abs=noise)
    strangers = (ahead[0] * ahead[1].roll(1, 0)).sum(1)
    assert float(strangers.mean()) == pytest.approx(0, abs=5 / len(strangers) ** 0.5)


def test_the_wanderer_has_a_heading_for_each_episode(
    generator: torch.Generator,
) -> None:
    num, length, episodes = 6_000, 12, 2
    env = MovingDotConfig(max_episode_steps=length).build(num, "cpu")
    wanderer, row = Wanderer(), env.reset(seed=0)
    sums, means = [], []
    for _ in range(episodes):
        total = torch.zeros(num, 2)
        assert bool(row.first.all())
        for _ in range(length):
            action = wanderer.act(row, generator)
            total += action / action.norm(dim=1, keepdim=True)
            row = env.step(action)
        assert bool(row.truncated.all())
        row = env.step(wanderer.act(row, generator))
        sums.append(total)
        means.append(float((total.square().sum(1) - length).mean()))
    expected = (
        length * (length - 1) * (iv(1, CONCENTRATION) / iv(0, CONCENTRATION)) ** 2
    )
    noise = 5 * length / num**0.5  # a sum of so many directions is of that variance
    assert noise < expected
    across = float((sums[0] * sums[1]).sum(1).mean())
    assert across == pytest.approx(0, abs=noise)
    for mean in means:
        assert mean == pytest.approx(expected, abs=noise)
