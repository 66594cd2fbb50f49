"""Seeds of all that a run draws, none of them shared with another run."""

from typing import NamedTuple

import numpy as np


class Seeds(NamedTuple):
    """One seed for each stream of random numbers.

    From NumPy's `SeedSequence`: runs whose seeds are neighbours share no stream, which
    they would if streams had the seeds s, s+1, s+2.
    """

    weights: int
    worlds: int
    actions: int
    minibatches: int
    warm_up: int
    lessons: int

    @staticmethod
    def of(seed: int) -> "Seeds":
        """The streams of a run; seeds are below 2³¹, which every world accepts."""
        drawn = np.random.SeedSequence(seed).generate_state(len(Seeds._fields))
        return Seeds(*(int(x) >> 1 for x in drawn))

    @staticmethod
    def resumed(seed: int, env_steps: int) -> int:
        """The worlds' seed when a run goes on in worlds that saved nothing."""
        [drawn] = np.random.SeedSequence([seed, env_steps]).generate_state(1)
        return int(drawn) >> 1

    @staticmethod
    def appended(seed: int, streams: int) -> int:
        """The seed of what is recorded behind `streams` streams; `seed` behind none.

        So a recording that goes on under the same seed never repeats itself.
        """
        if not streams:
            return seed
        [drawn] = np.random.SeedSequence([seed, streams]).generate_state(1)
        return int(drawn) >> 1
