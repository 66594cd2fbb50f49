"""Our signals beside a public implementation, value for value, on the same rollouts.

    python docs/compare_signals.py

writes results/compare_signals.json beside this file and prints the table of signals.md.
Compared with rllte's signals (RLeXplore; `docs/peers/rllte.py` has how to install it)
and with the counts of MiniGrid's PositionBonus (`pip install --no-deps minigrid`), with
the weights of our networks in theirs and nobody learning: what signals measure, in
front of any scale. Once as they come, and once with what differs by definition made
equal: `how` says what that was.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gymnasium
import torch
from peers.defects import defects
from peers.rllte import installed
from peers.seen import worlds
from peers.signals import SIGNALS

RESULTS = Path(__file__).parent / "results" / "compare_signals.json"


def table(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Markdown: a line for each signal, two columns for each world."""
    names = list(dict.fromkeys(x["world"] for x in found))
    yield "| signal |" + "".join(f" {x}: as they come | made equal |" for x in names)
    yield "|---|" + "---|---|" * len(names)
    for signal in dict.fromkeys(x["signal"] for x in found):
        cells = [_cells(x) for x in found if x["signal"] == signal]
        yield f"| `{signal}` |" + "".join(f" {x} |" for both in cells for x in both)


def _cells(told: Mapping[str, Any]) -> tuple[str, str]:
    plain, equal = told["as_they_come"], told["made_equal"]
    return (
        f"{plain['relative']:.2g} ({plain['correlation']:.2f})",
        f"{equal['relative']:.1e}",
    )


def main() -> None:
    """Compare all of them, write it down and print it."""
    torch.set_num_threads(1)
    found: list[dict[str, Any]] = []
    beside: list[dict[str, Any]] = []
    for seen in worlds():
        for compare in SIGNALS:
            torch.manual_seed(0)
            x = compare(seen)
            gaps = {k: getattr(x, k).told() for k in ("as_they_come", "made_equal")}
            found.append({"signal": x.signal, "world": seen.name, **gaps, "how": x.how})
        torch.manual_seed(0)
        beside += [{"world": seen.name, **x} for x in defects(seen)]
    packages = {
        "theirs": installed(),
        "minigrid": version("minigrid"),
        "torch": torch.__version__,
        "gymnasium": gymnasium.__version__,
    }
    told = {"packages": packages, "signals": found, "defects": beside}
    RESULTS.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print("\n".join(table(found)))
    for line in beside:
        print(line)


if __name__ == "__main__":
    main()
