"""Which runs are compared with which: arms within tasks, and what else differs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum

from experiments.report.cells import as_the_sweep_calls
from experiments.report.config import TASK
from experiments.report.labels import NAMES, label_groups, parent, show
from experiments.report.runs import AXES, VERSIONS, LoadedRun, Value
from ssl_objectives.refusal import ConfigError, suggest

# What says where a run is kept and shown, not what it computes.
_BOOKKEEPING = {
    "seed",
    "seeds",
    "runs",
    "checkpoint_every",
    "keep_checkpoints",
    "log_every",
    "report",
    "tensorboard",
    "video_steps",
    "world.num_threads",
}
# What is never compared unless somebody asks, but must not differ unnoticed.
_CIRCUMSTANCES = {
    "env_steps",
    "steps",
    "device",
    "evaluate_every",
    "evaluate_episodes",
    "evaluate_max_steps",
}
_ABSENT = "not there"
# What a name stands for: the method of a pretraining run, a world model.
_NAMED = {"name": "method", "model.name": "model"}
_SHOWN = ("model", "model.name", "curiosity")  # where nothing differs
# What lies between an agent and its world.
_AROUND = "noise"
# The task where agents have no world: of encoders; of world models.
_INSTEAD = ("images", "data.world", "data")


@dataclass(frozen=True)
class Entry:
    """A run, and where it stands in the comparison."""

    run: LoadedRun
    arm: str
    task: str


@dataclass(frozen=True)
class Comparison:
    """Runs by arm and task.

    Attributes:
        axes: paths of the settings that tell the arms apart.
        task: path of the setting or config that is the task.
        entries: the runs that count.
        duplicates: runs that do not, since another has the same settings and seed.
    """

    axes: tuple[str, ...]
    task: str | None
    entries: tuple[Entry, ...]
    duplicates: tuple[Entry, ...]

    @property
    def arms(self) -> tuple[str, ...]:
        """Labels in order of first appearance."""
        return tuple(dict.fromkeys(x.arm for x in self.entries))

    @property
    def tasks(self) -> tuple[str, ...]:
        """Labels in order of first appearance."""
        return tuple(dict.fromkeys(x.task for x in self.entries))

    def runs(self, arm: str, task: str) -> list[LoadedRun]:
        """The runs of an arm in a task; may be none."""
        return [x.run for x in self.entries if (x.arm, x.task) == (arm, task)]


class DifferenceScope(Enum):
    """What a difference in a setting puts into question."""

    WITHIN_ARM = "within an arm"
    BETWEEN_ARMS = "between arms"
    BETWEEN_TASKS = "between tasks only"


@dataclass(frozen=True)
class Difference:
    """A setting that differs although it is not compared; values by arm or task."""

    setting: str
    scope: DifferenceScope
    values: Mapping[str, tuple[str, ...]]


def compare(
    runs: Sequence[LoadedRun], by: Sequence[str] = (), task: str | None = TASK
) -> Comparison:
    """Sort runs into arms and tasks.

    Args:
        runs: at least one.
        by: settings (or configs, with all that is in them) that tell the arms apart.
            Empty: all that differ within a task, but versions, device and budget.
        task: the setting or config that is the task; None takes all runs as one task.

    Raises:
        ConfigError: no run has such a setting.
    """
    known = list(dict.fromkeys(path for run in runs for path in run.settings))
    for path in by:
        _check_known(path, "--by", known)
    if task == TASK and not any(_under(x, TASK) for x in known):
        there = [x for x in _INSTEAD if any(_under(path, x) for path in known)]
        task = there[0] if there else task
    if task not in (None, TASK):
        _check_known(task, "--task", known)
    in_task = [x for x in known if _of_task(x, task) and x not in _BOOKKEEPING]
    always = [task or "", *(f"{task}.{x}" for x in NAMES)]
    tasks = _labelled(runs, in_task, always)
    if by:
        axes = [x for x in known if any(_under(x, path) for path in by)]
        axes = [x for x in axes if _differs(x, runs)]
    else:
        together = [
            [x for x, label in zip(runs, tasks, strict=True) if label == each]
            for each in dict.fromkeys(tasks)
        ]
        axes = [
            path
            for path in known
            if not (_is_circumstance(path) or _of_task(path, task))
            and any(_differs(path, x) for x in together)
        ]
        # what a name stands for needs no words of its own
        axes = [x for x in axes if not _is_told(x, axes, runs)]
    shown = by if by and not axes else () if axes else _SHOWN
    arms = _labelled(runs, [*axes, *(x for x in shown if x in known)], shown)
    if not by:
        arms, tasks = as_the_sweep_calls(runs, arms), as_the_sweep_calls(runs, tasks)
    entries = [Entry(*x) for x in zip(runs, arms, tasks, strict=True)]
    left_out = _duplicates(entries)
    duplicates = [x for i, x in enumerate(entries) if i in left_out]
    kept = [x for i, x in enumerate(entries) if i not in left_out]
    return Comparison(tuple(axes), task, tuple(kept), tuple(duplicates))


def differences(comparison: Comparison) -> list[Difference]:
    """Settings, versions and machines that differ beside what is compared."""
    entries = comparison.entries
    known = dict.fromkeys(path for x in entries for path in x.run.settings)
    found = []
    for path in known:
        if (
            path in _BOOKKEEPING
            or _under(path, AXES)
            or path in comparison.axes
            or _of_task(path, comparison.task)
            or _is_told(path, comparison.axes, [x.run for x in entries])
        ):
            continue
        values = {id(x): _value(path, x.run, entries) for x in entries}
        groups: dict[tuple[str, str], set[str]] = {}
        for x in entries:
            value = values[id(x)]
            if value is not None:
                groups.setdefault((x.arm, x.task), set()).add(value)
        if len(set().union(*groups.values())) < 2:
            continue
        difference = _difference(path, groups)
        if _is_meant(difference.scope, comparison):
            continue
        # A part of the compared config differs between arms, of course.
        compared = any(_under(path, axis) for axis in comparison.axes)
        expected = compared and difference.scope is DifferenceScope.BETWEEN_ARMS
        if not expected or any(_ABSENT in x for x in difference.values.values()):
            found.append(difference)
    return sorted(found, key=lambda x: list(DifferenceScope).index(x.scope))


def _is_meant(scope: DifferenceScope, comparison: Comparison) -> bool:
    """Whether it is what the names on a sweep's axes stand for."""
    arms = bool(comparison.axes) and all(_under(x, AXES) for x in comparison.axes)
    if scope is DifferenceScope.BETWEEN_ARMS:
        return arms
    return scope is DifferenceScope.BETWEEN_TASKS and _under(
        comparison.task or "", AXES
    )


