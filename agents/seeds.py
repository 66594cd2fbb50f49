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
    def of(seed: int, process: int = 0) -> "Seeds":
        """The streams of a run; seeds are below 2³¹, which every world accepts.

        Several processes have worlds of their own, `SeedSequence(seed, (process,))`,
        and share all else: weights begin alike, and draws are those of one stream
        (`agents/draws.py`). The first process's worlds are those of one that is alone.
        """
        drawn = np.random.SeedSequence(seed).generate_state(len(Seeds._fields))
        seeds = Seeds(*(int(x) >> 1 for x in drawn))
        if not process:
            return seeds
        return seeds._replace(worlds=_mixed(seed, process))

    @staticmethod
    def resumed(seed: int, env_steps: int, process: int = 0) -> int:
        """The worlds' seed when a run goes on in worlds that saved nothing."""
        return _mixed([seed, env_steps], process)

    @staticmethod
    def appended(seed: int, streams: int) -> int:
        """The seed of what is recorded behind `streams` streams; `seed` behind none.

        So a recording that goes on under the same seed never repeats itself.
        """
        if not streams:
            return seed
        return _mixed([seed, streams])


def _mixed(entropy: int | list[int], process: int = 0) -> int:
    """One seed; that of the first process is the one without a process."""
    key = (process,) if process else ()
    [drawn] = np.random.SeedSequence(entropy, spawn_key=key).generate_state(1)
    return int(drawn) >> 1
