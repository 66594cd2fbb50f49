from io import StringIO

import pytest
from rich.console import Console

from experiments.probe.results import print_findings
from experiments.probe.tables import readings_table
from world_models.probing.findings import (
    PIXELS,
    PROBED,
    TRUE,
    Findings,
    Reading,
)
from world_models.probing.tallies import Score


def reading(arm: str, layer: str, rmse: float, ahead: int | None = None) -> Reading:
    scores = {"rmse": Score(rmse, None, None), "r2": Score(0.5, None, None)}
    return Reading(arm, layer, "place", "px", "ridge", TRUE, ahead, 10, scores)


def test_pixels_stand_beside_what_saw_them() -> None:
    """Those of a row that was predicted show what came: no control of a prediction."""
    found = [
        reading(PROBED, "encoded", 1.0),
        reading(PROBED, "predicted", 2.0),
        reading(PROBED, "predicted", 3.0, ahead=1),
        reading(PIXELS, "output", 0.25),
    ]
    table = readings_table(Findings("", 10, (1, 1, 1), found, {}, [], []), "rmse")
    place = table.columns.index(PIXELS)
    by_layer = {row[1]: row[place] for row in table.rows}
    assert by_layer == {"encoded": "0.25", "predicted": "–"}


@pytest.mark.parametrize("width", [60, 80, 120, 300])
def test_a_narrow_terminal_is_told_what_it_does_not_show(width: int) -> None:
    found = Findings("", 10, (1, 1, 1), [reading(PROBED, "encoded", 1.0)], {}, [], [])
    console = Console(file=StringIO(), width=width)
    print_findings(found, console)
    assert isinstance(console.file, StringIO)
    numbers, _, _ = console.file.getvalue().partition("Diagnostics")
    table, _, also = numbers.partition("The report also has: ")
    heads = next(x for x in table.splitlines() if x.startswith(" fact"))
    left_out = " ".join(also.split()).split(", ") if also else []
    columns = list(readings_table(found, "rmse").columns)
    shown = columns[: len(columns) - len(left_out)]
    assert [*shown, *left_out] == columns
    assert " ".join(heads.split()) == " ".join(shown)
    assert bool(left_out) == (width < 200)
