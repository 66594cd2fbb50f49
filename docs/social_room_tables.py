"""Lays out the tables of social_room.md: `python docs/social_room_tables.py`.

From `results/social_room.jsonl` (`collect_social_room.py`). A **score** is the judge's
loss on the animate group of the base over that of the run, both of one seed. The base
of DQN and of scripted gazes is the random gaze; of PPO, PPO that is paid nothing.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import fmean

from attention_tables import Gate, Results, gate_table, on_noise, read, score_table

FILE = Path(__file__).parent / "results" / "social_room.jsonl"
WORLD = ("mixture", "reaching")
GROUPS = ("reaching", "static", "periodic", "noise")
DQN = {
    "gamma": "γ-Progress, from pixels",
    "error": "prediction error, of coordinates",
    "random": "random",
    "dwell": "dwell",
}
PPO = {
    "ppo-gamma": "PPO, γ-Progress, from pixels",
    "ppo-error": "PPO, prediction error, of coordinates",
    "ppo-none": "PPO, nothing paid",
}
OWN = {"error-pixels": "prediction error, from pixels"}
"""its model is a JEPA, whose losses are in units of its own: it has no score"""
PARTS = 4


def share_table(results: Results, arms: Mapping[str, str]) -> Iterator[str]:
    """Shares of the gaze by group, in each quarter of the run; means over seeds."""
    yield "| | " + " | ".join(GROUPS) + " |"
    yield "|---|" + "---|" * len(GROUPS)
    for signal, about in arms.items():
        runs = list(results.runs(WORLD, signal).values())
        cells = [
            ", ".join(
                f"{fmean(fmean(_part(x['over_time'][group], i)) for x in runs):.2f}"
                for i in range(PARTS)
            )
            if runs
            else "–"
            for group in GROUPS
        ]
        yield f"| {about} | {' | '.join(cells)} |"


def loss_table(results: Results, arms: Mapping[str, str]) -> Iterator[str]:
    """The model's loss on each group under a hard-coded gaze; means over seeds."""
    yield "| | " + " | ".join(GROUPS) + " |"
    yield "|---|" + "---|" * len(GROUPS)
    for signal, about in arms.items():
        runs = list(results.runs(WORLD, signal).values())
        cells = [
            f"{fmean(x[f'watched/{group}'] for x in runs):.3g}" if runs else "–"
            for group in GROUPS
        ]
        yield f"| {about} | {' | '.join(cells)} |"


def gates(results: Results, ppo: Results) -> Iterator[Gate]:
    """What was hoped for, before it was run."""
    gamma, dwell = results.score(WORLD, "gamma"), results.score(WORLD, "dwell")
    over = gamma / dwell if gamma and dwell else None
    yield Gate(WORLD, "γ over dwell", over, "≥", 1.3)
    worst = min(results.scores(WORLD, "gamma").values(), default=None)
    yield Gate(WORLD, "γ over random, worst seed", worst, "≥", 1.0)
    worst = min(ppo.scores(WORLD, "ppo-gamma").values(), default=None)
    yield Gate(WORLD, "PPO: γ over nothing paid, worst seed", worst, "≥", 1.0)
    for signal, about in {**OWN, **DQN, **PPO}.items():
        if "error" in signal:
            share = results.share(WORLD, signal, on_noise)
            yield Gate(WORLD, f"share on noise, {about}", share, "≥", 0.5)


def tables(file: Path = FILE) -> Iterator[tuple[str, list[str]]]:
    """Each table of what was run, with its heading."""
    results = read(file)
    ppo = Results(results.lines, "ppo-none")
    yield "DQN and scripted gazes", list(score_table(results, WORLD, DQN))
    yield "PPO", list(score_table(ppo, WORLD, PPO))
    every = {**DQN, **OWN, **PPO}
    yield "Shares over time", list(share_table(results, every))
    yield "Losses by group", list(loss_table(results, every))
    yield "Gates", list(gate_table(gates(results, ppo)))


def _part(series: list[float], i: int) -> list[float]:
    """The i-th of `PARTS` equal parts of a series."""
    size = len(series) // PARTS
    return series[i * size : (i + 1) * size]


if __name__ == "__main__":
    for heading, rows in tables():
        print(f"{heading}:", *rows, "", sep="\n")
