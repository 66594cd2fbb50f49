"""The command `curious`, and how its errors reach people."""

import importlib
import sys
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.text import Text

COMMANDS = {
    "train": "train a curious agent in a world",
    "evaluate": "scores, rooms and cells of a run, beside random play, and a video",
    "pretrain": "an image encoder from images alone, by any of the methods",
    "sweep": "a grid of runs: packed on devices, gone on with after anything",
    "record": "what a policy sees and does in a world, as a data set",
    "import": "images, videos, arrays and Minari data sets, as one format; and back",
    "report": "tables, figures and intervals of any set of runs",
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
        from ssl_objectives.refusal import suggest

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
    from experiments.runs.checkpoints.checkpoint import CheckpointError
    from experiments.runs.folder import NotARun
    from experiments.runs.logger import MetricsError
    from experiments.runs.memory import DoesNotFit
    from experiments.sweep_folder import SweepError
    from ssl_objectives.refusal import ConfigError, DatasetError, TrainingDiverged

    expected = (
        CheckpointError,
        ConfigError,
        DatasetError,
        DoesNotFit,
        MetricsError,
        NotARun,
        SweepError,
        TrainingDiverged,
    )
    try:
        return command(argv)
    except expected as error:
        _complain(str(error))
        return 1
    except OSError as error:
        if error.errno is None:  # not from the system: a bug of ours
            raise
        where = "" if error.filename is None else f": {error.filename}"
        _complain(f"{error.strerror}{where}. Whatever was saved before is safe.")
        return 1
    except KeyboardInterrupt:
        _complain("Stopped at once, as asked. The latest checkpoint is untouched.")
        return 130
    except Exception as error:
        # Gymnasium says which package an env needs, but only `envs` may import it.
        if type(error).__name__ != "DependencyNotInstalled":
            raise
        _complain(str(error))
        return 1


def _usage() -> str:
    lines = "\n".join(f"  {name:10} {about}" for name, about in COMMANDS.items())
    return (
        "usage: curious COMMAND [options]\n\n"
        "Agents that explore because they are curious.\n\n"
        f"commands:\n{lines}\n\n"
        "curious COMMAND --help explains each."
    )


def _complain(message: str) -> None:
    """No box around it: paths and commands in a message are there to be copied."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print(Text("error: ", style="bold red") + Text(message))


if __name__ == "__main__":
    sys.exit(main())
