"""Lays out the tables of gamma_progress.md: `python docs/attention_tables.py`.

From `results/attention.jsonl` (`collect_attention.py`); `attention_grids.py` has the
other grids. A world is a company and an animate group; a run's **score** is the final
loss on the animate group of the random gaze, over that of the run, both of one seed:
above 1 it has learned more.
"""

import json
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, geometric_mean, stdev
from typing import Any

FILE = Path(__file__).parent / "results" / "attention.jsonl"
RANDOM = "random"
SIGNALS = {
    "gamma": "γ-Progress",
    "delta": "δ-Progress",
    "rnd": "RND",
    "disagreement": "disagreement",
    "error": "prediction error",
    RANDOM: "random",
    "dwell": "dwell",
    "gamma-98": "γ-Progress, γ = 0.98",
}
COMPANIES, ANIMATES = ("noise", "mixture"), ("reaching", "chasing")
SHARE = "share/in_view/"

World = tuple[str, str]
Run = Mapping[str, Any]


@dataclass(frozen=True)
class Results:
    """All runs; scores are in units of the losses of one of the arms."""

    lines: tuple[Run, ...]
    base: str = RANDOM

    def __post_init__(self) -> None:
        keys = [(*_world(x), x["signal"], x["seed"]) for x in self.lines]
        twice = sorted({str(x) for x in keys if keys.count(x) > 1})
        assert not twice, f"there twice: {', '.join(twice)}"

    def runs(self, world: World, signal: str) -> dict[int, Run]:
        """By seed, in order."""
        found = [x for x in self.lines if (_world(x), x["signal"]) == (world, signal)]
        return {int(x["seed"]): x for x in sorted(found, key=lambda x: int(x["seed"]))}

    def scores(self, world: World, signal: str) -> dict[int, float]:
        """By seed; of seeds that the base has, too."""
        loss = f"watched/{world[1]}"
        base = self.runs(world, self.base)
        runs = self.runs(world, signal)
        return {s: base[s][loss] / x[loss] for s, x in runs.items() if s in base}

    def score(self, world: World, signal: str) -> float | None:
        """Geometric mean over seeds; None where nothing was run."""
        scores = self.scores(world, signal)
        return geometric_mean(scores.values()) if scores else None

    def share(
        self, world: World, signal: str, of: Callable[[Run], float]
    ) -> float | None:
        """Mean over seeds; None where nothing was run."""
        runs = self.runs(world, signal)
        return fmean(map(of, runs.values())) if runs else None


def read(file: Path = FILE) -> Results:
    """All lines of the file."""
    return Results(tuple(json.loads(x) for x in file.read_text().splitlines() if x))


def on_animate(run: Run) -> float:
    """Share of the steps on the animate group."""
    return float(run[SHARE + run["animate"]])


def on_noise(run: Run) -> float:
    """Share of the steps on all groups of noise together."""
    return sum(x for name, x in run.items() if name.startswith(f"{SHARE}noise"))


def preference(run: Run) -> float:
    """The animate group's share over the mean share of the other groups."""
    others = [x for name, x in run.items() if name.startswith(SHARE)]
    rest = (sum(others) - on_animate(run)) / (len(others) - 1)
    return on_animate(run) / rest if rest > 0 else float("inf")


def score_table(
    results: Results, world: World, arms: Mapping[str, str] = SIGNALS
) -> Iterator[str]:
    """Scores of every arm seed by seed, their mean, and the shares of its steps."""
    yield "| | score, by seed | geometric mean | on animate | on noise |"
    yield "|---|---|---|---|---|"
    for signal, about in arms.items():
        each = [f"{x:.2f}" for x in results.scores(world, signal).values()]
        numbers = (
            results.score(world, signal),
            results.share(world, signal, on_animate),
            results.share(world, signal, on_noise),
        )
        cells = [about, ", ".join(each) or "–", *map(_number, numbers)]
        yield f"| {' | '.join(cells)} |"


