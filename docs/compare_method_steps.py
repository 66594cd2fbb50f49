"""Steps of our methods beside lightly's: how long each takes.

    python docs/compare_method_steps.py

writes results/compare_method_steps.json beside this file and prints the table of
benchmarks.md. `docs/peers/method_steps.py` says what a step is and what is equal,
`docs/peers/lightly_losses.py` how to get lightly; timm is wanted as well. Of each
method both steps are timed in turn, in CPU seconds of one thread; ratios are taken
within a round.
"""

import json
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from peers.method_steps import Pair, pairs

from experiments.benchmark.timing import by_cpu_time, measure, ratio, update_seconds

RESULTS = Path(__file__).parent / "results" / "compare_method_steps.json"
PACKAGES = ("lightly", "timm", "torch")
ROUNDS, UPDATES, WARM_UP = 11, 1, 2


def timed(pair: Pair) -> dict[str, Any]:
    """Seconds of a step of each, round by round."""
    cpu = torch.device("cpu")
    timings = by_cpu_time(list(measure(pair, ROUNDS, UPDATES, WARM_UP, cpu)))
    each = {
        arm.about: {
            "parameters": arm.num_parameters,
            "seconds": [round(x, 6) for x in update_seconds(timings, arm.name)],
        }
        for arm in pair
    }
    return {"method": pair.ours.name, **each}


def table(found: list[Mapping[str, Any]]) -> Iterator[str]:
    """Markdown: a line for each method."""
    yield "| method | ours, ms | lightly's, ms | ours / lightly's, median (min–max) |"
    yield "|---|---|---|---|"
    for x in found:
        mine, other = (x[who]["seconds"] for who in ("ours", "lightly's"))
        over = ratio(mine, other)
        assert over is not None
        middle = [sorted(each)[len(each) // 2] for each in (mine, other)]
        cells = [f"`{x['method']}`", *(f"{1e3 * each:.0f}" for each in middle)]
        cells.append(f"{over.median:.2f} ({over.low:.2f}–{over.high:.2f})")
        yield f"| {' | '.join(cells)} |"


def main() -> None:
    """Time all of them, write it down and print it."""
    torch.set_num_threads(1)
    packages = {name: version(name) for name in PACKAGES}
    told = {"packages": packages, "methods": [timed(x) for x in pairs()]}
    RESULTS.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    print("\n".join(table(told["methods"])))


if __name__ == "__main__":
    main()
