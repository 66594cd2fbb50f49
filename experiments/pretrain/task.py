"""`curious pretrain`: an encoder from images alone, and everything a run leaves."""

import threading
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from rich.console import Console

from experiments.config.device import resolve_device
from experiments.encoders.pretrained import from_scratch
from experiments.encoders.saved import ENCODER_FILE, save_encoder
from experiments.pretrain.build import build_pretrainer, run_name
from experiments.pretrain.config import PretrainConfig
from experiments.pretrain.loop import Outputs, PretrainLoop
from experiments.pretrain.progress import PretrainProgress
from experiments.pretrain.results import RESULTS, report
from experiments.pretrain.summary import print_summary
from experiments.runs.checkpoints.folder import CheckpointFolder, env_steps_of
from experiments.runs.distributed import joined, local_device, rank
from experiments.runs.folder import RunFolder
from experiments.runs.interrupt import interruptible
from experiments.runs.logger import MetricLogger
from experiments.runs.plots import plot_training
from experiments.runs.resume import check_same_networks, check_same_run, keep_config
from ssl_objectives.distributed import num_processes
from ssl_objectives.images.source import ImageSplit
from ssl_objectives.learn.pretrainer import Pretrainer
from ssl_objectives.measure.probes import OnlineProbe, online_probe
from ssl_objectives.refusal import ConfigError

# What networks and draws depend on.
FIXED = ("method", "images", "encoder", "order", "batch_size", "labels", "seed")


@dataclass(frozen=True)
class PretrainResult:
    """What a run left.

    Attributes:
        run: its folder; None in all processes but the first.
        steps: gradient steps that it has had.
        finished: whether it reached its budget.
    """

    run: RunFolder | None
    steps: int
    finished: bool


