"""Lays out what other grids add to gamma_progress.md: `python docs/attention_grids.py`.

From `results/attention_*.jsonl` (`collect_attention.py`) and
`results/key_door_progress.jsonl` (`collect_key_door.py`). A grid without a file was not
run, and has no table.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from attention_tables import Results, World, read, score_table, title
from tables import RESULTS, key_door

GAMMA, RANDOM_GAZE, DWELL = "γ-Progress, of coordinates", "random", "dwell"


@dataclass(frozen=True)
class Grid:
    """Runs of one sweep, beside some of the grid `attention` on the same seeds.

    Attributes:
        name: of the sweep.
        worlds: in which order.
        arms: the rows of its tables, with what they are called.
        base: the arm whose losses scores are in units of.
        shared: those of the rows that are runs of the grid `attention`.
    """

    name: str
    worlds: tuple[World, ...]
    arms: Mapping[str, str]
    base: str = "random"
    shared: tuple[str, ...] = ()

    @property
    def file(self) -> Path:
        """What was collected of it."""
        return RESULTS / f"{self.name.replace('-', '_')}.jsonl"

    def results(self) -> Results:
        """Its runs, and those that it shares: of the seeds that it has itself."""
        own = read(self.file).lines
        seeds = {x["seed"] for x in own}
        others = [
            x for x in read().lines if x["signal"] in self.shared and x["seed"] in seeds
        ]
        return Results((*own, *others), self.base)


REACHING = (("noise", "reaching"),)
GRIDS = (
    Grid(
        "attention-latents",
        REACHING,
        {
            "latents-change": "γ-Progress of a JEPA, `object-change`",
            "latents-features": "γ-Progress of a JEPA, `object-features`",
            "latents-own": "γ-Progress of a JEPA, `own-loss`",
            "gamma": GAMMA,
            "random": RANDOM_GAZE,
            "dwell": DWELL,
        },
        shared=("gamma", "random", "dwell"),
    ),
    Grid(
        "attention-beyond",
        (("noise", "peekaboo"), ("noise", "mimicry")),
        {
            "gamma": "γ-Progress",
            "error": "prediction error",
            "random": RANDOM_GAZE,
            "dwell": DWELL,
        },
    ),
    Grid(
        "attention-pixels",
        REACHING,
        {
            "pixels-steady": "γ-Progress from pixels, `change`, `steady`",
            "pixels-change": "γ-Progress from pixels, `change`",
            "pixels-own": "γ-Progress from pixels, `own-loss`",
            "gamma": GAMMA,
            "error": "prediction error, of coordinates",
            "random": RANDOM_GAZE,
            "dwell": DWELL,
        },
        shared=("gamma", "error", "random", "dwell"),
    ),
    Grid(
        "attention-ppo",
        REACHING,
        {
            "ppo-gamma": "PPO, γ-Progress",
            "ppo-error": "PPO, prediction error",
            "ppo-none": "PPO, nothing paid",
        },
        base="ppo-none",
    ),
)
BUMP = Grid("attention-bump", REACHING, {"gamma": "γ-Progress"})


def bump_table(results: Results) -> Iterator[str]:
    """When each run looked at the animate group most, and how much of it is left."""
    yield "| seed | highest share | at env step | share in the last quarter |"
    yield "|---|---|---|---|"
    for seed, run in results.runs(REACHING[0], "gamma").items():
        share = run["animate_share"]
        best = max(range(len(share)), key=share.__getitem__)
        at = round((best + 0.5) / len(share) * run["env_steps"], -2)
        late = share[-(len(share) // 4) :]
        last = sum(late) / len(late)
        yield f"| {seed} | {share[best]:.2f} | {at:,.0f} | {last:.2f} |"


KEY_DOOR = {"gamma": "γ-Progress", "error": "prediction error (BYOL-Explore)"}
EARLIER = {
    "byol-explore": "prediction error (BYOL-Explore)",
    "rnd": "RND",
    "ppo-recurrent": "nothing but the world's reward",
}
KEY_DOOR_FILE = RESULTS / "key_door_progress.jsonl"


def key_door_table() -> Iterator[str]:
    """Env steps until solved; below them runs of other seeds, from the README."""
    yield "| | seeds | env steps to 90 % success | | | | | solved |"
    yield "|---|---|---|---|---|---|---|---|"
    for seeds, arms, file in (
        ("200–204", KEY_DOOR, KEY_DOOR_FILE.name),
        ("20–24", EARLIER, "key_door.jsonl"),
    ):
        lines = (RESULTS / file).read_text("utf-8").splitlines()
        there = {json.loads(x)["arm"] for x in lines if x}
        for row in key_door(100, file, {k: x for k, x in arms.items() if k in there}):
            _, about, rest = row.split("|", 2)
            yield f"|{about}| {seeds} |{rest}"


def tables() -> Iterator[tuple[str, list[str]]]:
    """Each table of each grid that was run, with its heading."""
    for grid in GRIDS:
        if grid.file.exists():
            for world in grid.worlds:
                rows = list(score_table(grid.results(), world, grid.arms))
                yield f"{grid.name}: {title(world)}", rows
    if BUMP.file.exists():
        yield BUMP.name, list(bump_table(BUMP.results()))
    if KEY_DOOR_FILE.exists():
        yield "key-door-progress", list(key_door_table())


if __name__ == "__main__":
    for heading, rows in tables():
        print(f"{heading}:", *rows, "", sep="\n")
