"""Gathers what encoders told and how agents learned on them: `collect_eyes.py SWEEPS`.

SWEEPS is the folder of the sweeps eyes-images, eyes-models and eyes. A line for each
encoder: what a linear softmax reads off its latents of data/maze, weighted F1 of the
next action of who played (`acted`) and of the next reward (`rewarded`). A line for each
agent: the env step at which its maze was solved (null: never), env steps in all,
commit and seconds. With `--table FILE`, of such lines, the tables of docs/eyes.md.
"""

import json
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from finished import commit_of, finished

from agents.rewards.measures import spearman
from experiments.encoders import load_encoder
from experiments.probe import recorded_footage
from world_models.probing import OfImages, Question, Softmax, probe_latents

BUDGET = 50_000
CONTROLS = ("scratch", "random")
ASKED = ("acted", "rewarded")

Line = dict[str, Any]


def encoders(sweep: Path, data: Path, axis: str) -> Iterator[Line]:
    """What can be read off each finished encoder of a sweep."""
    footage = recorded_footage(data)
    for cell, run in finished(sweep):
        subject = OfImages(load_encoder(run.path))
        question = Question(facts=ASKED, probes=(Softmax(),), controls=False)
        found = probe_latents(subject, footage, question)
        told = {x: round(found.score(x, "f1", "softmax").value, 4) for x in ASKED}
        name, seed = cell["axes"][axis], cell["seed"]
        yield {"encoder": name, "seed": seed, **told, "commit": commit_of(run)}


def agents(sweep: Path) -> Iterator[Line]:
    """How soon each finished agent of a sweep had solved its maze."""
    for cell, run in finished(sweep):
        steps, _, reached = run.series("goal/reached")
        yield {
            "eyes": cell["axes"]["eyes"],
            "seed": cell["seed"],
            "solved_at": int(steps[-1]) if reached[-1] else None,
            "steps": run.steps,
            "commit": commit_of(run),
            "seconds": round(run.seconds or 0.0, 1),
        }


def table(lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Markdown: who solves the maze soonest comes first."""
    seeds = sorted({x["seed"] for x in lines if "eyes" in x})
    named = " | ".join(f"seed {x}" for x in seeds)
    yield f"| eyes | solved | {named} | acted | rewarded |"
    yield "|---" * (len(seeds) + 4) + "|"
    runs = {x["eyes"]: _by_seed(lines, "eyes", x["eyes"]) for x in lines if "eyes" in x}
    for eyes in sorted(runs, key=lambda x: _steps(runs[x])):
        own = runs[eyes]
        solved = sum(x["solved_at"] is not None for x in own.values())
        cells = [_told(own.get(seed)) for seed in seeds]
        encoder = _by_seed(lines, "encoder", eyes)
        read = [_mean([x[key] for x in encoder.values()]) for key in ASKED]
        yield f"| {eyes} | {solved} of {len(own)} | {' | '.join([*cells, *read])} |"


def correlation(lines: Sequence[Mapping[str, Any]], asked: str) -> float | None:
    """Spearman's, over frozen encoders: F1 with how soon the agent had solved it."""
    f1: list[float] = []
    soon: list[float] = []
    for x in lines:
        for run in lines if "encoder" in x else ():
            if (run.get("eyes"), run["seed"]) == (x["encoder"], x["seed"]):
                f1.append(x[asked])
                soon.append(-float(run["solved_at"] or BUDGET))
    if len(f1) < 3:
        return None
    return spearman(torch.tensor(f1), torch.tensor(soon))


def _by_seed(
    lines: Sequence[Mapping[str, Any]], key: str, name: str
) -> dict[int, Mapping[str, Any]]:
    return {x["seed"]: x for x in lines if x.get(key) == name}


def _steps(runs: Mapping[int, Mapping[str, Any]]) -> float:
    """Mean of the steps that it took, all of the budget where it never did."""
    return statistics.fmean(x["solved_at"] or BUDGET for x in runs.values())


def _told(run: Mapping[str, Any] | None) -> str:
    if run is None:
        return "not run"
    return "–" if run["solved_at"] is None else f"{run['solved_at']:,}"


def _mean(values: Sequence[float]) -> str:
    return f"{statistics.fmean(values):.3f}" if values else "–"


def main(said: Sequence[str]) -> None:
    """See above."""
    if said[0] == "--table":
        lines = [json.loads(x) for x in Path(said[1]).read_text("utf-8").splitlines()]
        print("\n".join(table(lines)))
        for asked in ASKED:
            print(f"\nSpearman, {asked}: {correlation(lines, asked)}")
        return
    sweeps, data = Path(said[0]), Path("data/maze")
    for made in (
        encoders(sweeps / "eyes-images", data, "method"),
        encoders(sweeps / "eyes-models", data, "model"),
        agents(sweeps / "eyes"),
    ):
        for line in made:
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
