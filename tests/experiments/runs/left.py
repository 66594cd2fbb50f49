"""What a run of the fake task has left, as values to compare."""

import json
from typing import Any

import torch

from experiments.runs.checkpoints.folder import CheckpointFolder, steps_of
from experiments.runs.folder import RunFolder


def rows(run: RunFolder) -> list[tuple[int, dict[str, float]]]:
    """Steps and metrics that no clock decides."""
    found = [json.loads(x) for x in run.metrics_file.read_text().splitlines()]
    return [
        (x["steps"], {k: v for k, v in x["metrics"].items() if k[:5] == "fake/"})
        for x in found
    ]


def metric(run: RunFolder, name: str) -> list[float]:
    found = [
        json.loads(x)["metrics"] for x in run.metrics_file.read_text().splitlines()
    ]
    return [x[name] for x in found if name in x]


def evaluated(run: RunFolder) -> list[int]:
    found = [json.loads(x) for x in run.metrics_file.read_text().splitlines()]
    return [x["steps"] for x in found if "evaluate/score" in x["metrics"]]


def saved(run: RunFolder) -> list[int]:
    return [steps_of(x) for x in CheckpointFolder(run.checkpoints).paths()]


def state(run: RunFolder) -> Any:
    return CheckpointFolder(run.checkpoints).load().state


def same(one: Any, two: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, two)
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(same(one[k], two[k]) for k in one)
    if isinstance(one, list | tuple):
        return len(one) == len(two) and all(map(same, one, two))
    return bool(one == two)
