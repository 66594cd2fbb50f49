"""What a sweep has to know of `curious pretrain`."""

import json
from collections.abc import Sequence

from experiments.runs.folder import RunFolder
from experiments.sweep.kind import Job, SweepKind, read_as

_TRIED = 2  # gradient steps between the rows of a trial


class PretrainSweep(SweepKind):
    """Encoders; a piece is a few gradient steps."""

    unit = "gradient steps"
    pieces = f"× {_TRIED} steps"

    def job(self, arguments: Sequence[str]) -> Job:
        """The budget in gradient steps."""
        from experiments.pretrain.command import read_arguments  # imports torch

        config = read_as("pretrain", read_arguments, arguments)
        return Job(config.steps, _TRIED)

    def trial(self, job: Job, pieces: int) -> list[str]:
        """Gradient steps without evaluation or report."""
        steps = pieces * job.piece
        return [
            *("--steps", str(steps), "--log-every", str(job.piece)),
            *("--checkpoint-every", str(2 * steps), "--evaluate-every", "0"),
            "--no-report",
        ]

    def run(self, arguments: Sequence[str]) -> int:
        """Pretrain."""
        from experiments.pretrain.command import run  # imports torch

        return run(arguments)

    def is_done(self, run: RunFolder, budget: int) -> bool:
        """Its budget is saved, and it has been measured, if it shall be."""
        reported = (run.path / "results.json").is_file()
        if not reported:
            config = json.loads(run.config_file.read_text("utf-8"))
            reported = config.get("report") is False
        return reported and super().is_done(run, budget)
