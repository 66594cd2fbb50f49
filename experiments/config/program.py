"""A command as a program: its help and its errors are printed, with an exit code."""

import os
import sys
from collections.abc import Callable, Sequence

from experiments.config.encoding import print_plainly


def run_as_program(command: Callable[[Sequence[str]], int], argv: Sequence[str]) -> int:
    """Run a command; returns its exit code (0 fine, 1 failed, 2 misused, 130 stopped).

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
    from ssl_objectives.refusal import Refusal

    look_here()
    os.environ["MPLBACKEND"] = "agg"
    try:
        return command(argv)
    except HelpAsked as asked:
        return _show(str(asked))
    except Misuse as error:
        print(error, file=sys.stderr)
        return 2
    except Refusal as error:
        complain(str(error))
        return 1
    except OSError as error:
        if error.errno is None:  # not from the system: a bug of ours
            raise
        where = "" if error.filename is None else f": {error.filename}"
        complain(f"{error.strerror}{where}. Whatever was saved before is safe.")
        return 1
    except KeyboardInterrupt:
        complain("Stopped at once, as asked. Whatever was saved before is safe.")
        return 130
    except Exception as error:
        # What worlds say, and Gymnasium of a package that an env needs; known by name,
        # since this must import neither.
        if type(error).__name__ not in ("WorldError", "DependencyNotInstalled"):
            raise
        complain(str(error))
        return 1


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
    console.print(Text("error: ", style="bold red") + Text(message))
