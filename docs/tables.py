"""Lays out the tables of the docs from `results/`: `python docs/tables.py`.

`tests/test_tables.py` compares what it prints with what the pages say.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from statistics import fmean, median
from typing import Any

RESULTS = Path(__file__).parent / "results"
KEY_DOOR = {
    "byol-explore": "PPO + BYOL-Explore, recurrent",
    "rnd": "PPO + RND",
    "ppo-recurrent": "PPO, recurrent (BYOL-Explore's policy)",
    "ppo": "PPO (RND's policy)",
}


def results(name: str) -> list[dict[str, Any]]:
    """All lines of a file of results."""
    lines = (RESULTS / name).read_text().splitlines()
    return [json.loads(line) for line in lines if line]


def key_door(
    episode_steps: int,
    file: str = "key_door.jsonl",
    arms: Mapping[str, str] = KEY_DOOR,
) -> Iterator[str]:
    """Env steps until solved, seed by seed, with episodes of that length."""
    for arm, about in arms.items():
        mine = [
            x
            for x in results(file)
            if x["arm"] == arm and x["episode_steps"] == episode_steps
        ]
        runs = {x["seed"]: x["solved_at"] for x in mine}
        assert len(runs) == len(mine), f"a seed of {arm} is there twice"
        cells = ["never" if runs[s] is None else f"{runs[s]:,}" for s in sorted(runs)]
        solved = sum(at is not None for at in runs.values())
        yield f"| {' | '.join([about, *cells])} | {solved} of {len(runs)} |"


def fashion(file: str = "fashion.jsonl") -> Iterator[str]:
    """Probes of every method, and their mean distance from the untrained encoder."""
    runs = defaultdict(list)
    for x in results(file):
        runs[x["method"]].append(x)

    def over(method: str, probe: str) -> float:
        return fmean(x[f"probe/{probe}"] - x[f"random/{probe}"] for x in runs[method])

    def seeds(method: str, probe: str) -> str:
        ordered = sorted(runs[method], key=lambda x: int(x["seed"]))
        return ", ".join(f"{x[f'probe/{probe}']:.3f}" for x in ordered)

    for method in sorted(runs, key=lambda x: -over(x, "knn")):
        rank = fmean(x["probe/effective_rank"] for x in runs[method])
        cells = [f"`{method}`"]
        for probe in ("ridge", "knn"):
            cells += [seeds(method, probe), f"{over(method, probe):+.3f}"]
        yield f"| {' | '.join(cells)} | {rank:.1f} |"


NOISES = (
    "none",
    "changing-uniform",
    "changing-structured",
    "fixed-uniform",
    "fixed-structured",
)


def noise(quantity: str, models: Iterable[str]) -> Iterator[str]:
    """A number of every model under every noise, seed by seed; – where not run."""
    yield f"| | {' | '.join(x.replace('-', ' ') for x in NOISES)} |"
    yield f"|{'---|' * (1 + len(NOISES))}"
    runs = defaultdict(dict)
    for x in results("noise.jsonl"):
        runs[x["model"], x["noise"]][x["seed"]] = x.get(quantity)
    for model in models:
        cells = []
        for kind in NOISES:
            seeds = runs.get((model, kind), {})
            each = [seeds[s] for s in sorted(seeds)]
            told = [f"{x:.2f}" for x in each if x is not None]
            cells.append(", ".join(told) or "–")
        yield f"| `{model}` | {' | '.join(cells)} |"


MODELS = (
    "vicreg",
    "simclr",
    "sigreg",
    "byol",
    "reconstruction",
    "inverse-dynamics",
    "supervised",
    "random",
)
REMEDIES = ("vicreg-inverse", "simclr-time", "vicreg-temporal", "vicreg-change")


def noise_pages() -> Iterator[list[str]]:
    """The tables of docs/noise.md, from top to bottom."""
    predicted, encoded = "probe/place/predicted_rmse", "probe/place/encoded_rmse"
    yield list(noise(predicted, MODELS))
    yield list(noise(encoded, MODELS))
    yield list(noise("background_share", MODELS))
    yield list(noise(predicted, REMEDIES))
    yield list(noise(encoded, REMEDIES))


SEES = {
    "one-frame": ("one frame", "encoded"),
    "three-frames": ("three frames", "encoded"),
    "memory": ("one frame, and a memory", "believed"),
}


def velocity() -> Iterator[str]:
    """How well place and displacement can be read off what a model sees or believes."""
    for sees, (about, what) in SEES.items():
        runs = sorted(
            (x for x in results("velocity.jsonl") if x["sees"] == sees),
            key=lambda x: int(x["seed"]),
        )
        cells = [about, what]
        for fact, of in (
            ("place", what),
            ("displacement", what),
            ("displacement", "predicted"),
        ):
            cells.append(", ".join(f"{x[f'probe/{fact}/{of}_r2']:.3f}" for x in runs))
        yield f"| {' | '.join(cells)} |"


MAZE = {
    "byol-explore": "`byol_explore`",
    "jepa-vicreg": "`jepa_vicreg`",
    "contrastive": "`contrastive`",
}


def maze() -> Iterator[str]:
    """Rooms per episode of each model, seed by seed, beside random play's."""
    for model, about in MAZE.items():
        runs = sorted(
            (x for x in results("maze_models.jsonl") if x["model"] == model),
            key=lambda x: int(x["seed"]),
        )
        rooms = ", ".join(f"{x['rooms']:.2f}" for x in runs)
        random = ", ".join(f"{x['random']:.2f}" for x in runs)
        means = [fmean(x[k] for x in runs) for k in ("rooms", "random")]
        warnings = sum(x["warnings"] for x in runs)
        yield (
            f"| {about} | {rooms} | {means[0]:.2f} | {random} | {means[1]:.2f} "
            f"| {warnings} |"
        )


