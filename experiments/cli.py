"""The command `curious`: which commands there are."""

import importlib
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version

from experiments.config.encoding import print_plainly
from experiments.config.program import complain, run_as_program, run_together

COMMANDS = {
    "train": ("experiments.train.command", "train a curious agent in a world"),
    "evaluate": (
        "experiments.evaluate.command",
        "scores, rooms and cells of a run, beside random play, and a video",
    ),
    "watch": (
        "experiments.watch.command",
        "a run's agent, or any world, on video: view, map, and bonus",
    ),
    "pretrain": (
        "experiments.pretrain.command",
        "an image encoder from images alone, by any of the methods",
    ),
    "train-model": (
        "experiments.model.command",
        "a world model, from worlds or from recorded data",
    ),
    "picture": (
        "experiments.picture.command",
        "what a world model sees and imagines: a decoder's grid, GIF and errors",
    ),
    "probe": (
        "experiments.probe.command",
        "which facts can be read off what a model sees and predicts",
    ),
    "plan": (
        "experiments.plan.command",
        "goals that a world model reaches by planning, all in one batch",
    ),
    "sweep": (
        "experiments.sweep.command",
        "a grid of runs: packed on devices, gone on with after anything",
    ),
    "record": (
        "experiments.record.command",
        "what a policy sees and does in a world, as a data set",
    ),
    "reward": (
        "experiments.reward.command",
        "a reward from a few demonstrations; and a picture of what it sees",
    ),
    "import": (
        "experiments.data.command",
        "images, videos, arrays and Minari data sets, as one format; and back",
    ),
    "report": (
        "experiments.report.command",
        "tables, figures and intervals of any set of runs",
    ),
    "benchmark": (
        "experiments.benchmark.command",
        "steps per second beside the emulator and Stable-Baselines3",
    ),
}
"""By name: the module whose `run` is the command, and what it does in a line."""
TOGETHER = ("train", "pretrain", "train-model")
"""those that several processes may run, as torchrun starts them"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code (0 fine, 1 failed, 2 misused)."""
    print_plainly()
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_usage())
        return 0 if arguments else 2
    if arguments[0] == "--version":
        print(f"curious-worlds {version('curious-worlds')}")
        return 0
    name, rest = arguments[0], arguments[1:]
    if name not in COMMANDS:
        from ssl_objectives.refusal import suggest

        complain(f"There is no command {name!r}.{suggest(name, list(COMMANDS))}")
        return 2
    try:
        start = run_together if name in TOGETHER else run_as_program
        return start(_command(name), rest)
    except KeyboardInterrupt:  # what the command is made of was still being imported
        complain("Stopped before it began, as asked.")
        return 130


def _command(name: str) -> Callable[[Sequence[str]], int]:
    """Imports are late: help and typing errors need not wait for torch."""
    module = importlib.import_module(COMMANDS[name][0])
    command: Callable[[Sequence[str]], int] = module.run
    return command


def _usage() -> str:
    lines = "\n".join(f"  {name:11} {about}" for name, (_, about) in COMMANDS.items())
    return (
        "usage: curious COMMAND [options]\n\n"
        "Agents that explore because they are curious.\n\n"
        f"commands:\n{lines}\n\n"
        "curious COMMAND --help explains each."
    )


if __name__ == "__main__":
    sys.exit(main())
