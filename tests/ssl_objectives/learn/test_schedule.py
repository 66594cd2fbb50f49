"""Learning rates over a run."""

import math

import pytest

from ssl_objectives.learn.lars import LarsConfig
from ssl_objectives.learn.schedule import Cosine, Fall, Level, Stairs, share_of_rate
from ssl_objectives.refusal import ConfigError


def official(step: int, steps: int, warm: int, last: float) -> float:
    """As the code of Barlow Twins and VICReg counts, in whole steps."""
    if step < warm:
        return step / warm
    step, steps = step - warm, steps - warm
    high = 0.5 * (1 + math.cos(math.pi * step / steps))
    return high + last * (1 - high)


@pytest.mark.parametrize("last", [0.0, 0.001])
def test_warm_up_and_cosine_are_the_official_ones(last: float) -> None:
    for step in range(100):
        ours = share_of_rate(step / 100, 0.1, Cosine(last))
        assert ours == pytest.approx(official(step, 100, 10, last), abs=1e-12)


def test_ends() -> None:
    assert share_of_rate(0.0, 0.2, Cosine()) == 0
    assert share_of_rate(0.2, 0.2, Cosine(0.1)) == 1
    assert share_of_rate(1.0, 0.2, Cosine(0.1)) == pytest.approx(0.1)
    assert share_of_rate(0.0, 0.0, Cosine()) == 1


def test_stairs() -> None:
    fall = Stairs((0.6, 0.8), 0.1)
    shares = [fall.share(epoch / 200) for epoch in (0, 119, 120, 159, 160, 199)]
    assert shares == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def test_a_level_rate_stays() -> None:
    assert {share_of_rate(x / 10, 0.2, Level()) for x in range(2, 11)} == {1.0}
    assert share_of_rate(0.1, 0.2, Level()) == 0.5


@pytest.mark.parametrize("fall", [Cosine(), Stairs(), Level()])
def test_an_optimiser_follows_any(fall: Fall) -> None:
    assert isinstance(fall, Fall)
    config = LarsConfig(2.0, warm_up=0.1, fall=fall)
    assert config.rate(0.05) == 1.0
    assert config.rate(0.7) == 2 * fall.share((0.7 - 0.1) / 0.9)


@pytest.mark.parametrize("last", [-0.1, 1.1, math.nan])
def test_a_last_share_that_is_none_is_refused(last: float) -> None:
    with pytest.raises(ConfigError, match=r"--optimizer.fall.last must be between"):
        Cosine(last)


@pytest.mark.parametrize("at", [(0.0,), (0.5, 1.0), (60.0, 80.0)])
def test_stairs_are_shares(at: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match=r"--optimizer.fall.at must lie between"):
        Stairs(at)


@pytest.mark.parametrize("factor", [0.0, math.inf, math.nan])
def test_a_factor_that_is_none_is_refused(factor: float) -> None:
    with pytest.raises(ConfigError, match=r"--optimizer.fall.factor must be above 0"):
        Stairs(factor=factor)
