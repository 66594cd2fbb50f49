"""Random numbers of all envs, of which each of several processes takes its own.

All processes draw from one stream, as one process would: whose env is acted in does not
depend on how many there are, and the state of the stream is the same everywhere.
"""

from collections.abc import Callable

import torch
from jaxtyping import Shaped
from torch import Tensor

from envs.check import random_actions
from envs.vector_env import EnvSpec
from ssl_objectives.distributed import num_processes, own_rows


def drawn_like(
    rows: Shaped[Tensor, "B *D"], draw: Callable[[Tensor], Tensor]
) -> Shaped[Tensor, "B *D"]:
    """This process's rows of what is drawn for the rows of all.

    Args:
        rows: of this process, for shape, dtype and device.
        draw: fills a tensor with random numbers, in place, and gives it.
    """
    of_all = rows.new_empty(num_processes() * len(rows), *rows.shape[1:])
    return own_rows(draw(of_all), 0)


def drawn_actions(spec: EnvSpec, generator: torch.Generator) -> Shaped[Tensor, "B ..."]:
    """Uniformly random actions for the worlds of this process; see `random_action`."""
    of_all = num_processes() * spec.num_envs
    drawn = random_actions(spec.actions, of_all, generator)
    return own_rows(drawn, 0).to(spec.device)
