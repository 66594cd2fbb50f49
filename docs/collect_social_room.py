"""Gathers who looked at what: `python docs/collect_social_room.py SWEEP`.

Lines are those of `collect_attention.py`, with the share of every group over time, in
24 equal parts of the run, under `over_time`.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from collect_attention import SHARE, binned, measured, named
from finished import finished


def collected(sweep: Path) -> Iterator[dict[str, Any]]:
    """One line for each finished run."""
    for cell, run in finished(sweep):
        world = {x: named(run, x) for x in ("company", "animate")}
        shares = {
            x.removeprefix(SHARE): binned(*run.series(x)[::2])
            for x in run.columns
            if x.startswith(SHARE)
        }
        line = {"seed": cell["seed"], "env_steps": run.steps}
        told = measured(run, world["animate"])
        yield world | cell["axes"] | line | told | {"over_time": shares}


if __name__ == "__main__":
    for line in collected(Path(sys.argv[1])):
        print(json.dumps(line))
