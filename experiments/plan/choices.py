"""Planners and costs by name: what `curious plan` lets choose, one row each."""

from collections.abc import Mapping

from experiments.config.choices import Choice, Row, Table
from experiments.parts.worlds import WORLDS
from experiments.plan.config import PlanConfig
from world_models.planning.categorical_cem import CategoricalCemConfig
from world_models.planning.cem import CemConfig
from world_models.planning.distance import (
    GoalDistance,
    LastStep,
    NearestStep,
    SumOfSteps,
)
from world_models.planning.icem import IcemConfig
from world_models.planning.mppi import MppiConfig
from world_models.planning.planner import PlannerConfig

PLANNERS: Table[PlannerConfig] = Table(
    "planner",
    PlannerConfig,
    {
        "icem": Row(IcemConfig),
        "cem": Row(CemConfig),
        "mppi": Row(MppiConfig),
        "categorical-cem": Row(CategoricalCemConfig),
    },
)

COSTS: Table[GoalDistance] = Table(
    "cost",
    GoalDistance,
    {
        "sum": Row(SumOfSteps, "Squared distances to the goal, summed over steps"),
        "last": Row(LastStep, "The squared distance to the goal of the last step"),
        "nearest": Row(NearestStep, "The least squared distance of all steps"),
    },
    advice="It needs to be a GoalDistance: see world_models.planning.distance.",
)

CHOICES = (
    Choice(PLANNERS, "Who plans.", default="icem"),
    Choice(COSTS, "What actions cost.", default="sum"),
    Choice(WORLDS, "Where (default: where the model was trained).", listed=False),
)


def plan_config(
    planner: str = "icem", cost: str = "sum", world: str | None = None
) -> PlanConfig:
    """The config that the choices of `curious plan` stand for.

    Raises:
        ConfigError: no such name.
    """
    return PlanConfig(
        planner=PLANNERS.make(planner),
        cost=COSTS.make(cost),
        world=None if world is None else WORLDS.make(world),
    )


def from_choices(chosen: Mapping[str, str]) -> PlanConfig:
    """`plan_config` from what the command line chose."""
    return plan_config(**chosen)
