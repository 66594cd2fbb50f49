"""What a person watching pretraining wants to see."""

import time
from collections.abc import Callable, Mapping

from rich.console import Console

from experiments.runs.progress import duration, short
from experiments.runs.step_bar import StepBar


class PretrainProgress(StepBar):
    """Steps, images per second, time left, loss, rank of the embeddings, accuracy.

    Attributes:
        knn: accuracy of the latest short probe, to be shown from now on.
    """

    def __init__(
        self,
        total: int,
        start: int,
        batch_size: int,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin to measure.

        Args:
            total: steps at which all is done.
            start: steps at which it begins; above 0 for a resumed run.
            batch_size: images of a step, of all processes together.
            console: where to print; default: standard output.
            clock: seconds, for tests.
        """
        super().__init__(total, start, console, clock)
        self._batch_size = batch_size
        self._shown: Mapping[str, float] = {}
        self.knn: float | None = None

    def update(self, steps: int, metrics: Mapping[str, float]) -> None:
        """Show where training is, with new numbers."""
        self._shown = metrics
        self.reach(steps)

    def status(self) -> str:
        """All that is shown, as one line."""
        shown = [f"{self.done:,} / {self.total:,} steps"]
        speed = self.steps_per_second
        if speed > 0:
            shown += [
                f"{speed:.3g} steps/s",
                f"{short(speed * self._batch_size)} images/s",
                f"{duration(self.seconds_left)} left",
            ]
        for name, label in (
            ("pretrain/loss", "loss"),
            ("projection/effective_rank", "rank"),
        ):
            if name in self._shown:
                shown.append(f"{label} {self._shown[name]:.4g}")
        if self.knn is not None:
            shown.append(f"k-NN {self.knn:.1%}")
        return " · ".join(shown)