def pretrain(
    config: PretrainConfig, resume: Path | None = None, console: Console | None = None
) -> list[PretrainResult]:
    """Pretrain `config.seeds` encoders, one after another; stops when interrupted.

    Started by torchrun, each process takes its share of every batch; the first one
    writes and prints.

    Args:
        config: the whole run; `experiments.pretrain.presets` makes good ones.
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
    results: list[PretrainResult] = []
    with joined(device.type == "cuda"), interruptible() as interrupted:
        console = (console or Console()) if rank() == 0 else Console(quiet=True)
        device = local_device(device)
        if config.batch_size % num_processes():
            raise ConfigError(
                f"--batch-size {config.batch_size} must be a multiple of the "
                f"{num_processes()} processes."
            )
        split = config.images.open()
        _say(console, split.about or type(config.images).__name__)
        for note in split.notes:
            _say(console, f"note: {note}")
        if resume is not None:
            one = replace(config, seeds=1)
            session = _Session(one, split, device, console, interrupted)
            return [session.resume(resume)]
        for seed in range(config.seed, config.seed + config.seeds):
            one = replace(config, seed=seed, seeds=1)
            session = _Session(one, split, device, console, interrupted)
            results.append(session.begin())
            if interrupted.is_set():
                break
    left = config.seeds - len(results)
    if left and results[-1].run is not None:
        _say(
            console,
            f"Not begun: {left} more. Pretrain them with: curious pretrain --config "
            f"{results[-1].run.path} --seed {config.seed + len(results)} "
            f"--seeds {left}",
        )
    return results


@dataclass(frozen=True)
class _Session:
    """One run, from its first or a resumed step on."""

    config: PretrainConfig
    split: ImageSplit
    device: torch.device
    console: Console
    interrupted: threading.Event

    def begin(self) -> PretrainResult:
        """A new run."""
        config = self.config
        trainer = build_pretrainer(config, self.split, self.device)
        run = None
        if rank() == 0:
            run = RunFolder.create(config.runs, run_name(config), config.seed, config)
            _say(self.console, f"Run folder: {run.path}")
        return self._train(trainer, run, None)

    def resume(self, path: Path) -> PretrainResult:
        """Continue a run from its latest checkpoint, or from the one at `path`."""
        run, config = RunFolder.open(path), self.config
        check_same_run(run, config, FIXED, "pretrain")
        checkpoints = CheckpointFolder(run.checkpoints)
        chosen = path if path.is_file() else checkpoints.latest()
        at = env_steps_of(chosen)
        if at >= config.steps and is_reported(run, config):
            _say(
                self.console,
                f"{run.path} has had its budget of {config.steps:,} steps "
                f"({chosen.name}). For more: curious pretrain --resume {run.path} "
                f"--steps {2 * at}",
            )
            return PretrainResult(run, at, True)
        later = [x for x in checkpoints.paths() if env_steps_of(x) > at]
        trainer = build_pretrainer(config, self.split, self.device)
        state = checkpoints.load(chosen).state
        own = dict(trainer.branches.state_dict())
        check_same_networks(own, state["branches"], chosen)
        trainer.load_state_dict(state)
        if later:
            _say(
                self.console,
                f"Going back from {env_steps_of(later[-1]):,} to {at:,} steps: "
                "checkpoints and metrics beyond are dropped.",
            )
        if rank() == 0:
            (run.path / RESULTS).unlink(missing_ok=True)  # of what it was before
            keep_config(run, config)
        _say(self.console, f"Run folder: {run.path}, going on at {at:,} steps")
        return self._train(trainer, run if rank() == 0 else None, at)

    def _train(
        self, trainer: Pretrainer, run: RunFolder | None, resumed_at: int | None
    ) -> PretrainResult:
        config = self.config
        outputs = None
        if run is not None:
            checkpoints = CheckpointFolder(run.checkpoints, config.keep_checkpoints)
            checkpoints.start(trainer.steps)
            outputs = Outputs(
                run,
                checkpoints,
                MetricLogger(run, resumed_at, config.tensorboard),
                PretrainProgress(
                    config.steps, trainer.steps, config.batch_size, self.console
                ),
                self._probe(),
            )
        loop = PretrainLoop(
            config, trainer, outputs, self.interrupted, saved=resumed_at
        )
        if outputs is None:
            loop.run()
        else:
            try:
                with outputs.progress:
                    loop.run()
            finally:
                outputs.logger.close()
        finished = trainer.steps >= config.steps
        if run is not None:
            self._leave(trainer, run, finished)
        return PretrainResult(run, trainer.steps, finished)

    def _probe(self) -> OnlineProbe | None:
        if not self.config.evaluate_every:
            return None
        return online_probe(self.split, self.device, self.config.seed)

    def _leave(self, trainer: Pretrainer, run: RunFolder, finished: bool) -> None:
        """The encoder, what it is worth, and pictures."""
        config, encoder = self.config, trainer.encoder.eval()
        note = f"{config.name}, {trainer.steps:,} steps on {self.split.about}"
        save_encoder(
            run.path / ENCODER_FILE,
            encoder,
            from_scratch(config.encoder),  # so that the file needs no other one
            self.split.train.image_shape,
            note,
        )
        plot_training(run, "gradient steps")
        if finished and config.report:
            _say(self.console, "probing …")
            report(
                encoder,
                config.encoder,
                self.split,
                run.path,
                self.device,
                probe=config.probe,
                seed=config.seed,
                views=trainer.views,
                console=self.console,
            )
        print_summary(run, trainer.steps, config.batch_size, self.console)
        if not finished:
            _say(
                self.console,
                f"Stopped at {trainer.steps:,} steps; all of it is saved. Go on with: "
                f"curious pretrain --resume {run.path}",
            )


def is_reported(run: RunFolder, config: PretrainConfig) -> bool:
    """Whether a run that has had its budget has also been reported, if it shall be."""
    return (run.path / RESULTS).is_file() or not config.report


def _say(console: Console, message: str) -> None:
    """One line, whatever the width: paths in it are there to be copied."""
    console.print(message, highlight=False, markup=False, soft_wrap=True)