def _difference(path: str, groups: Mapping[tuple[str, str], set[str]]) -> Difference:
    by_task: dict[str, list[set[str]]] = {}
    for (_, task), values in groups.items():
        by_task.setdefault(task, []).append(values)
    if any(len(x) > 1 for x in groups.values()):
        scope = DifferenceScope.WITHIN_ARM
    elif any(x != each[0] for each in by_task.values() for x in each):
        scope = DifferenceScope.BETWEEN_ARMS
    else:
        scope = DifferenceScope.BETWEEN_TASKS
    column = 1 if scope is DifferenceScope.BETWEEN_TASKS else 0
    shown: dict[str, set[str]] = {}
    for group, values in groups.items():
        shown.setdefault(group[column], set()).update(values)
    return Difference(path, scope, {k: tuple(sorted(x)) for k, x in shown.items()})


def _value(path: str, run: LoadedRun, entries: Sequence[Entry]) -> str | None:
    """The setting for people; None where no config of the run could hold it."""
    if path in run.settings:
        return show(run.settings[path])
    # A config of the same class has it elsewhere, so that the versions must differ.
    above = parent(path)
    around = run.settings.get(above)
    same = any(
        x.run.settings.get(above) == around and path in x.run.settings for x in entries
    )
    return _ABSENT if same and around is not None else None


def _labelled(
    runs: Sequence[LoadedRun], paths: Iterable[str], always: Sequence[str]
) -> list[str]:
    """A label for each run by its values at the paths."""
    keys = [{x: run.settings[x] for x in paths if x in run.settings} for run in runs]
    frozen = [frozenset(x.items()) for x in keys]
    groups = dict(zip(frozen, keys, strict=True))
    labels = dict(zip(groups, label_groups(list(groups.values()), always), strict=True))
    return [labels[x] for x in frozen]


def _duplicates(entries: Sequence[Entry]) -> set[int]:
    """Places of runs that repeat another one's seed and settings, and went less far."""
    kept: dict[frozenset[tuple[str, Value]], int] = {}
    duplicates = set()
    for i, x in enumerate(entries):
        if x.run.seed is None:
            continue
        same = {k: v for k, v in x.run.settings.items() if not _is_circumstance(k)}
        settings = frozenset({**same, "seed": x.run.seed}.items())
        other = kept.setdefault(settings, i)
        if other != i:
            further = max(other, i, key=lambda j: (entries[j].run.steps, j))
            kept[settings] = further
            duplicates.add(other + i - further)
    return duplicates


def _differs(path: str, runs: Sequence[LoadedRun]) -> bool:
    values: set[Value] = {x.settings[path] for x in runs if path in x.settings}
    return len(values) > 1


def _is_told(path: str, axes: Sequence[str], runs: Sequence[LoadedRun]) -> bool:
    """Whether it belongs to what has a name among the axes, which tells its value."""
    for name, config in _NAMED.items():
        if name in axes and path not in (name, config) and _under(path, config):
            values = {(x.settings.get(name), x.settings.get(path)) for x in runs}
            return len(values) == len({called for called, _ in values})
    return False


def _is_circumstance(path: str) -> bool:
    named = _under(path, VERSIONS) or _under(path, AXES)
    return named or path in _BOOKKEEPING | _CIRCUMSTANCES


def _of_task(path: str, task: str | None) -> bool:
    """Whether a setting is the task's; what lies around a world is of the world."""
    return _under(path, task) or (task == TASK and _under(path, _AROUND))


def _under(path: str, config: str | None) -> bool:
    """Whether a setting is this one, or lies in this config."""
    return config is not None and (
        path == config or path.startswith((f"{config}.", f"{config}["))
    )


def _check_known(path: str, flag: str, known: Sequence[str]) -> None:
    if not any(_under(x, path) for x in known):
        near = [x for x in known if x.endswith(f".{path}")]
        near = near or get_close_matches(path, known)
        near = near or [x for x in known if "." not in x]
        hint = suggest(path, near)
        raise ConfigError(f"{flag} {path}: no run has such a setting.{hint}")
