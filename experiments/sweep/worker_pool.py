"""The worker processes of a sweep on this machine: as many at once as slots."""

import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from experiments.sweep.cell import Cell
from experiments.sweep.folder import State, SweepFolder
from experiments.sweep.progress import SweepProgress
from experiments.sweep.slots import Slot
from experiments.sweep.worker import start_worker
from world_models.data.lock import is_locked

POLL_SECONDS = 0.2
GRACE_SECONDS = 20.0  # for processes that were told to stop at once


@dataclass
class _Running:
    cell: Cell
    slot: Slot
    process: "subprocess.Popen[bytes]"


@dataclass
class WorkerPool:
    """Runs cells, each in a worker process of its own, and retries those that fail.

    Ctrl-C is passed on to the processes, which save and end.

    Attributes:
        sweep: the folder.
        slots: how many at once, and where.
        retries: further attempts for a cell that failed.
        progress: what a person sees.
        interrupted: set when somebody asks to stop.
        changed: called whenever a process has ended.
    """

    sweep: SweepFolder
    slots: Sequence[Slot]
    retries: int
    progress: SweepProgress
    interrupted: threading.Event
    changed: Callable[[], None]
    _attempts: dict[str, int] = field(default_factory=dict)
    _running: list[_Running] = field(default_factory=list)
    _waiting: deque[Cell] = field(default_factory=deque)

    def run(self, cells: Sequence[Cell]) -> None:
        """Run the cells until each is done or given up, or somebody interrupts."""
        self._waiting.extend(cells)
        told = False
        try:
            while self._running or (self._waiting and not self.interrupted.is_set()):
                if self.interrupted.is_set() and not told:
                    self._tell(signal.SIGINT)
                    told = True
                self._collect()
                if not told:
                    self._fill()
                self.progress.update([x.cell for x in self._running])
                time.sleep(POLL_SECONDS)
        finally:  # also when a second Ctrl-C insists
            self._end()

    def _fill(self) -> None:
        """Start what can be started; cells that others are running wait."""
        taken = [x.slot for x in self._running]
        free = list(self.slots)
        for slot in taken:
            free.remove(slot)
        for slot in free:
            cell = self._next()
            if cell is None:
                if self._waiting and not self._running:
                    self.progress.waiting(self._waiting)
                break
            self._running.append(self._start(cell, slot))

    def _next(self) -> Cell | None:
        for cell in self._waiting:
            if not is_locked(self.sweep.cell_lock(cell)):
                self._waiting.remove(cell)
                return cell
        return None

    def _start(self, cell: Cell, slot: Slot) -> _Running:
        process = start_worker(self.sweep, cell, slot.name, slot.variables())
        self._attempts[cell.name] = self._attempts.get(cell.name, 0) + 1
        return _Running(cell, slot, process)

    def _collect(self) -> None:
        for x in list(self._running):
            code = x.process.poll()
            if code is None:
                continue
            self._running.remove(x)
            self._ended(x.cell, code)
            self.changed()

    def _ended(self, cell: Cell, code: int) -> None:
        status = self.sweep.status(cell)
        if status.state is State.DONE:
            self.progress.done(cell)
        elif self.interrupted.is_set():
            self.progress.stopped(cell, status.steps)
        elif status.state is State.RUNNING:  # somebody else took it meanwhile
            self._attempts[cell.name] -= 1
            self._waiting.append(cell)
        elif self._attempts[cell.name] <= self.retries:
            self.progress.retrying(cell, _how(code))
            self._waiting.append(cell)
        else:
            self.progress.gave_up(cell, _how(code))

    def _tell(self, number: signal.Signals) -> None:
        for x in self._running:
            if x.process.poll() is None:
                x.process.send_signal(number)

    def _end(self) -> None:
        """Leave no process behind."""
        self._tell(signal.SIGINT)
        end = time.monotonic() + GRACE_SECONDS
        for x in self._running:
            try:
                x.process.wait(max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                x.process.kill()
                x.process.wait()


def _how(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"killed by signal {-code}"
