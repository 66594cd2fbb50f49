"""What others draw from the global generators of PyTorch, NumPy and Python."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def own_draws() -> Iterator[Callable[[int, int], None]]:
    """Inside, global generators can begin anew; afterwards they go on as before.

    Yields what has them begin with what follows from two numbers.
    """
    ours = (torch.get_rng_state(), random.getstate())
    numpys = np.random.get_state()  # noqa: NPY002 - of whoever draws from it
    try:
        yield _begin_with
    finally:
        torch.set_rng_state(ours[0])
        random.setstate(ours[1])
        np.random.set_state(numpys)  # noqa: NPY002


def _begin_with(one: int, two: int) -> None:
    sequence = np.random.SeedSequence([one, two])
    number = int(sequence.generate_state(1)[0])
    torch.default_generator.manual_seed(number)
    random.seed(number)
    np.random.seed(number)  # noqa: NPY002
