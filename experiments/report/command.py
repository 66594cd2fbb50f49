"""How `curious report` reads its arguments."""

from collections.abc import Sequence

from experiments.config.command_line import parse_plain
from experiments.report.config import ReportConfig

EXAMPLES = (
    "curious report runs",
    "curious report runs/*KeyDoor* --by curiosity --metric episode/return",
    'curious report SWEEP --tuned "Rnd=6" "ByolExplore + PredictionError=15"',
    "curious report SWEEP --normalize scores.toml --out docs/results/sweep",
)


def run(argv: Sequence[str]) -> int:
    """Report as the command line says; returns 0."""
    config = parse_plain(argv, ReportConfig, prog="curious report", examples=EXAMPLES)
    # Not before: what draws and computes takes a moment, which help need not wait for.
    from experiments.report.report import report

    report(config)
    return 0
