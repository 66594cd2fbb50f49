"""How `curious plan` reads its arguments."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.config.answers import ChoosingCommand, Loaded

if TYPE_CHECKING:
    from experiments.plan.config import PlanConfig

EXAMPLES = (
    "curious plan runs/RUN",
    "curious plan runs/RUN --planner mppi --planner.temperature 2 --cost last",
    "curious plan runs/RUN --starts 50 --horizon 16 --execute 1",
    "curious plan runs/RUN --world two-rooms-fixed --pictures 12",
    "curious plan sweeps/two-rooms/cells/*/*/ --cost last --horizon 16",
)


def _load() -> "Loaded[PlanConfig]":
    # Not before: torch takes a second, which help and mistakes need not wait for.
    from experiments.plan.choices import CHOICES, from_choices
    from experiments.plan.config import PlanConfig

    return Loaded(CHOICES, PlanConfig, from_choices)


COMMAND = ChoosingCommand(
    "curious plan",
    "Have a world model that `curious train-model` trained reach goals by planning, "
    "all of them in one batch, and say how many it reaches. Starts that already are "
    "successes are drawn again.",
    EXAMPLES,
    _load,
)


def run(argv: Sequence[str]) -> int:
    """Plan as the command line says; returns 0."""
    config = COMMAND.read(argv)
    from experiments.plan.planning import plan  # imports torch

    plan(config)
    return 0
