"""Gathers last evaluations of the maze's runs: `python docs/collect_maze.py SWEEP`."""

import json
import sys
from pathlib import Path

if __name__ == "__main__":
    sweep = Path(sys.argv[1])
    for cell in json.loads((sweep / "cells.json").read_text())["cells"]:
        folder = sweep / "cells" / cell["name"]
        for file in sorted(folder.glob("*/metrics.jsonl")):
            rows = [json.loads(x) for x in file.read_text().splitlines()]
            name = "rooms_per_episode"
            last = [x for x in rows if f"evaluate/{name}" in x["metrics"]][-1]
            line = {
                "model": cell["axes"]["model"],
                "seed": cell["seed"],
                "env_steps": last["steps"],
                "rooms": round(last["metrics"][f"evaluate/{name}"], 4),
                "random": round(last["metrics"][f"random/{name}"], 4),
                "warnings": (folder / "log.txt").read_text().count("warning:"),
            }
            print(json.dumps(line))
