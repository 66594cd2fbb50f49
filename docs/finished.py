"""The finished runs of a sweep, and on standard error those that are left out."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from experiments.report.runs import LoadedRun, find_runs, read_run


def finished(sweep: Path) -> Iterator[tuple[dict[str, Any], LoadedRun]]:
    """Each with its cell, as `cells.json` has it: name, axes and seed."""
    for cell in json.loads((sweep / "cells.json").read_text())["cells"]:
        folder = sweep / cell["folder"]
        if not any(folder.glob("*/metrics.jsonl")):
            print(f"left out: {cell['name']} has not begun", file=sys.stderr)
            continue
        for run in map(read_run, find_runs([folder])):
            if run.finished:
                yield cell, run
            else:
                said = f"{cell['name']} has made {run.steps:,} of {run.budget:,} steps"
                print(f"left out: {said}", file=sys.stderr)


def commit_of(run: LoadedRun) -> str:
    """The commit of its sources; with a + of edited ones."""
    commit = str(run.settings.get("versions.git.commit"))
    return commit[:12] + ("+" if run.settings.get("versions.git.dirty") else "")
