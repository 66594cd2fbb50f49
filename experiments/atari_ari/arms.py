"""How an encoder is trained before it is probed: on pairs, on sequences, on labels."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

import torch
from jaxtyping import Int64
from torch import Tensor, nn

from envs.vector_env import DiscreteActions
from experiments.atari_ari.frames import Frames
from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.learn.optimizer import (
    AdamWConfig,
    OptimizerConfig,
    follow_schedule,
)
from ssl_objectives.method import Method
from ssl_objectives.objective import Sizes
from world_models.actions import embedding_of
from world_models.belief import BeliefModel
from world_models.cores.core import CoreConfig
from world_models.cores.latent import LatentCoreConfig
from world_models.learn.trainer import ModelTrainer
from world_models.model_config import LatentDynamicsConfig
from world_models.trajectory import Trajectory

ACTION_SIZE = 32  # numbers of an embedded action


class Arm(ABC):
    """What becomes of an encoder before it is frozen."""

    @abstractmethod
    def train(self, encoder: Encoder, frames: Frames, steps: int, seed: int) -> None:
        """Train it, in place.

        Args:
            encoder: untrained.
            frames: to learn from.
            steps: gradient steps.
            seed: of all draws, those of PyTorch's own stream too.
        """


@final
@dataclass(frozen=True)
class Untrained(Arm):
    """The random CNN."""

    def train(self, encoder: Encoder, frames: Frames, steps: int, seed: int) -> None:
        """It stays as it is."""


@final
@dataclass(frozen=True)
class Pairs(Arm):
    """Methods of two views, which are a frame and the next of the same episode."""

    method: Method
    """objective and heads; its views are not used"""
    batch: int = 64
    """pairs in a gradient step"""
    optimizer: OptimizerConfig = field(default_factory=AdamWConfig)
    """what turns gradients into new weights"""

    def train(self, encoder: Encoder, frames: Frames, steps: int, seed: int) -> None:
        """Minimise the method's objective; pairs are drawn with replacement."""
        torch.manual_seed(seed)
        _, height, width = encoder.image_shape
        sizes = Sizes(
            encoder.size,
            maps=encoder.maps_shape,
            image=(1, height, width),
            rows=len(frames),
            steps=steps,
        )
        branches = self.method.build(encoder, sizes)
        starts = frames.starts(1)

        def loss() -> Tensor:
            row = starts[torch.randint(len(starts), (self.batch,))]
            pair = (frames.obs[row], frames.obs[row + 1])
            return branches.loss(pair, row=row)[0]

        _descend(branches, loss, self.optimizer, steps, branches.after_update)


@final
@dataclass(frozen=True)
class Sequences(Arm):
    """World models, on windows of episodes with the actions that were taken."""

    model: LatentDynamicsConfig
    """what predicts, and what compares"""
    core: CoreConfig = field(default_factory=LatentCoreConfig)
    """from latents to beliefs"""
    batch: int = 16
    """windows in a gradient step"""
    length: int = 8
    """T, transitions of a window"""
    optimizer: OptimizerConfig = field(default_factory=AdamWConfig)
    """what turns gradients into new weights"""

    def train(self, encoder: Encoder, frames: Frames, steps: int, seed: int) -> None:
        """Minimise the world model's loss; windows are drawn with replacement."""
        torch.manual_seed(seed)
        embedding = embedding_of(DiscreteActions(frames.num_actions), ACTION_SIZE)
        core = self.core.build(encoder.size, embedding.size)
        belief = BeliefModel(encoder, core, embedding)
        trainer = ModelTrainer(self.model.build(belief), self.optimizer, steps)
        starts = frames.starts(self.length)
        for _ in range(steps):
            begin = starts[torch.randint(len(starts), (self.batch,))]
            trainer.step(window(frames, begin, self.length))


@final
@dataclass(frozen=True)
class Supervised(Arm):
    """The control that is told the labels: a softmax of each, and the encoder below."""

    batch: int = 64
    """frames in a gradient step"""
    optimizer: OptimizerConfig = field(default_factory=AdamWConfig)
    """what turns gradients into new weights"""

    def train(self, encoder: Encoder, frames: Frames, steps: int, seed: int) -> None:
        """Minimise the mean cross-entropy of all labels."""
        torch.manual_seed(seed)
        labels = torch.stack(list(frames.labels.values()), 1)
        head = nn.Linear(encoder.size, labels.shape[1] * 256)
        network = nn.Sequential(encoder, head)

        def loss() -> Tensor:
            row = torch.randint(len(frames), (self.batch,))
            scores = network(frames.obs[row]).view(-1, 256)
            return nn.functional.cross_entropy(scores, labels[row].flatten())

        _descend(network, loss, self.optimizer, steps)


def window(frames: Frames, begin: Int64[Tensor, "B"], length: int) -> Trajectory:
    """T transitions from each of these frames on, which lie in one episode."""
    rows = begin + torch.arange(length + 1).unsqueeze(1)
    first = torch.zeros(rows.shape, dtype=torch.bool)
    first[0] = True
    nothing = torch.zeros(length, len(begin))
    return Trajectory(
        action=frames.action[rows[1:]],
        reward=nothing,
        terminated=nothing.bool(),
        truncated=nothing.bool(),
        obs=frames.obs[rows],
        first=first,
    )


def _descend(
    module: nn.Module,
    loss: Callable[[], Tensor],
    config: OptimizerConfig,
    steps: int,
    after: Callable[[], None] | None = None,
) -> None:
    """Gradient steps on a loss that draws its own batch; `after` follows each."""
    optimizer = config.build(module)
    trained = [x for x in module.parameters() if x.requires_grad]
    for step in range(steps):
        follow_schedule(optimizer, config, (step + 0.5) / steps)
        optimizer.zero_grad(set_to_none=True)
        loss().backward()
        nn.utils.clip_grad_norm_(trained, config.max_norm or torch.inf)
        optimizer.step()
        if after is not None:
            after()
