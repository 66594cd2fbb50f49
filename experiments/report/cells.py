"""What the cells of a sweep are called, in place of what sets them apart."""

from collections.abc import Sequence

from experiments.report.runs import AXES, LoadedRun


def as_the_sweep_calls(runs: Sequence[LoadedRun], labels: Sequence[str]) -> list[str]:
    """The names on a sweep's axes in place of labels, where they tell the same apart.

    Those axes count on which all runs of a label have one value.

    Args:
        runs: of one sweep, or of none.
        labels: of each run.
    """
    cells = [
        {k: str(v) for k, v in x.settings.items() if k.startswith(f"{AXES}.")}
        for x in runs
    ]
    values: dict[str, dict[str, set[str]]] = {}
    for label, cell in zip(labels, cells, strict=True):
        for axis in cells[0]:
            found = values.setdefault(axis, {})
            found.setdefault(label, set()).add(cell.get(axis, ""))
    telling = [
        axis
        for axis, found in values.items()
        if all(len(x) == 1 for x in found.values())
        and len(set.union(*found.values())) > 1
    ]
    names = {
        label: "+".join(min(values[axis][label]) for axis in telling)
        for label in dict.fromkeys(labels)
    }
    if not telling or len(set(names.values())) < len(names):
        return list(labels)
    return [names[x] for x in labels]
