"""`curious report`: what a set of runs shows, and how far it can be trusted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.progress import track

from experiments.report.arms import (
    Comparison,
    Difference,
    Entry,
    compare,
    differences,
)
from experiments.report.baselines import baseline_sections
from experiments.report.config import ReportConfig
from experiments.report.files import (
    cost_rows,
    filled_at_once,
    pair_rows,
    run_rows,
    summary_rows,
    write_csv,
)
from experiments.report.notes import notes
from experiments.report.numbers import Cost, Numbers, costs, numbers
from experiments.report.page import Picture, to_html, to_markdown
from experiments.report.runs import (
    LoadedRun,
    RunUnreadable,
    cells_without_runs,
    find_runs,
    read_run,
)
from experiments.report.sections import cost_section, scores_section, sections
from experiments.report.values import Reference, metrics_of, read_references
from experiments.runs.folder import NotARun
from ssl_objectives.refusal import ConfigError, suggest

_COLUMNS = 6  # of each table, printed; the files have all
_BASELINE_COLUMNS = 5  # with intervals in them, they are wide


@dataclass(frozen=True)
class Report:
    """The numbers of a report, and where its files are.

    Attributes:
        folder: with report.html, report.md, the CSV files and pictures.
        comparison: which runs were compared.
        numbers: of each metric.
        costs: of each arm in each task.
        differences: what differs besides what is compared.
        notes: sentences that a reader must know.
    """

    folder: Path
    comparison: Comparison
    numbers: tuple[Numbers, ...]
    costs: tuple[Cost, ...]
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]


def report(config: ReportConfig, console: Console | None = None) -> Report:
    """Read runs, compare them, print the tables and write all files.

    Args:
        config: which runs, and how they are compared.
        console: where to print; default: standard output.

    Raises:
        NotARun: there is no run, or none that can be read.
        ConfigError: a setting, metric, label or reference score that does not exist, or
            a folder that cannot be written to.
    """
    console = console or Console()
    out = config.out or Path(f"runs/report-{datetime.now():%Y%m%d-%H%M%S}")
    with filled_at_once(out):
        pass  # refused now, not when all is computed
    runs, unread = _read(find_runs(config.runs), console)
    comparison = _renamed(compare(runs, config.by, config.task), config.rename)
    metrics = metrics_of(runs, config.metric)
    references: dict[str, Mapping[str, Reference]] = {}
    if config.normalize is not None:
        references[metrics[0]] = read_references(config.normalize, comparison.tasks)
    with console.status("resampling …"):
        found = differences(comparison)
        measured = [
            numbers(comparison, x, config.last, references.get(x)) for x in metrics
        ]
    cost = costs(comparison)
    tuned = _tuned(comparison, config.tuned)
    lost = cells_without_runs(config.runs)
    said = [*unread, *notes(comparison, found, measured, tuned, lost)]
    title = f"{' and '.join(metrics[:2])} of {len(comparison.entries)} runs"
    with filled_at_once(out) as folder, console.status("drawing …"):
        pictures = {
            x.metric: _draw(comparison, x, folder) for x in measured if config.figures
        }
        parts = _draw_parts(comparison, folder) if config.figures else []
        drawn = (pictures, parts, config.last)
        pages = list(sections(comparison, found, measured, cost, said, tuned, *drawn))
        write_csv(folder / "runs.csv", list(run_rows(comparison, measured, references)))
        write_csv(folder / "summary.csv", list(summary_rows(measured)))
        write_csv(folder / "improvement.csv", list(pair_rows(measured)))
        write_csv(folder / "cost.csv", list(cost_rows(cost)))
        (folder / "report.md").write_text(to_markdown(title, pages), "utf-8")
        (folder / "report.html").write_text(to_html(title, pages), "utf-8")
    result = Report(
        out, comparison, tuple(measured), tuple(cost), tuple(found), tuple(said)
    )
    _print(result, config.last, console)
    return result


def _read(paths: Sequence[Path], console: Console) -> tuple[list[LoadedRun], list[str]]:
    """The runs that can be read, and why the others cannot."""
    runs, unread = [], []
    for path in track(
        paths, "reading runs", console=console, disable=not console.is_terminal
    ):
        try:
            runs.append(read_run(path))
        except RunUnreadable as error:
            unread.append(f"Left out: {path}. {error}")
    if not runs:
        raise NotARun(f"No run can be read. {unread[0]}")
    return runs, unread


def _renamed(comparison: Comparison, rename: Sequence[str]) -> Comparison:
    known = (*comparison.arms, *comparison.tasks)
    names = {x: x for x in known} | _assigned(rename, known, "--rename", "OLD=NEW")

    def renamed(entries: Sequence[Entry]) -> tuple[Entry, ...]:
        return tuple(replace(x, arm=names[x.arm], task=names[x.task]) for x in entries)

    return replace(
        comparison,
        entries=renamed(comparison.entries),
        duplicates=renamed(comparison.duplicates),
    )


def _tuned(comparison: Comparison, told: Sequence[str]) -> dict[str, str | None]:
    """How many settings were tried for each arm: as told, else as its runs note."""
    tuned: dict[str, str | None] = {}
    for arm in comparison.arms:
        noted = {x.run.settings_tried for x in comparison.entries if x.arm == arm}
        numbers = sorted(x for x in noted if x is not None)
        tuned[arm] = ", ".join(map(str, numbers)) or None
    return tuned | _assigned(told, comparison.arms, "--tuned", "ARM=N")


def _assigned(
    texts: Sequence[str], known: Sequence[str], flag: str, form: str
) -> dict[str, str]:
    """`LABEL=TEXT` by label; a label may have = in it, the text may not."""
    result = {}
    for text in texts:
        label, equals, value = text.rpartition("=")
        if not equals or not value:
            raise ConfigError(f"{flag} {text!r} is not of the form {form}.")
        if label not in known:
            raise ConfigError(f"{flag}: there is no {label!r}.{suggest(label, known)}")
        result[label] = value
    return result


def _draw(comparison: Comparison, each: Numbers, folder: Path) -> list[Picture]:
    # Here, since matplotlib takes a moment, which help and errors need not wait for.
    from experiments.report import figures as figures

    drawn: list[tuple[str, Path | None]] = [
        ("final values", figures.draw_scores(comparison, each, folder)),
        ("probability of improvement", figures.draw_improvement(each, folder)),
        ("performance profile", figures.draw_profile(comparison, each, folder)),
    ]
    curves = figures.draw_curves(comparison, each.metric, folder)
    drawn = [*(("learning curves", x) for x in curves), *drawn]
    return [
        Picture(f"{each.metric}: {what}", file)
        for what, file in drawn
        if file is not None
    ]


def _draw_parts(comparison: Comparison, folder: Path) -> list[Picture]:
    from experiments.report import parts as parts  # later, as above

    return [
        *(Picture("shares of steps", x) for x in parts.draw_shares(comparison, folder)),
        *(Picture("loss by part", x) for x in parts.draw_watched(comparison, folder)),
    ]


def _print(result: Report, last: float, console: Console) -> None:
    said = [
        (section, columns)
        for each in result.numbers
        for section, columns in (
            (scores_section(each), _COLUMNS),
            *(
                (x, _BASELINE_COLUMNS)
                for x in baseline_sections(result.comparison, each, last)
            ),
        )
    ]
    for section, columns in [*said, (cost_section(result.costs), _COLUMNS)]:
        if section.table is not None:
            console.print(section.title, style="bold", highlight=False, markup=False)
            console.print(section.table.for_terminal(columns))
            if missing := section.table.left_out(columns):
                console.print(missing, style="dim", highlight=False, markup=False)
    for note in result.notes:
        console.print(f"note: {note}", style="yellow", highlight=False, markup=False)
    page = result.folder / "report.html"
    console.print(f"Report: {page}", highlight=False, markup=False, soft_wrap=True)