def failure_table(results: Results) -> Iterator[str]:
    """How many runs of each arm fail in the two ways that the paper counts.

    Counted are runs, of all animate groups and seeds. In Mixture a run is indifferent
    if its preference is within 2 s.d. of the random gaze's; in Noise it is fixed on
    noise if its preference is more than 2 s.d. below. Mean and s.d. (n - 1) are over
    the random gaze's seeds in the same world. (The paper counts behaviours, of 8.)
    """
    yield "| | indifferent (Mixture) | fixed on noise (Noise) |"
    yield "|---|---|---|"
    for signal, about in SIGNALS.items():
        near = _count(results, signal, "mixture", lambda far: abs(far) <= 2)
        below = _count(results, signal, "noise", lambda far: far < -2)
        yield f"| {about} | {near} | {below} |"


def _count(
    results: Results, signal: str, company: str, fails: Callable[[float], bool]
) -> str:
    far: list[float] = []
    for animate in ANIMATES:
        world = (company, animate)
        base = list(map(preference, results.runs(world, RANDOM).values()))
        if len(base) > 1:
            runs = results.runs(world, signal).values()
            far += [(preference(x) - fmean(base)) / stdev(base) for x in runs]
    return f"{sum(map(fails, far))} of {len(far)}" if far else "–"


_HOLDS = {"≥": operator.ge, "≤": operator.le, "<": operator.lt}


@dataclass(frozen=True)
class Gate:
    """What must hold; `value` is None where nothing was run."""

    world: World
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
    """All that must hold of scores and shares."""
    for company, over_delta, over_dwell in (("noise", 1.3, 1.1), ("mixture", 1.1, 1.3)):
        world = (company, "reaching")
        gamma = results.score(world, "gamma")
        worst = min(results.scores(world, "gamma").values(), default=None)
        yield Gate(world, "γ", gamma, "≥", 2.5)
        yield Gate(world, "γ, worst seed", worst, "≥", 1.8)
        for signal, least in (("delta", over_delta), ("dwell", over_dwell)):
            other = results.score(world, signal)
            ratio = gamma / other if gamma and other else None
            yield Gate(world, f"γ over {SIGNALS[signal]}", ratio, "≥", least)
        for signal in ("error", "disagreement"):
            score = results.score(world, signal)
            yield Gate(world, SIGNALS[signal], score, "≤", 0.8)
        yield Gate(world, "γ = 0.98", results.score(world, "gamma-98"), "<", 1.5)
        for signal, sign, limit in (("gamma", "≥", 0.6), ("error", "≤", 0.05)):
            share = results.share(world, signal, on_animate)
            about = f"share on animate, {SIGNALS[signal]}"
            yield Gate(world, about, share, sign, limit)
    for company in COMPANIES:
        world = (company, "chasing")
        yield Gate(world, "γ", results.score(world, "gamma"), "≥", 1.6)
        yield Gate(world, SIGNALS["error"], results.score(world, "error"), "≤", 0.85)


def gate_table(found: Iterable[Gate]) -> Iterator[str]:
    """A line for each gate."""
    yield "| world | what | must be | is | |"
    yield "|---|---|---|---|---|"
    for x in found:
        value = _number(x.value)
        limit = f"{x.sign} {x.limit:g}"
        yield f"| {title(x.world)} | {x.about} | {limit} | {value} | {x.verdict} |"


def title(world: World) -> str:
    """A world by name."""
    return f"{world[0].title()}, {world[1]}"


def _world(run: Run) -> World:
    return run["company"], run["animate"]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


if __name__ == "__main__":
    every = read()
    for company in COMPANIES:
        for animate in ANIMATES:
            rows = score_table(every, (company, animate))
            print(f"{title((company, animate))}:", *rows, "", sep="\n")
    print("Failures:", *failure_table(every), "", sep="\n")
    found = list(gates(every))
    print("Gates:", *gate_table(found), "", sep="\n")
    passed = sum(x.verdict == "pass" for x in found)
    print(f"{passed} of {len(found)} gates pass.")
