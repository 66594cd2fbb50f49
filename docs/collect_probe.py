"""What `curious probe` found of classes, as JSON to be kept and as a table.

    python docs/collect_probe.py runs/RUN/probe-… > docs/results/montezuma_probe.json
    python docs/collect_probe.py docs/results/montezuma_probe.json

The first leaves out where things lay; the second prints weighted F1 of the linear
softmax with its 95 % interval over test episodes, beside random weights, pixels, the
commonest class and shuffled facts.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

KEPT = ("frames", "of", "episodes", "notes", "readings", "diagnostics")
OTHERS = (
    ("random weights", "softmax", "true"),
    ("pixels", "softmax", "true"),
    ("probed", "majority", "true"),
    ("probed", "softmax", "shuffled"),
)


def kept(folder: Path) -> dict[str, Any]:
    """Of a probe's report what does not depend on the machine."""
    told = json.loads((folder / "probe.json").read_text("utf-8"))
    found = {name: told[name] for name in KEPT}
    found["of"] = told["of"].partition(",")[0]
    return {**found, "commit": told["versions"]["git"]["commit"][:12]}


def table(found: dict[str, Any]) -> Iterator[str]:
    """A line for each fact and layer."""
    yield "| fact | layer | F1 | random weights | pixels | commonest | shuffled |"
    yield "|---" * 7 + "|"
    for x in found["readings"]:
        own = (x["arm"], x["probe"], x["labels"])
        if own == ("probed", "softmax", "true") and x["ahead"] is None:
            others = (_find(found, x, *other) for other in OTHERS)
            cells = [x["fact"], x["layer"], _told(x), *map(_told, others)]
            yield "| " + " | ".join(cells) + " |"


def _find(
    found: dict[str, Any], own: dict[str, Any], arm: str, probe: str, labels: str
) -> dict[str, Any] | None:
    for x in found["readings"]:
        same = (x["arm"], x["probe"], x["labels"]) == (arm, probe, labels)
        layer = arm == "pixels" or x["layer"] == own["layer"]
        if same and layer and x["fact"] == own["fact"] and x["ahead"] is None:
            return dict(x)
    return None


def _told(reading: dict[str, Any] | None) -> str:
    if reading is None:
        return "–"
    score = reading["scores"]["f1"]
    if score["low"] is None:
        return f"{score['value']:.2f}"
    return f"{score['value']:.2f} [{score['low']:.2f}, {score['high']:.2f}]"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    if path.is_dir():
        print(json.dumps(kept(path), indent=1))
    else:
        print("\n".join(table(json.loads(path.read_text("utf-8")))))
