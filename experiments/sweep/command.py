"""How `curious sweep` reads its arguments."""

from collections.abc import Sequence

from experiments.config.command_line import parse_plain
from experiments.sweep.config import SweepOptions
from experiments.sweep.worker import end_with_sweeper

EXAMPLES = (
    "curious sweep grid.toml --dry-run --measure",
    "curious sweep grid.toml --out sweeps/first --devices 0-7 --per-device 2",
    "curious sweep sweeps/first",
    "curious sweep attention --processes 2 --threads 1",
    "curious sweep attention --only signal=gamma,random --seeds 0 --out sweeps/slice",
    "curious sweep grid.toml --commands commands.sh",
)


def run(argv: Sequence[str]) -> int:
    """Sweep as the command line says; see `sweep` for what it returns."""
    end_with_sweeper()
    options = parse_plain(argv, SweepOptions, prog="curious sweep", examples=EXAMPLES)
    # Not before: torch takes a second, which help and mistakes need not wait for.
    from experiments.sweep.sweep import folder_of, sweep
    from experiments.sweep.worker import run_cell

    if options.cell is not None:
        return run_cell(folder_of(options).path, options.cell)
    return sweep(options)
