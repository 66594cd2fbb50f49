"""Ground truth of My Way Home: where the player is."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from envs.doom.floor_plan import FloorPlan
from envs.doom.game import SCREEN
from envs.overview import OVERVIEW
from envs.vector_env import FactSpec

_COLOUR = "colour"


def fact_specs(plan: FloorPlan, colour: bool, overview: bool) -> dict[str, FactSpec]:
    """Shapes and dtypes.

    `place` is x and y, `angle` degrees from the east to the north, `facing` its cosine
    and sine; `room` a number of the map, `x` and `y` tiles of 32 units from the
    south-west; `found` is 1 where the vest was found.
    """
    number, truth = torch.int64, torch.float32
    facts = {
        "place": FactSpec((2,), truth, unit="map units"),
        "angle": FactSpec((), truth),
        "facing": FactSpec((2,), truth),
        "room": FactSpec((), number),
        "x": FactSpec((), number, unit="tiles"),
        "y": FactSpec((), number, unit="tiles"),
        "found": FactSpec((), number, tally=True),
    }
    if colour:
        facts[_COLOUR] = FactSpec((3, *SCREEN), torch.uint8)
    if overview:
        facts[OVERVIEW] = FactSpec(plan.shape, torch.uint8)
    return facts


def tell(
    plan: FloorPlan, known: Mapping[str, Tensor], wanted: Mapping[str, Any]
) -> dict[str, Tensor]:
    """The wanted facts, made of `place`, `angle`, `found` and perhaps `colour`."""
    place, way = known["place"], torch.deg2rad(known["angle"])
    x, y = plan.tile(place).unbind(-1)
    facing = torch.stack([way.cos(), way.sin()], -1)
    facts = {**known, "facing": facing, "room": plan.room(place), "x": x, "y": y}
    if OVERVIEW in wanted:
        facts[OVERVIEW] = plan.draw(place, known["angle"])
    return {name: facts[name] for name in wanted}