def noise_median(quantity: str, model: str, kind: str) -> float:
    """The median over seeds."""
    return median(
        x[quantity]
        for x in results("noise.jsonl")
        if (x["model"], x["noise"]) == (model, kind)
    )


def benchmark() -> Iterator[str]:
    """Speeds beside Stable-Baselines3's."""
    arms = json.loads((RESULTS / "benchmark-2cores.json").read_text())["arms"]
    for arm, found in arms.items():
        each, against = found["per_second"], found["ratio_to_baseline"]
        speed = f"{each['median']:,.0f} ({each['min']:,.0f}–{each['max']:,.0f})"
        ratio = "1"
        if arm != "sb3":
            places = 1 if arm == "world" else 2
            middle, low, high = (
                f"{against[x]:.{places}f}" for x in ("median", "min", "max")
            )
            ratio = f"{middle} ({low}–{high})"
        yield f"| {found['about']} | {speed} | {ratio} |"


def span(row: Mapping[str, float], key: str) -> str:
    """Median, smallest and largest of a ratio."""
    middle, low, high = (row[f"{key}{x}"] for x in ("", "_low", "_high"))
    return f"{middle:.2f} ({low:.2f}–{high:.2f})"


def signal_costs() -> Iterator[str]:
    """CPU time of an update with each signal, beside plain PPO's and the model's."""
    found = json.loads((RESULTS / "benchmark-signals.json").read_text())["signal_costs"]
    model = list(found).index("model alone")
    for i, (name, row) in enumerate(found.items()):
        if "over_plain" in row:
            needs = span(row, "over_model") if i > model else ""
            cost = f"{1e3 * row['cpu_seconds']:.0f}"
            yield f"| {name} | {cost} | {span(row, 'over_plain')} | {needs} |"


def method_costs() -> Iterator[str]:
    """CPU time of a step of the methods that hide patches or came later."""
    found = json.loads((RESULTS / "benchmark-methods-later.json").read_text())
    for name, row in found["step_cpu_costs"].items():
        cells = [name, f"{row['views']:.0f}", f"{1e3 * row['seconds']:.0f}"]
        cells += [f"{row['over_alone']:.2f}", span(row, "over_reference")]
        yield f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print("Key-door:", *key_door(100), "", sep="\n")
    print("Fashion-MNIST:", *fashion(), "", sep="\n")
    print("Hidden patches:", *fashion("fashion_patches.jsonl"), "", sep="\n")
    print("Methods:", *method_costs(), "", sep="\n")
    print("Noise:", *(x for page in noise_pages() for x in (*page, "")), sep="\n")
    print("Benchmark:", *benchmark(), "", sep="\n")
    print("Signals:", *signal_costs(), sep="\n")
