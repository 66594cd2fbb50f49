"""`curious sweep`: every cell of a grid becomes a run, whatever happens meanwhile."""

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rich.console import Console

from experiments.config.paths import quoted
from experiments.runs.interrupt import interruptible
from experiments.sweep.cell import Cell, expand
from experiments.sweep.changes import changed_grid, grid_text
from experiments.sweep.config import SweepOptions
from experiments.sweep.cost import last_words, measure, print_plan, speeds_of_runs
from experiments.sweep.folder import State, SweepError, SweepFolder
from experiments.sweep.grid import Grid, grid_file, read_grid
from experiments.sweep.progress import SweepProgress
from experiments.sweep.slots import Slot, make_slots
from experiments.sweep.worker_pool import WorkerPool
from ssl_objectives.refusal import ConfigError
from world_models.data.lock import IsLocked, locked


def sweep(options: SweepOptions, console: Console | None = None) -> int:
    """Do what the options say; returns 0, 1 if cells failed, 130 if interrupted.

    Raises:
        ConfigError: the grid or an option means nothing; nothing was started.
        SweepError: the folder is of another sweep, or in use.
    """
    console = console or Console()
    folder = folder_of(options)
    is_folder = options.grid.is_dir()
    said = folder.grid_file if is_folder else grid_file(options.grid)
    grid = read_grid(said)
    if options.changes:
        grid = changed_grid(grid, options.only, options.add, options.seeds)
    cells = expand(grid)
    folder.check_same(cells)
    if options.dry_run:
        return _plan(options, folder, cells, console)
    local = options.commands is None and not options.ray
    slots = _slots(options) if local else []
    folder.path.mkdir(parents=True, exist_ok=True)
    try:
        with locked(folder.lock):
            _keep_grid(
                grid_text(grid).encode() if options.changes else said.read_bytes(),
                folder.grid_file,
            )
            folder.write(grid, cells)
            if options.commands is not None:
                left = _left(folder, cells)
                _write_commands(options.commands, folder, left)
                _say(console, f"{len(left)} commands in {options.commands}")
                return 0
            return _run(options, folder, grid, cells, slots, console)
    except IsLocked as error:
        raise SweepError(
            f"{folder.path} is in use by {error}. Wait for it, or stop it with Ctrl-C; "
            "or give another folder with --out."
        ) from error


def folder_of(options: SweepOptions) -> SweepFolder:
    """The folder of the sweep that is asked for.

    Raises:
        ConfigError: the grid is a sweep's folder, and `out` another one.
    """
    grid, out = options.grid, options.out
    if not grid.is_dir():
        return SweepFolder(out or Path("sweeps") / grid.stem)
    if out is not None and out.resolve() != grid.resolve():
        raise ConfigError(
            f"{grid} is the folder of a sweep, which goes on where it is; leave --out "
            "out. For a new one, give the grid file."
        )
    return SweepFolder(grid)


def _run(
    options: SweepOptions,
    folder: SweepFolder,
    grid: Grid,
    cells: Sequence[Cell],
    slots: Sequence[Slot],
    console: Console,
) -> int:
    left = _left(folder, cells)
    done = len(cells) - len(left)
    already = f", {done} of them done" if done else ""
    _say(console, f"Sweep folder: {folder.path} ({len(cells)} cells{already})")
    progress = SweepProgress(folder, cells, console)

    def keep() -> None:
        folder.write(grid, cells, progress.failed)

    tries = options.retries
    with interruptible() as interrupted:
        try:
            with progress:
                if options.ray:
                    _ray()(
                        folder,
                        left,
                        threads=options.threads or 1,
                        per_gpu=options.per_device,
                        at_once=options.processes,
                        retries=tries,
                        progress=progress,
                        interrupted=interrupted,
                        changed=keep,
                    )
                else:
                    WorkerPool(folder, slots, tries, progress, interrupted, keep).run(
                        left
                    )
        finally:
            keep()
    return _report(folder, cells, progress.failed, interrupted.is_set(), console)


