"""What `curious sweep` is asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from ssl_objectives.refusal import ConfigError


@dataclass(frozen=True)
class SweepOptions:
    """Run every cell of a grid (configs × seeds); run it again to go on or retry."""

    grid: Annotated[Path, tyro.conf.Positional]
    """a grid file (TOML), the folder of a sweep to go on with, or a published
    experiment by name, such as attention or noise-matrix (docs/sweep.md has all)"""
    out: Path | None = None
    """folder of the sweep (default: sweeps/NAME, after the grid file)"""
    only: tuple[str, ...] = ()
    """a part of the grid: of these axes these values alone (AXIS=NAME,NAME …)"""
    add: tuple[str, ...] = ()
    """values of your own ('AXIS.NAME=ARGUMENTS' …): a signal, say, beside the others"""
    seeds: tuple[int, ...] = ()
    """these seeds in place of the grid's"""
    processes: int | None = None
    """runs at once on CPUs (default without GPUs: half as many as there are cores)"""
    devices: str | None = None
    """GPUs to pack runs on, such as 0-7 or 0,2 (default: all there are)"""
    per_device: int = 1
    """runs at once on each GPU"""
    threads: int | None = None
    """CPU and emulator threads of each run (default: an even share of the cores)"""
    retries: int = 1
    """further attempts for a cell that fails; others go on meanwhile"""
    dry_run: bool = False
    """list the cells and what they cost, and do nothing"""
    measure: bool = False
    """with --dry-run: try each combination for a moment to know its speed"""
    commands: Path | None = None
    """write a file with one command per cell, for any scheduler, and run nothing"""
    ray: bool = False
    """hand the cells to Ray Tune, on this machine or the cluster it belongs to"""
    cell: str | None = None
    """run this cell alone, in this process; what --commands writes"""

    @property
    def changes(self) -> bool:
        """Whether anything but the grid's own cells is asked for."""
        return bool(self.only or self.add or self.seeds)

    def __post_init__(self) -> None:
        if self.retries < 0:
            raise ConfigError(f"--retries must be at least 0, not {self.retries}.")
        if self.measure and not self.dry_run:
            raise ConfigError("--measure belongs to --dry-run.")
        if sum((self.dry_run, self.commands is not None, self.ray)) > 1:
            raise ConfigError("Give one of --dry-run, --commands and --ray.")
        if self.ray and self.devices is not None:
            raise ConfigError("--ray chooses devices itself; leave --devices out.")
