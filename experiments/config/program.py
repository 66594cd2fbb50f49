"""A command as a program: its help and its errors are printed, with an exit code."""

import os
import re
import sys
from collections.abc import Callable, Sequence

from experiments.config.encoding import print_plainly

_NO_MEMORY = (
    "can't allocate memory",
    "out of memory",
    "Storage size calculation overflowed",
    "Maximum allowed dimension exceeded",
    "invalid size, overflow",
    "numel: integer multiplication overflow",
)
"""how torch and NumPy say that no machine has as much memory"""

_BYTES = re.compile(r"allocate (\d+) bytes")


def run_as_program(command: Callable[[Sequence[str]], int], argv: Sequence[str]) -> int:
    """Run a command of one process; returns its exit code: see `run_together`.

    Several processes, as torchrun starts them, would all do the same: they are refused.
    """
    from experiments.config.speaker import num_started

    if num_started() > 1:
        _refuse(
            f"This command is for one process, and torchrun started {num_started()}. "
            "Start it without torchrun."
        )
        return 1
    return run_together(command, argv)


def run_together(command: Callable[[Sequence[str]], int], argv: Sequence[str]) -> int:
    """Run a command; returns its exit code (0 fine, 1 failed, 2 misused, 130 stopped).

    Several processes may run it together, as torchrun starts them. What all of them
    refuse, the first one says.

    Only here a command's help and refusals become text and exit code. What is refused,
    and what the system refuses, is printed as one message; whatever else is raised is a
    bug, and is left alone.

    The command finds modules of the current folder, whoever imports them (Gymnasium
    does, for `my_envs:My-v0`). It draws into files alone, whatever a notebook that
    started it would have it draw with.
    """
    print_plainly()
    from experiments.config.command_line import HelpAsked, Misuse
    from experiments.config.outside import look_here
    from experiments.config.reader import outliving_readers
    from experiments.config.speaker import await_the_first, speaks, tell_torchrun
    from ssl_objectives.refusal import Refusal

    look_here()
    os.environ["MPLBACKEND"] = "agg"
    try:
        with outliving_readers():
            return command(argv)
    except HelpAsked as asked:
        return _show(str(asked)) if speaks() else 0
    except Misuse as error:
        await_the_first()
        tell_torchrun(str(error))
        print(error, file=sys.stderr)
        return 2
    except Refusal as error:
        _refuse(str(error))
        return 1
    except OSError as error:
        if error.errno is None:  # not from the system: a bug of ours
            raise
        where = "" if error.filename is None else f": {error.filename}"
        _refuse(f"{error.strerror}{where}. Whatever was saved before is safe.")
        return 1
    except KeyboardInterrupt:
        if speaks():
            complain("Stopped at once, as asked. Whatever was saved before is safe.")
        return 130
    except Exception as error:
        told = _told(error)
        if told is None:
            raise
        _refuse(told)
        return 1


def _refuse(message: str) -> None:
    """Said once, by the first of several processes."""
    from experiments.config.speaker import await_the_first, tell_torchrun

    await_the_first()
    tell_torchrun(message)
    complain(message)


def _told(error: Exception) -> str | None:
    """What people are told of an error that is no refusal; None of a bug.

    What worlds say, and Gymnasium of a package that an env needs, is known by name:
    this must import neither. So is memory that is gone, which torch tells in words.
    """
    if type(error).__name__ in ("WorldError", "DependencyNotInstalled"):
        return str(error)
    words = str(error)
    if isinstance(error, MemoryError) or any(x in words for x in _NO_MEMORY):
        asked = _BYTES.search(words)
        how_much = "" if asked is None else f" ({int(asked[1]):,} bytes at once)"
        return (
            f"There is not enough memory for what was asked for{how_much}. Lower what "
            "was raised, or choose a smaller --size. Whatever was saved before is safe."
        )
    return None


def _show(text: str) -> int:
    """Print it; a reader that has seen enough (`| head`) is no error."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # what is still buffered must not be tried again when Python ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def complain(message: str) -> None:
    """No box around it: paths and commands in a message are there to be copied."""
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print(Text("error: ", style="bold red") + Text(_visible(message)))


def _visible(message: str) -> str:
    """What would move a cursor or cannot be seen, in a path say, is spelled out."""
    return "".join(
        x if x.isprintable() or x in "\n\t" else x.encode("unicode_escape").decode()
        for x in message
    )
