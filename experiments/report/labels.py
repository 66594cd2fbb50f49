"""Short names for groups of runs: only what tells them apart."""

from collections.abc import Mapping, Sequence

from experiments.report.runs import AXES, Kind, Value

Settings = Mapping[str, Value]
# Settings that name a part better than its class does; their value says enough.
NAMES = ("game", "id", "name")


def label_groups(groups: Sequence[Settings], always: Sequence[str] = ()) -> list[str]:
    """A label for each group, all different: classes and values that set it apart.

    `Rnd`, `ByolExplore + PredictionError`, `learning_rate=0.001`, `KeyDoor, size=8`. A
    part that is absent (`no model`) is named only where there is nothing else to say.

    Args:
        groups: settings that the runs of each group share, by dotted path.
        always: paths whose value is named even if all groups share it.
    """
    paths = list(dict.fromkeys(path for group in groups for path in group))
    told = [x for x in paths if x in always or _tells_apart(x, groups)]
    short = _short_names(told)
    parts = {x for x in told if any(isinstance(g.get(x), Kind) for g in groups)}
    labels = []
    for group in groups:
        kinds, values, absent = [], [], []
        for path in (x for x in told if x in group):
            value = group[path]
            if isinstance(value, Kind):
                if not any(
                    f"{path}.{x}" in told and f"{path}.{x}" in group for x in NAMES
                ):
                    kinds.append(value.plain)
            elif value is None and path in parts:
                absent.append(f"no {short[path]}")
            elif path.rpartition(".")[2] in NAMES or parent(path) == AXES:
                kinds.append(show(value))
            else:
                values.append(f"{short[path]}={show(value)}")
        named = [" + ".join(kinds)] if kinds else []
        labels.append(
            (", ".join([*named, *values]), ", ".join([*named, *absent, *values]))
        )
    brief = [x or y or "all" for x, y in labels]
    if len(set(brief)) == len(brief):
        return brief
    return _numbered([x or "all" for _, x in labels])


def show(value: Value) -> str:
    """A setting as people write it."""
    if isinstance(value, Kind):
        return value.plain
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def parent(path: str) -> str:
    """The path of the config that a setting belongs to; empty at the top."""
    return path.rpartition(".")[0]


def _tells_apart(path: str, groups: Sequence[Settings]) -> bool:
    """Whether it differs among groups whose configs around it are of one class."""
    seen: dict[tuple[Value, ...], Value] = {}
    for group in groups:
        if path in group:
            around, above = [], path
            while above := parent(above):
                around.append(group.get(above))
            if seen.setdefault(tuple(around), group[path]) != group[path]:
                return True
    return False


def _short_names(paths: Sequence[str]) -> dict[str, str]:
    """The last words of each path, as many as tell it from the others."""
    names = {}
    for path in paths:
        words = path.split(".")
        for count in range(1, len(words) + 1):
            name = ".".join(words[-count:])
            if sum(f".{x}".endswith(f".{name}") for x in paths) == 1:
                break
        names[path] = name
    return names


def _numbered(labels: Sequence[str]) -> list[str]:
    """The same labels, with a number after those that come again."""
    result: list[str] = []
    for label in labels:
        name, i = label, 1
        while name in result:
            i += 1
            name = f"{label} ({i})"
        result.append(name)
    return result
