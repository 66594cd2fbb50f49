"""A share of successes, and what it may be."""

from math import sqrt
from statistics import NormalDist


def wilson_interval(
    successes: int, trials: int, level: float = 0.95
) -> tuple[float, float]:
    """Wilson's score interval of a probability of success (Wilson 1927).

        (p + z²/2n ± z √(p (1 - p)/n + z²/4n²)) / (1 + z²/n)

    with p = successes / n of n trials, and z the normal quantile of (1 + level) / 2.
    Never outside of [0, 1], and not a point where all or none succeed.

    Raises:
        ValueError: there are no trials, or not as many as successes.
    """
    if not 0 <= successes <= trials or trials < 1:
        raise ValueError(f"{successes} successes in {trials} trials")
    z2 = NormalDist().inv_cdf((1 + level) / 2) ** 2
    share = successes / trials
    middle = share + z2 / (2 * trials)
    # under one root, so that it is exactly 0 or 1 where all are alike
    reach = sqrt(z2 * (share * (1 - share) + z2 / (4 * trials)) / trials)
    scale = 1 + z2 / trials
    low = 0.0 if successes == 0 else (middle - reach) / scale
    high = 1.0 if successes == trials else (middle + reach) / scale
    return low, high
