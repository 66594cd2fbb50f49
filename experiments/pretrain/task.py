"""`curious pretrain`: an encoder and a method around it, as a task of a session."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from experiments.config.device import resolve_device
from experiments.config.paths import quoted
from experiments.data.description import counted
from experiments.encoders.pretrained import from_scratch
from experiments.encoders.saved import ENCODER_FILE, save_encoder
from experiments.pretrain.config import PretrainConfig
from experiments.pretrain.recipes import notes_of_recipe
from experiments.pretrain.results import RESULTS, measure_encoder
from experiments.runs.distributed import check_shared, joined, local_device
from experiments.runs.folder import RunFolder
from experiments.runs.health import HealthMonitor
from experiments.runs.plots import plot_training
from experiments.runs.session import RunResult, run_sessions, say
from experiments.runs.summary import print_summary, surviving
from experiments.runs.task import Schedule, Task, read_metrics_from
from ssl_objectives.distributed import rank
from ssl_objectives.images.folder import FolderConfig
from ssl_objectives.images.labels import label_subset, num_labels
from ssl_objectives.images.source import UNKNOWN, ImagesConfig, ImageSplit
from ssl_objectives.images.watched import watched_by
from ssl_objectives.learn.pretrainer import Pretrainer
from ssl_objectives.measure.leakage import leakage
from ssl_objectives.measure.probes import OnlineProbe, online_probe
from ssl_objectives.refusal import ConfigError, DatasetError
from ssl_objectives.views.augment.color import guess_of_colors
from ssl_objectives.views.augment.preset import AugmentConfig
from ssl_objectives.views.maker import ViewsConfig
from world_models.data.description import DESCRIPTION

_SUMMARY = {
    "loss, last step logged": "pretrain/loss",
    "projections' effective rank": "projection/effective_rank",
    "k-NN, a few images": "evaluate/knn",
}
_PROBED = {"ridge accuracy": "ridge", "k-NN accuracy": "knn"}


def pretrain(
    config: PretrainConfig, resume: Path | None = None, console: Console | None = None
) -> list[RunResult]:
    """Pretrain `config.seeds` encoders, one after another; stops when interrupted.

    Started by torchrun, each process takes its share of every batch; the first one
    writes and prints.

    Args:
        config: the whole run; `pretrain_config` makes good ones.
        resume: a run folder, or a checkpoint in one, to continue instead.
        console: where to print; default: standard output.

    Raises:
        ConfigError: parts that do not exist or do not fit together.
        DatasetError: the images are not there, or damaged.
        DoesNotFit: a memory per image would be too large; nothing was started.
        CheckpointError: a checkpoint cannot be read or written.
        TrainingDiverged: a number is not finite; the last good checkpoint is safe.
    """
    device = resolve_device(config.device)
    with joined(device.type == "cuda"):
        talks = (console or Console()) if rank() == 0 else Console(quiet=True)
        device = local_device(device)
        with watched_by(partial(counted, talks)):
            split = _open(config.images)
            leaks = _leaks(config, split)
        say(talks, split.about or type(config.images).__name__)
        for note in (*split.notes, *leaks):
            say(talks, f"note: {note}")
        return run_sessions(
            lambda one: PretrainTask(one, split, device, talks), config, resume, talks
        )


def _open(images: ImagesConfig) -> ImageSplit:
    """The images; of a data set that was taken for a folder, how it is read."""
    try:
        return images.open()
    except DatasetError as error:
        if isinstance(images, FolderConfig) and (images.path / DESCRIPTION).is_file():
            raise DatasetError(
                f"{images.path} is a data set, not a folder of image files. Say: "
                f"--images recorded --images.path {quoted(images.path)}"
            ) from error
        raise


class PretrainTask(Task):
    """An encoder, a method around it, and images; a step is a gradient step."""

    command = "pretrain"
    unit = "steps"
    budget_flag = "--steps"
    # What networks and draws depend on.
    fixed = ("method", "images", "encoder", "order", "batch_size", "labels", "seed")
    step_size = 1

    def __init__(
        self,
        config: PretrainConfig,
        split: ImageSplit,
        device: torch.device,
        console: Console,
    ) -> None:
        self.config: PretrainConfig = config
        self.split, self.device, self.console = split, device, console
        self.schedule = Schedule(
            config.log_every, config.evaluate_every, config.checkpoint_every
        )
        self.tensorboard = config.tensorboard
        self.health = HealthMonitor()
        self._shown: Mapping[str, float] = {}
        self._knn: float | None = None

    @property
    def name(self) -> str:
        """The images, and the method."""
        images = type(self.config.images).__name__.removesuffix("Config")
        return f"{images}-{self.config.name}"

    @property
    def budget(self) -> int:
        """In gradient steps."""
        return self.config.steps

    def is_reported(self, run: RunFolder) -> bool:
        """Whether the encoder has been measured, if it shall be."""
        return (run.path / RESULTS).is_file() or not self.config.report

    def make(self) -> None:
        """Build the pretrainer, and the short probe where there are labels."""
        config, images = self.config, self.split.train
        check_shared("--batch-size", config.batch_size)
        try:
            labels = None
            if images.labels is not None:
                labels = label_subset(images.labels, config.labels, config.seed)
            self._check_probe()
            self.trainer = Pretrainer(
                config.method,
                config.encoder,
                images,
                labels,
                config.order.build(images, config.batch_size, config.seed),
                config.optimizer,
                steps=config.steps,
                device=self.device,
                seed=config.seed,
                rate_factor=config.batch_size / (config.rate_per or config.batch_size),
                autocast=config.autocast,
                compiled=config.compile,
            )
        except ValueError as error:  # the parts' way of saying what does not fit
            raise ConfigError(str(error)) from error
        for flag in _unsaid_colors(config.method.views):
            if guess := guess_of_colors(images.image_shape[0]):
                say(self.console, f"note: {guess}; if they are not, say {flag} 0")
        for note in notes_of_recipe(config):
            say(self.console, note)
        self.modules = self.trainer.branches
        self._probe: OnlineProbe | None = None
        if config.evaluate_every and rank() == 0:
            self._probe = online_probe(self.split, self.device, config.seed)

    def begin(self) -> Mapping[str, float]:
        """What the untrained encoder knows already: later, less is worth a warning."""
        found = self._glance()
        self.health.observe(found)
        return found

    def _check_probe(self) -> None:
        """Refuse what could not be measured now, not when all is trained.

        Raises:
            ConfigError: an amount of labels that is none.
        """
        labels, probe = self.split.probed.labels, self.config.probe
        known = 0 if labels is None else int((labels != UNKNOWN).sum())
        if self.config.report and known:
            for amount in probe.amounts:
                num_labels(amount, min(known, probe.num_train))

    @property
    def steps(self) -> int:
        """Gradient steps."""
        return self.trainer.steps

    def step(self, log: bool) -> Mapping[str, float]:
        """One gradient step; ranks of the embeddings only where they are wanted."""
        metrics = self.trainer.step(log)
        if not log:
            return {}
        self._shown = read_metrics_from(metrics)
        return self._shown

    def counted(self) -> tuple[int, str]:
        """Images, of all processes together."""
        return self.config.batch_size, "images"

    def shown(self) -> Sequence[str]:
        """Loss, rank of the embeddings, accuracy of the latest short probe."""
        names = {"pretrain/loss": "loss", "projection/effective_rank": "rank"}
        values = self._shown
        shown = [f"{y} {values[x]:.4g}" for x, y in names.items() if x in values]
        if self._knn is not None:
            shown.append(f"k-NN {self._knn:.1%}")
        return shown

    def evaluate(
        self, say: Callable[[str], None], stop: Callable[[], bool]
    ) -> Mapping[str, float]:
        """A short k-NN probe, where there are labels."""
        return self._glance()

    def _glance(self) -> Mapping[str, float]:
        if self._probe is None:
            return {}
        self._knn = self._probe.accuracy(self.trainer.encoder)
        return {"evaluate/knn": self._knn}

    @property
    def remedy(self) -> str:
        """A smaller learning rate."""
        return "with a smaller --optimizer.learning-rate"

    def state_dict(self) -> dict[str, Any]:
        """All that the pretrainer holds."""
        return self.trainer.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self.trainer.load_state_dict(state)

    def reopen(self, run: RunFolder) -> None:
        """Results are of what the encoder was before."""
        (run.path / RESULTS).unlink(missing_ok=True)

    def finish(self, run: RunFolder, finished: bool, stop: Callable[[], bool]) -> None:
        """The encoder, what it is worth, pictures, and a table."""
        config, encoder = self.config, self.trainer.encoder.eval()
        with surviving("Saving the encoder", self._warn):
            save_encoder(
                run.path / ENCODER_FILE,
                encoder,
                from_scratch(config.encoder),  # so that the file needs no other one
                self.split.train.image_shape,
                f"{config.name}, {self.steps:,} steps on {self.split.about}",
            )
        with surviving("The plot", self._warn):
            plot_training(run, "gradient steps")
        if finished and config.report:
            say(self.console, "probing …")
            with surviving("Probing", self._warn):
                measure_encoder(
                    encoder,
                    config.encoder,
                    self.split,
                    run.path,
                    self.device,
                    probe=config.probe,
                    seed=config.seed,
                    views=self.trainer.views,
                    console=self.console,
                )
        places = [
            ("encoder", str(run.path / ENCODER_FILE)),
            ("use it", f'load_encoder("{run.path}")'),
            ("plots", str(run.plots)),
        ]
        if any(run.tensorboard.iterdir()):
            places.append(("curves", f"tensorboard --logdir {quoted(run.path)}"))
        if finished and not self.is_reported(run):
            places.append(("measure", f"curious pretrain --resume {quoted(run.path)}"))
        amounts = {"steps": self.steps, "images": self.steps * config.batch_size}
        rows = _accuracies(run)
        print_summary(run, amounts, _SUMMARY, rows, places, self.console)

    def _warn(self, message: str) -> None:
        say(self.console, f"warning: {message}")


def _leaks(config: PretrainConfig, split: ImageSplit) -> list[str]:
    """What is wrong with accuracies on this test, where some shall be measured."""
    if not config.report or split.probed.labels is None:
        return []
    told = leakage(split, most=config.probe.num_test).told()
    return [] if told is None else [told]


def _unsaid_colors(views: ViewsConfig) -> list[str]:
    """Flags that would say which channels are colours, of augmentations that ask."""
    assert is_dataclass(views)
    each = {x.name: getattr(views, x.name) for x in fields(views)}
    return [
        f"--method.views.{name.replace('_', '-')}.colors"
        for name, x in each.items()
        if isinstance(x, AugmentConfig) and x.colors is None and (x.jitter or x.gray)
    ]


def _accuracies(run: RunFolder) -> dict[str, str]:
    """Probes of the encoder, and in brackets of what learned nothing."""
    file = run.path / RESULTS
    if not file.is_file():
        return {}
    results: dict[str, float] = json.loads(file.read_text("utf-8"))["results"]
    rows = {}
    for label, name in _PROBED.items():
        if f"probe/{name}" in results:
            baselines = ", ".join(
                f"{x} {results[f'{x}/{name}']:.3f}" for x in ("random", "pixels")
            )
            rows[label] = f"{results[f'probe/{name}']:.3f} ({baselines})"
    return rows
