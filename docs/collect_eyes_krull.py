"""Gathers what eyes are worth in Krull: `collect_eyes_krull.py SWEEPS PLAYED`.

SWEEPS is the folder of the sweeps eyes-krull-images and eyes-krull, PLAYED a data set
of what a trained agent saw and did. A line for each encoder, as collect_eyes.py has it.
A line for each agent: what 20 episodes returned after its last step, and as many at
random in the same worlds, commit and seconds. With `--table FILE`, of such lines, the
table of docs/eyes.md.
"""

import json
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from collect_eyes import ASKED, encoders
from finished import commit_of, finished

Line = dict[str, Any]


def agents(sweep: Path) -> Iterator[Line]:
    """What each finished agent of a sweep was worth in the end, beside random play."""
    for cell, run in finished(sweep):
        returned = {
            name: round(float(run.series(f"{player}/return_mean")[2][-1]), 1)
            for name, player in (("returned", "evaluate"), ("at_random", "random"))
        }
        yield {
            "eyes": cell["axes"]["eyes"],
            "seed": cell["seed"],
            **returned,
            "steps": run.steps,
            "commit": commit_of(run),
            "seconds": round(run.seconds or 0.0, 1),
        }


def table(lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Markdown: who returns most comes first; random play and the probes beside."""
    seeds = sorted({x["seed"] for x in lines if "eyes" in x})
    named = " | ".join(f"seed {x}" for x in seeds)
    yield f"| eyes | {named} | mean | x random play | acted | rewarded |"
    yield "|---" * (len(seeds) + 5) + "|"
    arms = dict.fromkeys(x["eyes"] for x in lines if "eyes" in x)
    rows = {x: _of(lines, "eyes", x, "returned") for x in arms}
    for eyes in sorted(rows, key=lambda x: -statistics.fmean(rows[x].values())):
        mean = statistics.fmean(rows[eyes].values())
        chance = statistics.fmean(_of(lines, "eyes", eyes, "at_random").values())
        cells = [_told(rows[eyes].get(seed)) for seed in seeds]
        read = [_read(lines, eyes, asked) for asked in ASKED]
        told = [*cells, _told(mean), f"{mean / chance:.2f}", *read]
        yield f"| {eyes} | {' | '.join(told)} |"


def _of(
    lines: Sequence[Mapping[str, Any]], key: str, name: str, value: str
) -> dict[int, float]:
    return {x["seed"]: x[value] for x in lines if x.get(key) == name}


def _read(lines: Sequence[Mapping[str, Any]], encoder: str, asked: str) -> str:
    found = _of(lines, "encoder", encoder, asked)
    return f"{statistics.fmean(found.values()):.3f}" if found else "–"


def _told(value: float | None) -> str:
    return "not run" if value is None else f"{value:,.0f}"


def main(said: Sequence[str]) -> None:
    """See above."""
    if said[0] == "--table":
        lines = [json.loads(x) for x in Path(said[1]).read_text("utf-8").splitlines()]
        print("\n".join(table(lines)))
        return
    sweeps = Path(said[0])
    for made in (
        encoders(sweeps / "eyes-krull-images", Path(said[1]), "method"),
        agents(sweeps / "eyes-krull"),
    ):
        for line in made:
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
