"""A training step of a world model and its forward half, as `curious train-model` does.

Both encode T + 1 rows of B trajectories, predict K steps open loop from every one of
T × B rows, and compare: `ModelTrainer.step` (`world_models/learn/trainer.py`) then goes
back, clips, takes AdamW's step and lets the target follow. What it learns from lies
ready on the device. The forward half keeps what the way back would need.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, final

import torch

from agents.compiling import compile_encoders
from envs.vector_env import DiscreteActions
from experiments.benchmark.config import Shape
from experiments.benchmark.models.floor import CountedArm, Work
from experiments.benchmark.models.machine import format_name, machine_arms
from experiments.benchmark.models.operations import count_operations
from experiments.benchmark.models.peer import SAME_EYES, is_installed, peers
from experiments.benchmark.models.shapes import BATCHES, NUM_ACTIONS, Batch
from experiments.benchmark.timing import Arm
from experiments.parts.models import MODELS
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.learn.optimizer import AdamWConfig
from world_models.belief import build_belief
from world_models.cores.latent import LatentCoreConfig
from world_models.learn.trainer import ModelTrainer
from world_models.trajectory import Trajectory

USUAL = (
    "byol-explore",
    "byol-hindsight",
    "jepa-vicreg",
    "jepa-sigreg",
    "contrastive",
    "reconstruction",
)
# Facts to be told are not drawn here.
TIMED = MODELS.only(*(x for x in MODELS.rows if x not in ("none", "supervised")))
STEPS = 1_000_000  # of the run that these are steps of: no schedule ends


class ModelArm(CountedArm):
    """Something that is done with a world model and one batch."""

    unit = "transitions"

    def __init__(
        self,
        name: str,
        trainer: ModelTrainer,
        batch: Batch,
        traj: Trajectory,
        compiled: bool,
    ) -> None:
        self.name, self.units = name, batch.transitions
        self.num_parameters = sum(x.numel() for x in trainer.trained)
        self._trainer, self._batch, self._traj = trainer, batch, traj
        self._compiled = compiled
        self.work = self._needed()

    @abstractmethod
    def _needed(self) -> Work:
        """What it does, counted; before anything is compiled."""

    def details(self) -> dict[str, Any]:
        """Sizes, number format, operations and bytes."""
        dtype = self._batch.encoder.precision.dtype(self._traj.obs.device)
        return {
            **self._batch.to_json(),
            "encodes_in": format_name(dtype),
            "compile": self._compiled,
            **self.work.to_json(),
        }


@final
class ForwardArm(ModelArm):
    """Encode, predict K steps open loop, compare; keeps what a way back would need."""

    about = "encode, K open-loop steps, loss"

    def update(self) -> None:
        """One loss."""
        model, traj = self._trainer.model, self._traj
        model.loss(traj, model.start(self._batch.num_envs)).mean()

    def _needed(self) -> Work:
        operations = count_operations(self.update)
        model = self._trainer.model
        return Work.forward(operations, self._batch.frame_bytes, model)


@final
class StepArm(ModelArm):
    """The whole step."""

    about = "encode, K open-loop steps, loss, backward, AdamW, target"

    def update(self) -> None:
        """One step."""
        self._trainer.step(self._traj)

    def _needed(self) -> Work:
        operations = count_operations(self.update)
        model = self._trainer.model
        return Work.step(operations, self._batch.frame_bytes, model)


def model_arms(
    names: Sequence[str],
    shapes: Sequence[Shape],
    precision: Precision,
    compiled: bool,
    device: torch.device,
    seed: int,
) -> Iterator[tuple[Arm, str | None]]:
    """What the machine can do; then each model and each peer on each batch.

    Args:
        names: of presets, rows of `TIMED`.
        shapes: of batches.
        precision: of our encoders.
        compiled: compile our encoders.
        device: where.
        seed: of weights and batches.

    Raises:
        ConfigError: there is no such preset.
        ValueError: parts that do not fit together.
    """
    formats = dict.fromkeys([torch.float32, precision.dtype(device)])
    yield from ((arm, None) for arm in machine_arms(tuple(formats), device))
    for shape in shapes:
        batch = BATCHES[shape].computing_in(precision)
        traj = batch.draw(device, seed)
        baseline = f"{shape.value}, {SAME_EYES}" if is_installed() else None
        for name in names:
            label = f"{shape.value}, {name}"
            trainer = _trainer(name, batch, device, seed)
            arms = (
                ForwardArm(f"{label}, forward", trainer, batch, traj, compiled),
                StepArm(f"{label}, step", trainer, batch, traj, compiled),
            )
            if compiled:
                compile_encoders(trainer.model)
            yield arms[0], None
            yield arms[1], baseline
        if is_installed():
            yield from ((x, baseline) for x in peers(shape.value, batch, device, seed))


def _trainer(name: str, batch: Batch, device: torch.device, seed: int) -> ModelTrainer:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = TIMED.make(name, batch)
        assert config is not None
        actions = DiscreteActions(NUM_ACTIONS)
        core = LatentCoreConfig()
        belief = build_belief(batch.encoder, core, batch.image, actions)
        model = config.build(belief)
    return ModelTrainer(model.to(device), AdamWConfig(), STEPS)