def _report(
    folder: SweepFolder,
    cells: Sequence[Cell],
    failed: frozenset[str],
    interrupted: bool,
    console: Console,
) -> int:
    """What failed, why, and how to go on; returns the exit code."""
    for cell in cells:
        if cell.name in failed:
            log = folder.log(cell)
            words = last_words(log.read_text("utf-8", "replace"))
            _say(console, f"\nfailed: {cell.name}\n{words}\nlog: {log}")
    left = len(_left(folder, cells))
    _say(console, f"\n{len(cells) - left} of {len(cells)} cells done.")
    if left:
        again = "go on" if interrupted else "try the others again"
        _say(console, f"To {again}: curious sweep {quoted(folder.path)}")
    if left and interrupted:
        return 130
    return 1 if left else 0


def _plan(
    options: SweepOptions,
    folder: SweepFolder,
    cells: Sequence[Cell],
    console: Console,
) -> int:
    """What there is to do, and its cost; returns 1 if a trial of a cell failed."""
    slots = _slots(options)
    statuses = folder.statuses(cells)
    speeds = speeds_of_runs(cells, statuses)
    errors: Mapping[tuple[str, ...], str] = {}
    if options.measure:
        speeds, errors = measure(cells, slots[0], console)
    print_plan(cells, statuses, speeds, slots, console)
    for values, words in errors.items():
        _say(console, f"\nfailed when tried: {'+'.join(values)}\n{words}")
    return 1 if errors else 0


def _ray() -> Callable[..., None]:
    """`run_on_ray`.

    Raises:
        ConfigError: Ray is not installed.
    """
    try:
        from experiments.sweep.ray import run_on_ray
    except ImportError as error:
        raise ConfigError(
            f"--ray needs Ray, which cannot be imported ({error}). Install it with: "
            "pip install 'curious-worlds[sweep]'"
        ) from error
    return run_on_ray


def _slots(options: SweepOptions) -> list[Slot]:
    return make_slots(
        options.processes, options.devices, options.per_device, options.threads
    )


def _left(folder: SweepFolder, cells: Sequence[Cell]) -> list[Cell]:
    return [x for x in cells if folder.status(x).state is not State.DONE]


def _write_commands(path: Path, folder: SweepFolder, cells: Sequence[Cell]) -> None:
    """One line per cell; run from anywhere, by any shell, again if it was cut off.

    Raises:
        SweepError: the file holds something else, which would be lost, or is a link
            that leads nowhere.
    """
    if path.is_symlink() and not os.path.exists(path):  # a link to itself: not, either
        raise SweepError(f"{path} is a link that leads nowhere: --commands FILE")
    if path.is_file():
        kept = path.read_text("utf-8", "replace").splitlines()
        if not all(x.startswith("cd ") and " --cell " in x for x in kept):
            raise SweepError(
                f"{path} holds something else than commands of a sweep. Choose another "
                "file: --commands FILE"
            )
    here = shlex.quote(str(Path.cwd()))
    lines = [f"cd {here} && {shlex.join(folder.command(x))}\n" for x in cells]
    if path.exists() and not path.is_file():  # such as /dev/stdout: not to be replaced
        path.write_text("".join(lines), "utf-8")
        return
    new = path.with_name(f".{path.name}.unfinished")
    new.write_text("".join(lines), "utf-8")
    os.replace(new, path)


def _keep_grid(text: bytes, copy: Path) -> None:
    """What the sweep goes on by, from its folder alone."""
    new = copy.with_name(f".{copy.name}.unfinished")
    new.write_bytes(text)
    os.replace(new, copy)


def _say(console: Console, message: str) -> None:
    """Lines as they are, whatever the width: paths and commands are to be copied."""
    console.print(message, highlight=False, markup=False, soft_wrap=True)
