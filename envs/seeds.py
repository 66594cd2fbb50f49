"""Seeds of single envs, for simulators that want a whole number each."""

import numpy as np
from numpy.typing import NDArray


def env_seeds(seed: int, num_envs: int) -> NDArray[np.int64]:
    """One seed per env, `[num_envs]`, below 2³¹.

    They are drawn, not counted up: with `seed + i`, the runs of seeds 0 and 1 would
    share all random streams but one.
    """
    drawn = np.random.SeedSequence(seed).generate_state(num_envs, np.uint32)
    return (drawn >> 1).astype(np.int64)


def fresh_seed() -> int:
    """A seed from the operating system.

    ALE left to itself takes the clock, in whole seconds, so that all envs of an
    unseeded batch would repeat their actions at the same frames.
    """
    return int(np.random.SeedSequence().generate_state(1)[0])
