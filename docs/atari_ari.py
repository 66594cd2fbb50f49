"""AtariARI's table on three games, and its rows for atariari.md.

    python docs/atari_ari.py                       # all cells that are not there yet
    python docs/atari_ari.py --workers 2 --games pong --arms random st-dim --seeds 0
    python docs/atari_ari.py --table               # the rows of the tables

A line for each finished cell is added to results/atari_ari.jsonl beside this file, so
that a run which was stopped goes on with the cells that are left. Settings were chosen
on seed 0 of Pong; the table is of seeds 42 and 43.
"""

import argparse
import json
import multiprocessing
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from envs.atari.labels import Category
from experiments.atari_ari.cell import Budget, run_cell
from experiments.atari_ari.table import ARMS, MAJORITY

RESULTS = Path(__file__).parent / "results" / "atari_ari.jsonl"
GAMES = ("pong", "breakout", "boxing")
SEEDS = (42, 43)
NAMES = {
    MAJORITY: "majority",
    "random": "random CNN",
    "cpc": "CPC",
    "st-dim": "ST-DIM",
    "byol": "BYOL",
    "vicreg": "VICReg",
    "byol_explore": "`byol_explore`",
    "jepa_vicreg": "`jepa_vicreg`",
    "supervised": "supervised",
}
PAPER = {
    "pong": (0.10, 0.17, 0.71, 0.81, 0.87),
    "breakout": (0.17, 0.51, 0.74, 0.88, 0.94),
    "boxing": (0.01, 0.19, 0.29, 0.58, 0.83),
}
"""majority, random CNN, CPC, ST-DIM, supervised: random agent's data, 1906.08226"""
_IN_PAPER = (MAJORITY, "random", "cpc", "st-dim", "supervised")

Line = dict[str, Any]
Cell = tuple[str, str, int]


def read(file: Path = RESULTS) -> list[Line]:
    """All finished cells."""
    if not file.is_file():
        return []
    return [json.loads(x) for x in file.read_text().splitlines() if x]


def cells(
    games: Sequence[str],
    arms: Sequence[str],
    seeds: Sequence[int],
    done: Sequence[Line],
) -> list[Cell]:
    """What is left to run, seed by seed; the longest arms come first."""
    known = {(x["game"], x["arm"], x["seed"]) for x in done}
    order = sorted(arms, key=lambda x: x in {MAJORITY, "random"})
    wanted = ((g, a, s) for s in seeds for g in games for a in order)
    return [x for x in wanted if x not in known]


def run(cell: Cell, budget: Budget) -> Line:
    """One cell, on one core."""
    torch.set_num_threads(1)
    return run_cell(*cell, budget) | {"commit": _commit()}


def run_all(left: Sequence[Cell], budget: Budget, workers: int, file: Path) -> None:
    """Every cell in a process of a pool; its line is kept as soon as it is there."""
    context = multiprocessing.get_context("spawn")
    # a process per cell: frames of one shall not stay beside those of the next
    with ProcessPoolExecutor(workers, context, max_tasks_per_child=1) as pool:
        running = {pool.submit(run, x, budget): x for x in left}
        for number, future in enumerate(as_completed(running), 1):
            line = future.result()
            with file.open("a") as out:
                out.write(json.dumps(line) + "\n")
            game, arm, seed = running[future]
            told = f"{game} {arm} {seed}: F1 {line['f1']:.3f}"
            print(
                f"{number}/{len(left)} {told}, {line['cpu_seconds']:.0f} s", flush=True
            )


def table(lines: Sequence[Line]) -> Iterator[str]:
    """F1 by game and arm, the mean over seeds.

    Below each the paper's figures, and ours with latents at a common scale.
    """
    names = [x for x in NAMES if any(y["arm"] == x for y in lines)]
    yield f"| game | {' | '.join(NAMES[x] for x in names)} |"
    yield f"|---{'|---' * len(names)}|"
    for game in GAMES:
        yield _row(game, [_mean(lines, game, x, "f1") for x in names])
        paper = dict(zip(_IN_PAPER, PAPER[game], strict=True))
        yield _row(f"{game}, the paper's", [paper.get(x) for x in names])
        scaled = [_mean(lines, game, x, "scaled_f1") for x in names]
        yield _row(f"{game}, common scale", scaled)


def by_category(lines: Sequence[Line]) -> Iterator[str]:
    """F1 by game, category and arm, the mean over seeds."""
    names = [x for x in NAMES if any(y["arm"] == x for y in lines)]
    yield f"| game | category | {' | '.join(NAMES[x] for x in names)} |"
    yield f"|---|---{'|---' * len(names)}|"
    for game in GAMES:
        for category in (x.value for x in Category):
            values = [_mean(lines, game, x, "categories", category) for x in names]
            if any(x is not None for x in values):
                yield _row(f"{game} | {category}", values)


def _mean(
    lines: Sequence[Line], game: str, arm: str, key: str, category: str | None = None
) -> float | None:
    found = [x[key] for x in lines if (x["game"], x["arm"]) == (game, arm)]
    if category is not None:
        found = [x[category] for x in found if category in x]
    return fmean(found) if found else None


def _row(name: str, values: Sequence[float | None]) -> str:
    told = ("" if x is None else f"{x:.2f}".removeprefix("0") for x in values)
    return f"| {name} | {' | '.join(told)} |"


def _commit() -> str:
    """Of the sources; with a + of edited ones."""

    def git(*said: str) -> str:
        done = subprocess.run(
            ["git", *said],
            capture_output=True,
            text=True,
            cwd=Path(__file__).parents[1],
        )
        return done.stdout.strip()

    edited = git("status", "--porcelain", "--untracked-files=no", "--", "*.py")
    return git("rev-parse", "HEAD")[:12] + ("+" if edited else "")


def main(said: Sequence[str]) -> None:
    """See above."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    everything = [MAJORITY, *ARMS]
    parser.add_argument("--games", nargs="+", default=GAMES, choices=GAMES)
    parser.add_argument("--arms", nargs="+", default=everything, choices=everything)
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--steps", type=int, default=Budget.steps)
    parser.add_argument("--frames", type=int, default=Budget.frames)
    parser.add_argument("--probe-frames", type=int, default=Budget.probe_frames)
    parser.add_argument("--size", nargs=2, type=int, default=Budget.size)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args(said)
    if given.table:
        lines = read(given.out)
        print("\n".join([*table(lines), "", *by_category(lines)]))
        return
    budget = Budget(given.frames, given.probe_frames, given.steps, tuple(given.size))
    left = cells(given.games, given.arms, given.seeds, read(given.out))
    run_all(left, budget, given.workers, given.out)


if __name__ == "__main__":
    main(sys.argv[1:])
