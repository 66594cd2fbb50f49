import numpy as np
import pytest

from agents.score_statistics import (
    Estimate,
    Scores,
    Statistic,
    curve_band,
    estimate,
    interquartile_mean,
    mean,
    median,
    optimality_gap,
    performance_profile,
    probability_of_improvement,
)

STATISTICS = (interquartile_mean, mean, median, optimality_gap)
# Seven runs of one arm and five of another in five tasks.
SEVEN = np.sin(np.arange(35) * 1.7).reshape(7, 5)
FIVE = np.cos(np.arange(25) * 2.3).reshape(5, 5)


def by_task(matrix: np.ndarray) -> Scores:
    return {f"task {i}": matrix[:, i] for i in range(matrix.shape[1])}


def value(statistic: Statistic, *tasks: list[float]) -> float:
    return float(statistic([np.array(x, np.float64) for x in tasks]))


def test_by_hand() -> None:
    # Eight values of both tasks: 0 1 | 2 3 4 5 | 6 90.
    assert value(interquartile_mean, [0, 90, 2, 3], [1, 4, 5, 6]) == 3.5
    # Fewer than four are averaged whole; of five, the middle three.
    assert value(interquartile_mean, [0, 0, 3]) == 1
    assert value(interquartile_mean, [9, 1, 2, 3, -50]) == 2
    assert value(mean, [0, 2], [10, 20, 30]) == (1 + 20) / 2
    assert value(median, [0, 2], [10, 20, 30], [2, 4]) == 3
    assert value(optimality_gap, [0.5, 3], [1, 0, 0.5]) == pytest.approx(
        1 - (0.75 + 0.5) / 2
    )


def test_wins_by_hand() -> None:
    # Of the nine pairs in a: 2 > 1, 3 > 1, 3 > 2 won, 1 = 1 and 2 = 2 tied.
    better = {"a": np.array([1.0, 2, 3]), "b": np.array([1.0]), "only": np.array([0.0])}
    than = {"b": np.array([0.0, 1, 2, 3]), "a": np.array([1.0, 2, 4])}
    in_a, in_b = (3 + 1) / 9, (1 + 0.5) / 4
    chance = probability_of_improvement(better, than)
    assert chance.value == pytest.approx((in_a + in_b) / 2)
    assert (chance.low, chance.high, chance.least_runs) == (None, None, 1)


@pytest.mark.parametrize(
    ("scores", "values", "ends"),
    [
        (
            SEVEN,
            (0.027645102895, 0.022171269061, 0.057053333373, 0.977828730939),
            ((-0.326, 0.374), (-0.210, 0.249), (-0.283, 0.317), (0.751, 1.210)),
        ),
        (
            FIVE,
            (0.014210257457, 0.015675476061, 0.009881955704, 0.984324523939),
            ((-0.403, 0.440), (-0.256, 0.289), (-0.328, 0.367), (0.711, 1.256)),
        ),
    ],
)
def test_the_same_as_the_authors_library(
    scores: np.ndarray,
    values: tuple[float, ...],
    ends: tuple[tuple[float, float], ...],
) -> None:
    """Numbers of rliable 1.2.0, 20,000 draws."""
    for statistic, expected, (low, high) in zip(STATISTICS, values, ends, strict=True):
        found = estimate(by_task(scores), statistic)
        assert found.value == pytest.approx(expected, abs=1e-11)
        assert (found.low, found.high) == pytest.approx((low, high), abs=0.015)


def test_pairs_and_profiles_are_those_of_the_authors_library() -> None:
    chance = probability_of_improvement(by_task(SEVEN), by_task(FIVE))
    assert chance.value == pytest.approx(0.514285714286, abs=1e-11)
    assert (chance.low, chance.high) == pytest.approx((0.354, 0.674), abs=0.015)
    profile = performance_profile(by_task(SEVEN), np.array([-0.5, 0, 0.5]))
    assert profile.value == pytest.approx([24 / 35, 17 / 35, 12 / 35])
    assert profile.low == pytest.approx([0.543, 0.343, 0.2], abs=0.03)
    assert profile.high == pytest.approx([0.829, 0.629, 0.486], abs=0.03)


