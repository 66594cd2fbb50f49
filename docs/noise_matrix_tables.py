"""Lays out the tables of noise_matrix.md: `python docs/noise_matrix_tables.py`.

From `results/noise_matrix.jsonl` (`collect_noise_matrix.py`).
"""

import json
import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

FILE = Path(__file__).parent / "results" / "noise_matrix.jsonl"
NOISES = {
    "none": "no noise",
    "movers": "Brownian movers",
    "no-op": "no-op patterns",
    "layer": "layer, p = 0.25",
    "persistive": "persistive layer",
}
SIGNALS = {
    "byol-explore": "BYOL-Explore",
    "byol-hindsight": "BYOL-Hindsight",
    "invariance-paid": "BYOL-Hindsight, R_inv paid",
    "rnd": "RND",
    "gamma-progress": "γ-Progress",
    "disagreement": "disagreement",
    "icm": "ICM",
    "ride": "RIDE",
    "re3": "RE3",
    "apt": "APT",
    "e3b": "E3B",
    "noveld": "NovelD",
    "ngu": "NGU",
    "ama": "AMA",
    "hash-counts": "counts of hashes",
    "exact-counts": "counts",
    "lpm": "LPM",
    "curiosity-critic": "Curiosity-Critic",
    "delta-progress": "δ-Progress",
    "random": "random",
}
UNIFORM = 0.2
"""share of the no-op of an agent that chooses none of the five actions"""
EVENTS = ("tracker", "new_room", "mover_in_view", "noise", "plain")

Run = Mapping[str, Any]


@dataclass(frozen=True)
class Results:
    """All runs."""

    lines: tuple[Run, ...]

    def runs(self, noise: str, signal: str) -> list[Run]:
        """In order of seed."""
        found = [x for x in self.lines if (x["noise"], x["signal"]) == (noise, signal)]
        return sorted(found, key=lambda x: int(x["seed"]))

    def mean(self, noise: str, signal: str, key: str) -> float | None:
        """Over seeds; None where nothing was run, or none has it."""
        values = [x[key] for x in self.runs(noise, signal) if x.get(key) is not None]
        return fmean(values) if values else None


def read(file: Path = FILE) -> Results:
    """All lines of the file."""
    return Results(tuple(json.loads(x) for x in file.read_text().splitlines() if x))


def matrix(results: Results, key: str) -> Iterator[str]:
    """Means over seeds of one number, signals that were run by noises."""
    noises = [x for x in NOISES if any(line["noise"] == x for line in results.lines)]
    yield f"| | {' | '.join(NOISES[x] for x in noises)} |"
    yield f"|---|{'---|' * len(noises)}"
    there = {line["signal"] for line in results.lines}
    for signal, about in SIGNALS.items():
        if signal not in there:
            continue
        cells = [_number(results.mean(x, signal, key)) for x in noises]
        yield f"| {about} | {' | '.join(cells)} |"


def seed_table(results: Results, noise: str) -> Iterator[str]:
    """Per seed: trackers of the best eighth and of the last half, and no-ops."""
    yield (
        "| | trackers, best eighth, by seed | mean | last half, by seed | mean "
        "| share of no-ops | seconds |"
    )
    yield "|---|---|---|---|---|---|---|"
    for signal, about in SIGNALS.items():
        runs = results.runs(noise, signal)
        if runs:
            cells = [
                cell
                for key in ("trackers_best", "trackers")
                for cell in (
                    ", ".join(f"{x[key]:.2f}" for x in runs),
                    _number(results.mean(noise, signal, key)),
                )
            ]
            cells += [_number(results.mean(noise, signal, "noop/steps"))]
            cells += [f"{fmean(x['seconds'] for x in runs):.0f}"]
            yield f"| {about} | {' | '.join(cells)} |"


def event_table(results: Results, noise: str) -> Iterator[str]:
    """What a step with an event was paid, in means of all; and its share of steps."""
    there = [x for x in EVENTS if _seen(results, noise, x)]
    yield f"| | {' | '.join(x.replace('_', ' ') for x in there)} |"
    yield f"|---|{'---|' * len(there)}"
    for signal, about in SIGNALS.items():
        if signal == "random" or not results.runs(noise, signal):
            continue
        cells = []
        for event in there:
            steps = results.mean(noise, signal, f"{event}/steps")
            bonus = results.mean(noise, signal, f"{event}/bonus")
            paid = bonus / steps if steps and bonus is not None else None
            cells.append(f"{_number(paid)} ({_number(steps, 3)})")
        yield f"| {about} | {' | '.join(cells)} |"


def _seen(results: Results, noise: str, event: str) -> bool:
    return any(
        x["noise"] == noise and (x.get(f"{event}/steps") or 0) > 0
        for x in results.lines
    )


_HOLDS = {"≥": operator.ge, "≤": operator.le}


@dataclass(frozen=True)
class Gate:
    """What must hold of means over seeds; `value` is None where nothing was run."""

    noise: str
    about: str
    value: float | None
    sign: str
    limit: float

    @property
    def verdict(self) -> str:
        """In a word."""
        if self.value is None:
            return "not run"
        return "pass" if _HOLDS[self.sign](self.value, self.limit) else "FAIL"


def gates(results: Results) -> Iterator[Gate]:
    """All that was asked for before the runs."""
    explore, hindsight = "byol-explore", "byol-hindsight"

    def more(noise: str, key: str) -> float | None:
        ours, base = (results.mean(noise, x, key) for x in (hindsight, explore))
        return None if ours is None or base is None else ours - base

    for signal in (explore, hindsight):
        peak = results.mean("none", signal, "trackers_best")
        yield Gate("none", f"{SIGNALS[signal]}, best eighth", peak, "≥", 2.0)
    above = "BYOL-Hindsight less BYOL-Explore, best eighth"
    yield Gate("none", above, more("none", "trackers_best"), "≥", -0.5)
    yield Gate("movers", above, more("movers", "trackers_best"), "≥", 0.8)
    for signal, sign, limit in ((explore, "≥", 2.5), (hindsight, "≤", 1.6)):
        share = results.mean("no-op", signal, "noop/steps")
        times = None if share is None else share / UNIFORM
        yield Gate("no-op", f"no-ops of {SIGNALS[signal]}, × 1/5", times, sign, limit)


def gate_table(results: Results) -> Iterator[str]:
    """The gates and what came of them."""
    yield "| noise | what | must be | is | |"
    yield "|---|---|---|---|---|"
    for x in gates(results):
        cells = (x.about, f"{x.sign} {x.limit:g}", _number(x.value), x.verdict)
        yield f"| {NOISES[x.noise]} | {' | '.join(cells)} |"


def tables(results: Results) -> Iterator[tuple[str, list[str]]]:
    """Every table with what stands above it."""
    yield "Trackers, best eighth", list(matrix(results, "trackers_best"))
    yield "Trackers, last half", list(matrix(results, "trackers"))
    for noise, about in NOISES.items():
        yield f"By seed: {about}", list(seed_table(results, noise))
    for noise, about in NOISES.items():
        yield f"Paid: {about}", list(event_table(results, noise))
    yield "Gates", list(gate_table(results))


def _number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


if __name__ == "__main__":
    for about, lines in tables(read()):
        print("\n".join((f"{about}:", *lines, "")))
