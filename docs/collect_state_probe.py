"""Gathers what `curious probe` read off the models of a sweep.

    python docs/collect_state_probe.py SWEEP > docs/results/rooms_models.jsonl
    python docs/collect_state_probe.py docs/results/rooms_models.jsonl

The first writes a line for each finished run that was probed: its axes and seed, and
for each fact and layer the R² of ridge, with its 95 % interval over test episodes (of
a class weighted F1 of softmax), all steps ahead together; of things that there are
several of the mean, without an interval. The second prints the table: values by seed.
"""

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

from finished import commit_of, finished

SCORES = {"ridge": "r2", "softmax": "f1"}


def collected(sweep: Path) -> Iterator[dict[str, Any]]:
    """One line for each run that was probed; of several probes the last one's."""
    for cell, run in finished(sweep):
        reports = sorted(run.path.glob("probe-*/probe.json"))
        if not reports:
            print(f"left out: {cell['name']} was not probed", file=sys.stderr)
            continue
        told = json.loads(reports[-1].read_text("utf-8"))
        yield {
            **cell["axes"],
            "seed": cell["seed"],
            "frames": told["frames"],
            "read": read(told["readings"]),
            "commit": commit_of(run),
        }


def read(readings: list[dict[str, Any]]) -> dict[str, list[float]]:
    """`fact, layer`: value, and where known its interval."""
    found: dict[str, list[list[float]]] = defaultdict(list)
    for x in readings:
        whole = x["ahead"] is None and (x["arm"], x["labels"]) == ("probed", "true")
        if whole and x["probe"] in SCORES:
            score = x["scores"][SCORES[x["probe"]]]
            name = re.sub(r"\.\d+", "", x["fact"])
            values = [round(score[k], 4) for k in ("value", "low", "high")]
            found[f"{name}, {x['layer']}"].append(values)
    return {
        k: x[0] if len(x) == 1 else [round(fmean(y[0] for y in x), 4)]
        for k, x in found.items()
    }


def table(lines: list[dict[str, Any]]) -> Iterator[str]:
    """A fact and layer a row, a model a column."""
    models = list(dict.fromkeys(x["model"] for x in lines))
    lines = sorted(lines, key=lambda x: int(x["seed"]))
    yield "| | " + " | ".join(f"`{x}`" for x in models) + " |"
    yield "|---" * (len(models) + 1) + "|"
    for key in lines[0]["read"]:
        cells = [
            ", ".join(f"{x['read'][key][0]:.2f}" for x in lines if x["model"] == model)
            for model in models
        ]
        yield f"| {key} | {' | '.join(cells)} |"


if __name__ == "__main__":
    said = Path(sys.argv[1])
    if said.is_dir():
        for line in collected(said):
            print(json.dumps(line))
    else:
        kept = [json.loads(x) for x in said.read_text("utf-8").splitlines()]
        print("\n".join(table(kept)))
