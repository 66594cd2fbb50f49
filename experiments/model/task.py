"""`curious train-model`: a world model and what it learns from, as a task."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from envs.vector_env import DiscreteActions
from experiments.config.device import resolve_device
from experiments.config.paths import quoted
from experiments.encoders.pretrained import from_scratch
from experiments.encoders.saved import ENCODER_FILE, save_encoder
from experiments.model.build import build_model, offered_state
from experiments.model.config import TrainModelConfig
from experiments.model.footprint import plan_model
from experiments.model.results import RESULTS, measure_model, shares
from experiments.parts.seen import seen
from experiments.runs.distributed import (
    all_finite,
    check_shared,
    joined,
    local_device,
)
from experiments.runs.folder import RunFolder
from experiments.runs.health import HealthMonitor
from experiments.runs.plots import plot_training
from experiments.runs.session import RunResult, run_sessions, say
from experiments.runs.summary import print_summary, surviving
from experiments.runs.task import Schedule, Task, read_metrics_from
from ssl_objectives.distributed import gathered_rows, num_processes, own_of, rank
from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.evaluating import evaluating
from ssl_objectives.footprint.available import available_memory
from ssl_objectives.footprint.plan import check_fits, readable
from ssl_objectives.refusal import ConfigError
from world_models.learn.trainer import ModelTrainer
from world_models.trajectory import Trajectory

_SUMMARY = {
    "loss, last step logged": "loss/world_model",
    "latents' effective rank": "world_model/effective_rank",
    "background's share of the latent": "evaluate/background_share",
}


def train_model(
    config: TrainModelConfig, resume: Path | None = None, console: Console | None = None
) -> list[RunResult]:
    """Train `config.seeds` world models, one after another; stops when interrupted.

    Started by torchrun, each process takes its share of every batch; the first one
    writes and prints.

    Args:
        config: the whole run; `train_model_config` makes good ones.
        resume: a run folder, or a checkpoint in one, to continue instead.
        console: where to print; default: standard output.

    Raises:
        ConfigError: parts that do not exist or do not fit together.
        DatasetError: the data set is not there, damaged, or too small.
        DoesNotFit: the memory would not suffice; nothing large was allocated.
        CheckpointError: a checkpoint cannot be read or written.
        TrainingDiverged: a number is not finite; the last good checkpoint is safe.
    """
    device = resolve_device(config.device)
    with joined(device.type == "cuda"):
        talks = (console or Console()) if rank() == 0 else Console(quiet=True)
        device = local_device(device)
        return run_sessions(
            lambda one: TrainModelTask(one, device, talks), config, resume, talks
        )


class TrainModelTask(Task):
    """A world model and what it learns from; a step is a gradient step."""

    command = "train-model"
    unit = "steps"
    budget_flag = "--steps"
    # What networks, trajectories and draws depend on.
    fixed = (
        "data",
        "model",
        "encoder",
        "core",
        "batch_size",
        "num_steps",
        "burn_in",
        "action_size",
        "seed",
    )
    step_size = 1

    def __init__(
        self, config: TrainModelConfig, device: torch.device, console: Console
    ) -> None:
        self.config: TrainModelConfig = config
        self.device, self.console = device, console
        self.schedule = Schedule(
            config.log_every, config.evaluate_every, config.checkpoint_every
        )
        self.tensorboard = config.tensorboard
        self._shown: Mapping[str, float] = {}
        self._seen: Trajectory | None = None  # what the latest step learned from

    @property
    def name(self) -> str:
        """What it learns from, and the model."""
        model = self.config.model
        name = getattr(model, "name", type(model).__name__.removesuffix("Config"))
        return f"{self.config.data.about}-{name}"

    @property
    def budget(self) -> int:
        """In gradient steps."""
        return self.config.steps

    def is_reported(self, run: RunFolder) -> bool:
        """Whether the model has been measured, if it shall be."""
        return (run.path / RESULTS).is_file() or not self.config.report

    def make(self) -> None:
        """Open the source, say how much memory it will take, and build the model."""
        config = self.config
        check_shared("--batch-size", config.batch_size)
        try:
            self.source = config.data.open(
                config.num_steps, config.batch_size, config.seed, self.device
            )
        except ValueError as error:
            raise ConfigError(str(error)) from error
        if self.source.env is not None:
            say(self.console, seen(self.source.env.spec))
        plan = plan_model(config, self.source.offered, self.device)
        check_fits(plan, self.device)
        say(
            self.console,
            f"Memory: about {readable(plan.total)} of the "
            f"{readable(available_memory(self.device))} free on {self.device}",
        )
        self.model = build_model(config, self.source.offered).to(self.device)
        self.trainer = ModelTrainer(
            self.model, config.optimizer, config.steps, config.burn_in
        )
        self.modules = self.model
        actions = self.source.offered.actions
        self.health = HealthMonitor(
            actions.n if isinstance(actions, DiscreteActions) else None,
            self.model.belief.encoder.size,
        )

    def begin(self) -> Mapping[str, float]:
        """Put a held-out batch through the loss: what cannot work fails here.

        Raises:
            ConfigError: parts that do not fit what is learned from, such as a fact that
                it does not tell.
        """
        with torch.no_grad(), evaluating(self.model):
            traj = next(self.source.held_out(self.config.batch_size, 0))
            carry = self.model.start(traj.first.shape[1])
            self.model.loss(traj, carry, burn_in=self.config.burn_in)
        return {}

    @property
    def steps(self) -> int:
        """Gradient steps."""
        return self.trainer.steps

    def step(self, log: bool) -> Mapping[str, float]:
        """One gradient step; how latents lie only where it is wanted."""
        self._seen = traj = self.source.next()
        metrics = self.trainer.step(traj)
        if not log:
            return {}
        with evaluating(self.model):  # no batch norm remembers what is only looked at
            carry = self.model.start(traj.first.shape[1])
            target = self.model.targets(traj, carry)
            metrics |= self.model.diagnose(gathered_rows(target, 1))
        self._shown = read_metrics_from(metrics)
        return self._shown

    def counted(self) -> tuple[int, str]:
        """Transitions, of all processes together."""
        return self.config.batch_size * self.config.num_steps, "transitions"

    def shown(self) -> Sequence[str]:
        """Loss, and rank of the latents."""
        names = {"loss/world_model": "loss", "world_model/effective_rank": "rank"}
        values = self._shown
        return [f"{y} {values[x]:.4g}" for x, y in names.items() if x in values]

    def evaluate(
        self, say: Callable[[str], None], stop: Callable[[], bool]
    ) -> Mapping[str, float]:
        """What share of the latent the background has, where a world can tell."""
        return shares(self.model, self.source.env, self.config.seed)

    def blame(self) -> str | None:
        """What is learned from, where its rewards or vectors are not finite."""
        if self._seen is None:
            return None
        found = {"rewards": self._seen.reward, "vectors": self._seen.vector}
        bad = [k for k, x in found.items() if x is not None and not all_finite(x)]
        if not bad:
            return None
        return (
            f"{self.config.data.about} gives {' and '.join(bad)} that are not finite."
        )

    @property
    def remedy(self) -> str:
        """A smaller learning rate."""
        return "with a smaller --optimizer.learning-rate"

    def state_dict(self) -> dict[str, Any]:
        """Model, optimiser, the source's place, and what the model is built for."""
        return {
            **self.trainer.state_dict(),
            "source": self.source.state_dict(),
            "offered": offered_state(self.source.offered),
        }

    def check_state(self, state: Mapping[str, Any]) -> None:
        """Worlds of other numbers of processes are other worlds."""
        own_of(state["source"].get("own", [None] * num_processes()))

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self.trainer.load_state_dict(state)
        self.source.load_state_dict(state["source"])

    def reopen(self, run: RunFolder) -> None:
        """Results are of what the model was before."""
        (run.path / RESULTS).unlink(missing_ok=True)

    def finish(self, run: RunFolder, finished: bool, stop: Callable[[], bool]) -> None:
        """The encoder, what the latents tell, pictures, and a table."""
        config, encoder = self.config, self.model.belief.encoder
        self.model.eval()
        assert isinstance(encoder, Encoder)  # what configs of train-model build
        with surviving("Saving the encoder", self._warn):
            save_encoder(
                run.path / ENCODER_FILE,
                encoder,
                from_scratch(config.encoder),
                encoder.image_shape,
                f"{self.name}, {self.steps:,} gradient steps",
            )
        with surviving("The plot", self._warn):
            plot_training(run, "gradient steps")
        rows: dict[str, str] = {}
        if finished and config.report:
            say(self.console, "probing …")
            with surviving("Probing", self._warn):
                results = measure_model(self.model, self.source, config, run.path)
                rows = _told(results)
        places = [
            ("model", f'load_world_model("{run.path}")'),
            ("encoder", str(run.path / ENCODER_FILE)),
            ("plots", str(run.plots)),
        ]
        if any(run.tensorboard.iterdir()):
            places.append(("curves", f"tensorboard --logdir {quoted(run.path)}"))
        if finished and not self.is_reported(run):
            places.append(
                ("measure", f"curious train-model --resume {quoted(run.path)}")
            )
        transitions = self.steps * config.batch_size * config.num_steps
        amounts = {"transitions": transitions, "steps": self.steps}
        print_summary(run, amounts, _SUMMARY, rows, places, self.console)

    def _warn(self, message: str) -> None:
        say(self.console, f"warning: {message}")

    def close(self) -> None:
        """Close the worlds."""
        self.source.close()


def _told(results: Mapping[str, float]) -> dict[str, str]:
    """Error and explained variance of each fact, off what was seen and predicted."""
    rows = {}
    for name, rmse in results.items():
        if name.endswith("_rmse"):
            fact, what = name.removesuffix("_rmse").removeprefix("probe/").split("/")
            r2 = results[name.removesuffix("_rmse") + "_r2"]
            rows[f"{fact}, {what}"] = f"RMSE {rmse:.3f}, R² {r2:.3f}"
    return rows
