"""`--resume` of the commands that train: going on with a run by its own config."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from experiments.config.choices import Choice, Table
from experiments.config.paths import typed_path
from experiments.runs.folder import RunFolder
from ssl_objectives.refusal import ConfigError

RESUME = Choice(
    Table("resume", None, {}), "Go on with a run (or one of its checkpoints)."
)
"""listed in --help beside the other choices; `take_resume` reads it"""

INTERRUPTED = 130


class _Result(Protocol):
    @property
    def finished(self) -> bool: ...


def take_resume(argv: Sequence[str]) -> tuple[Path | None, list[str]]:
    """`--resume PATH`, and the other arguments behind the config of that run.

    Raises:
        ConfigError: it stands beside --config.
        NotARun: there is no run at PATH.
    """
    rest: list[str] = []
    path = None
    arguments = list(argv)
    while arguments:
        argument = arguments.pop(0)
        option, given, value = argument.partition("=")
        if option == "--resume" and given:
            path = typed_path(value)
        elif option == "--resume" and arguments and arguments[0][:1] != "-":
            path = typed_path(arguments.pop(0))
        else:  # a --resume without its value is left for the parser to complain about
            rest.append(argument)
    if path is None:
        return None, rest
    if any(x.partition("=")[0] == "--config" for x in rest):
        raise ConfigError("--resume brings its own config; leave --config out.")
    return path, ["--config", str(RunFolder.open(path).config_file), *rest]


def exit_code(results: Sequence[_Result], expected: int) -> int:
    """0 if all runs came to their end, else 130: somebody has interrupted."""
    whole = len(results) == expected and all(x.finished for x in results)
    return 0 if whole else INTERRUPTED