@pytest.mark.parametrize("seed", range(5))
def test_what_holds_for_any_scores(seed: int) -> None:
    generator = np.random.default_rng(seed)

    def scores(*runs: int) -> Scores:
        drawn = [generator.normal(size=n).round(1) for n in runs]  # rounded: some ties
        return {str(i): x for i, x in enumerate(drawn)}

    ours, theirs = scores(5, 3, 8), scores(4, 6, 3)
    for statistic in STATISTICS:
        found = estimate(ours, statistic, draws=500)
        assert found.low is not None
        assert found.high is not None
        assert found.low <= found.value <= found.high
        assert found == estimate(ours, statistic, draws=500)  # repeats
        shifted = estimate({k: x + 7 for k, x in ours.items()}, statistic, draws=500)
        if statistic is not optimality_gap:
            assert shifted.value == pytest.approx(found.value + 7)
            assert shifted.high == pytest.approx(found.high + 7)
    one = probability_of_improvement(ours, theirs, draws=500)
    other = probability_of_improvement(theirs, ours, draws=500)
    assert one.value + other.value == pytest.approx(1)
    assert one.low is not None
    assert one.high is not None
    assert 0 <= one.low <= one.value <= one.high <= 1
    assert probability_of_improvement(ours, ours, draws=10).value == 0.5
    constant = estimate({"a": np.full(4, 2.5), "b": np.full(6, 2.5)})
    assert (constant.value, constant.low, constant.high) == (2.5, 2.5, 2.5)
    profile = performance_profile(ours, np.linspace(-3, 3, 20), draws=50)
    assert (np.diff(profile.value) <= 0).all()


def test_runs_are_resampled_within_their_task() -> None:
    # Tasks are far apart and their runs equal: only mixing them could make a spread.
    scores = {"low": np.zeros(4), "high": np.full(6, 100.0)}
    for statistic in (interquartile_mean, mean, median):
        found = estimate(scores, statistic, draws=300)
        assert found.low == found.high == pytest.approx(found.value)
    both = probability_of_improvement(
        {"low": np.ones(3), "high": np.zeros(3)},
        {"low": np.zeros(3), "high": np.ones(3)},
        draws=300,
    )
    assert (both.value, both.low, both.high) == (0.5, 0.5, 0.5)


def test_two_runs_have_no_interval() -> None:
    two = {"a": np.array([1.0, 2.0, 3.0]), "b": np.array([1.0, 5.0])}
    assert estimate(two, mean) == Estimate(2.5, None, None, 2)
    assert probability_of_improvement(two, two).low is None
    assert performance_profile(two, np.zeros(1)).low is None
    assert curve_band(np.zeros((2, 4))).high is None
    three = {"a": np.array([1.0, 2.0, 3.0])}
    assert estimate(three).low == 1
    for nothing in ({}, {"a": np.zeros(0)}):
        with pytest.raises(ValueError, match="a task at least"):
            estimate(nothing)
    with pytest.raises(ValueError, match="a task at least"):
        probability_of_improvement(two, {"c": np.ones(2)})


def test_whole_runs_are_resampled_along_a_curve() -> None:
    # Two kinds of runs that cross: at each point the band spans both kinds.
    rising, falling = np.linspace(0, 1, 11), np.linspace(1, 0, 11)
    band = curve_band(np.stack([rising, falling, rising, falling]))
    assert band.value == pytest.approx(np.full(11, 0.5))
    assert band.low is not None
    assert band.high is not None
    assert band.low + band.high == pytest.approx(np.ones(11), abs=0.01)
    assert band.high[0] == band.high[-1] == 1
    assert band.high[5] == pytest.approx(0.5)
