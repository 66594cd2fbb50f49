"""Commands that are killed with `kill -9` at a random moment."""

import os
import random
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from experiments.cli import main


@dataclass
class Killer:
    """Starts commands in forked processes, and kills them.

    The moment is drawn from the time that such a command took when it was let alone, so
    that it falls anywhere on machines of any speed. Forks spare each command the
    seconds in which torch is imported: nothing can be lost in these.

    Attributes:
        seed: of the moments; printed, since what fails is to be seen again.
        log: what all commands printed.
        kills: how many were in time.
        seconds: what a command takes, as far as is known.
    """

    seed: int
    log: Path
    kills: int = 0
    seconds: float = 0.0
    draws: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.draws = random.Random(self.seed)
        print(f"seed {self.seed}")

    def let(self, argv: Sequence[str]) -> int:
        """Run a command to its end; returns its exit code."""
        begun = time.monotonic()
        _, status = os.waitpid(self._start(argv), 0)
        self.seconds = time.monotonic() - begun
        return os.waitstatus_to_exitcode(status)

    def kill(self, argv: Sequence[str]) -> bool:
        """Start a command, and kill it; False where it had come to its end."""
        process = self._start(argv)
        time.sleep(self.draws.uniform(0.0, self.seconds))
        os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        killed = os.WIFSIGNALED(status)
        self.kills += killed
        if not killed:
            assert os.waitstatus_to_exitcode(status) == 0, self.said()
            self.seconds *= 0.9
        return killed

    def said(self) -> str:
        """The end of what was printed."""
        return self.log.read_text("utf-8", "replace")[-2_000:]

    def _start(self, argv: Sequence[str]) -> int:
        process = os.fork()
        if process:
            return process
        code = 70
        try:
            out = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(out, 1)
            os.dup2(out, 2)
            code = main(list(argv))
        finally:
            os._exit(code)  # nothing of pytest's may run here
