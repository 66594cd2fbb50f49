"""Gathers `results.json` of a sweep's cells as lines: `python docs/collect.py SWEEP`.

Each line has the cell's values, by axis, its seed, and the results, to four digits.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def collected(sweep: Path) -> Iterator[dict[str, Any]]:
    """One line for each cell that was measured."""
    for cell in json.loads((sweep / "cells.json").read_text())["cells"]:
        for file in sorted((sweep / "cells" / cell["name"]).glob("*/results.json")):
            results = json.loads(file.read_text())["results"]
            found = {k: round(x, 4) for k, x in results.items()}
            yield {**cell["axes"], "seed": cell["seed"], **found}


if __name__ == "__main__":
    for line in collected(Path(sys.argv[1])):
        print(json.dumps(line))
