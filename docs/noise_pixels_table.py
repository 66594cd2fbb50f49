"""The table “From pixels” of noise_matrix.md.

`python docs/noise_pixels_table.py SWEEP` gathers the runs of the grid `noise-pixels`,
one line each, for `results/noise_pixels.jsonl`; without SWEEP it lays the table out.
Episodes have 1,000 steps, and all of them end together: a run of 150,000 steps in 32
envs has four rounds of episodes; `rooms_rounds` are the rooms of an episode in each.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from finished import commit_of, finished

from experiments.report.events import EVENT, TALLY, last_half
from experiments.report.runs import LoadedRun

FILE = Path(__file__).parent / "results" / "noise_pixels.jsonl"
NOISES = {"none": "no noise", "layer": "layer, p = 0.25", "no-op": "no-op patterns"}
SIGNALS = {"byol-explore": "BYOL-Explore", "byol-hindsight": "BYOL-Hindsight"}

Run = Mapping[str, Any]


def collected(sweep: Path) -> Iterator[dict[str, Any]]:
    """One line for each finished run."""
    for cell, run in finished(sweep):
        yield {**cell["axes"], "seed": cell["seed"], **measured(run)}


def measured(run: LoadedRun) -> dict[str, Any]:
    """What a run came to."""

    def values(metric: str) -> list[float]:
        return [round(float(x), 4) for x in run.series(metric)[2]]

    line: dict[str, Any] = {"rooms_rounds": values(f"{TALLY}rooms")}
    line["rooms_evaluated"] = values("evaluate/rooms_per_episode")
    line["rooms_random"] = values("random/rooms_per_episode")[-1]
    for part in ("steps", "bonus/prediction-error", "bonus/hindsight-error"):
        if (told := last_half(run, f"{EVENT}noise/{part}")) is not None:
            line[f"noise/{part.split('/')[0]}"] = round(told, 4)
    line |= {"env_steps": run.steps, "seconds": round(run.seconds or 0.0, 1)}
    return {**line, "commit": commit_of(run)}


def table(lines: list[Run]) -> Iterator[str]:
    """Rooms and shares by noise and signal, with every seed."""
    yield (
        "| noise | signal | rooms, best round, by seed | mean | last round, by seed "
        "| mean | random | steps with noise | bonus for them | seconds |"
    )
    yield f"|{'---|' * 10}"
    for noise, noise_about in NOISES.items():
        for signal, about in SIGNALS.items():
            asked = (noise, signal)
            runs = [x for x in lines if (x["noise"], x["signal"]) == asked]
            if not runs:
                continue
            runs.sort(key=lambda x: int(x["seed"]))
            best = [max(x["rooms_rounds"]) for x in runs]
            last = [x["rooms_rounds"][-1] for x in runs]
            cells = (
                *(noise_about, about, _each(best), _mean(best), _each(last)),
                *(_mean(last), _mean([x["rooms_random"] for x in runs])),
                _mean([x["noise/steps"] for x in runs if "noise/steps" in x]),
                _mean([x["noise/bonus"] for x in runs if "noise/bonus" in x]),
                f"{fmean(x['seconds'] for x in runs):.0f}",
            )
            yield f"| {' | '.join(cells)} |"


def read(file: Path = FILE) -> list[Run]:
    """All lines of the file."""
    return [json.loads(x) for x in file.read_text("utf-8").splitlines() if x]


def _each(values: list[float]) -> str:
    return ", ".join(f"{x:.2f}" for x in values)


def _mean(values: list[float]) -> str:
    return f"{fmean(values):.2f}" if values else "–"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        for line in collected(Path(sys.argv[1])):
            print(json.dumps(line))
    else:
        print("\n".join(table(read())))
