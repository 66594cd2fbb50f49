"""The command `curious`, and how its errors reach people."""

import importlib
import sys
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

COMMANDS = {
    "train": "train a curious agent in a world",
    "evaluate": "scores, rooms and cells of a run, beside random play, and a video",
    "benchmark": "steps per second beside the emulator and Stable-Baselines3",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code (0 fine, 1 failed, 2 misused)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_usage())
        return 0 if arguments else 2
    name, rest = arguments[0], arguments[1:]
    if name not in COMMANDS:
        from experiments.parts import suggest

        _complain(f"There is no command {name!r}.{suggest(name, list(COMMANDS))}")
        return 2
    return _guarded(_command(name), rest)


def _command(name: str) -> Callable[[Sequence[str]], int]:
    """Imports are late: help and typing errors need not wait for torch."""
    module = importlib.import_module(f"experiments.{name}_command")
    command: Callable[[Sequence[str]], int] = module.run
    return command


def _guarded(command: Callable[[Sequence[str]], int], argv: Sequence[str]) -> int:
    """Errors meant for people become one message and exit code 1."""
    from experiments.checkpoint import CheckpointError
    from experiments.health import TrainingDiverged
    from experiments.logger import MetricsError
    from experiments.memory import DoesNotFit
    from experiments.parts import ConfigError
    from experiments.run_folder import NotARun

    expected = (
        CheckpointError,
        ConfigError,
        DoesNotFit,
        MetricsError,
        NotARun,
        TrainingDiverged,
    )
    try:
        return command(argv)
    except expected as error:
        _complain(str(error))
        return 1
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise
        _complain(f"{error}. Nothing that was already saved is lost.")
        return 1
    except KeyboardInterrupt:
        _complain("Stopped at once, as asked. The last checkpoint is untouched.")
        return 130


def _usage() -> str:
    lines = "\n".join(f"  {name:10} {about}" for name, about in COMMANDS.items())
    return (
        "usage: curious COMMAND [options]\n\n"
        "Agents that explore because they are curious.\n\n"
        f"commands:\n{lines}\n\n"
        "curious COMMAND --help explains each."
    )


def _complain(message: str) -> None:
    panel = Panel(Text(message), title="Error", title_align="left", style="red")
    Console(stderr=True).print(panel)


if __name__ == "__main__":
    sys.exit(main())
