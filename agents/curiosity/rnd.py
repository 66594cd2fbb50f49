"""Random network distillation (RND), an intrinsic reward (arXiv 1810.12894)."""

from dataclasses import dataclass, field
from itertools import pairwise

import torch
from jaxtyping import Float32, Real, UInt8
from torch import Tensor, nn

from agents.curiosity.normalize import ReturnStdScale
from agents.curiosity.scored import Learning, Scored
from agents.curiosity.sight import Sight, sight_of
from agents.curiosity.signal import Curiosity, IntrinsicReward, Surroundings
from ssl_objectives.distributed import gathered_rows, num_processes, rank
from ssl_objectives.encoders.chunks import in_chunks
from ssl_objectives.encoders.cnn import NatureConfig
from ssl_objectives.encoders.encoder import BodyConfig, num_outputs
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.objective import Loss
from world_models.moments import RunningMoments
from world_models.trajectory import Trajectory
from world_models.vector_encoder import VectorMlpConfig


class RandomNetworkDistillation(Curiosity):
    """`r_t = mean_d (f̂(o_{t+1}) - f(o_{t+1}))²`, f random and frozen.

    The networks see the newest frame alone (or the vector in its place), whitened per
    pixel by running statistics and clipped to ±5; those statistics start from random
    play. The reward is divided by the std of its discounted return. The predictor
    trains on a random share of the transitions of each minibatch.

    Deviation: the mean over d, as in the released code, where the paper writes the
    squared norm; the scaling makes them equal.

    Args:
        target, predictor: `[N, *shape]` floats to `[N, D]`.
        sight: what of a trajectory's rows is read, and its shape.
        share: fraction of transitions the predictor trains on.
        warm_up_steps: random steps per env that seed the statistics.
        precision: of the two networks; the error is always float32.
    """

    across_processes = True

    def __init__(
        self,
        target: nn.Module,
        predictor: nn.Module,
        sight: Sight,
        scale: ReturnStdScale,
        share: float = 0.25,
        warm_up_steps: int = 128,
        precision: Precision = Precision.AUTO,
    ) -> None:
        super().__init__()
        self.sight = sight
        self.target = target.requires_grad_(False)
        self.predictor = predictor
        self.pixels = RunningMoments(sight.shape)
        self.scale = scale
        self.share = share
        self.warm_up_steps = warm_up_steps
        self.precision = precision
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch has no types for it

    def warm_up(
        self,
        obs: UInt8[Tensor, "R B C H W"],
        vector: Float32[Tensor, "R B V"] | None = None,
    ) -> None:
        """Seed the statistics of what is whitened."""
        self.pixels.update(self.sight.of(obs, vector).flatten(0, 1))

    def whiten(self, obs: Real[Tensor, "..."]) -> Float32[Tensor, "..."]:
        """`clip((o - mean) / std, ±5)` per number; constant ones become 0."""
        std = self.pixels.std.clamp(min=1e-3)
        return ((obs.float() - self.pixels.mean.float()) / std).clamp(-5.0, 5.0)

    def error(self, obs: Real[Tensor, "N ..."]) -> Float32[Tensor, "N"]:
        """Prediction error per row; gradient reaches the predictor only."""
        return in_chunks(self._error, obs, self.predictor.parameters())

    def _error(self, obs: Real[Tensor, "N ..."]) -> Float32[Tensor, "N"]:
        white = self.whiten(obs)
        if white.dim() == 4:
            white = white.contiguous(memory_format=torch.channels_last)
        with self.precision.autocast(obs.device):
            with torch.no_grad():
                wanted = self.target(white)
            guess = self.predictor(white)
        error: Tensor = (guess.float() - wanted.float()).square().mean(-1)
        return error

    @torch.no_grad()
    def reward(self, scored: Scored) -> IntrinsicReward:
        """Errors at the observation each transition arrives at."""
        arrived, valid = self.sight(scored.traj)[1:], scored.valid
        self.pixels.update(arrived.flatten(0, 1))
        raw = self.error(arrived.flatten(0, 1)).view(valid.shape)
        raw = raw.masked_fill(~valid, 0.0)
        return IntrinsicReward(raw, self.scale(raw, valid))

    @torch.no_grad()
    def errors(self, traj: Trajectory) -> Float32[Tensor, "R B"]:
        """Those of rows 0 … T, for signals that pay something else by them.

        The pixels that were arrived at are in the statistics first.
        """
        rows = self.sight(traj)
        self.pixels.update(rows[1:].flatten(0, 1))
        return self.error(rows.flatten(0, 1)).view(rows.shape[:2])

    def loss(self, learning: Learning) -> Loss:
        """Distillation on a random share of the rows arrived at.

        Of the rows of all processes; each has the errors of its own ones.
        """
        arrived = self.sight(learning.traj)[1:]
        steps, envs = arrived.shape[:2]
        rows = steps * num_processes() * envs
        count = max(1, round(self.share * rows))
        chosen = torch.randperm(
            rows, generator=learning.generator, device=arrived.device
        )[:count]
        if num_processes() == 1:
            error = self.error(arrived.flatten(0, 1)[chosen])
            return Loss(per_sample=error, regularizer=error.new_zeros(()))
        step, env = (
            chosen // (num_processes() * envs),
            chosen % (num_processes() * envs),
        )
        here = env // envs == rank()
        error = self.error(arrived[step[here], env[here] % envs])
        total = gathered_rows(error.sum()[None], 0).sum()
        return Loss(None, total / count)


@dataclass(frozen=True)
class RndConfig:
    """Random network distillation: reward frames unlike those seen before."""

    encoder: BodyConfig | VectorMlpConfig = field(default_factory=NatureConfig)
    """convolutions and precision of both networks; of a vector, their hidden layers"""
    size: int = 512
    """outputs of the two networks"""
    share: float = 0.25
    """fraction of transitions the predictor trains on"""
    warm_up_steps: int = 128
    """random steps per env before training, for the statistics of what is read"""

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"size must be at least 1, not {self.size}")
        if not 0.0 < self.share <= 1.0:
            raise ValueError(f"share must be above 0 and at most 1, not {self.share}")
        if self.warm_up_steps < 0:
            raise ValueError(
                f"warm_up_steps must be at least 0, not {self.warm_up_steps}"
            )

    def build(self, surroundings: Surroundings) -> RandomNetworkDistillation:
        """Build the signal.

        Raises:
            ValueError: the worlds show nothing of the kind, or frames too small.
        """
        spec = surroundings.spec
        sight = sight_of(self.encoder, spec)
        if isinstance(self.encoder, VectorMlpConfig):
            networks = _of_numbers(self.encoder, sight.shape[0], self.size)
            precision = Precision.FLOAT32
        else:
            networks = _of_frames(self.encoder, spec.obs_shape, self.size)
            precision = self.encoder.precision
        return RandomNetworkDistillation(
            *networks,
            sight,
            ReturnStdScale(spec.num_envs, surroundings.discount),
            self.share,
            self.warm_up_steps,
            precision,
        )


def _of_frames(
    encoder: BodyConfig, shape: tuple[int, int, int], size: int
) -> tuple[nn.Module, nn.Module]:
    """Target and predictor behind convolutions; the predictor has two layers more."""
    bodies = [encoder.body(shape[0]) for _ in range(2)]
    flat = num_outputs(bodies[0], shape)
    target = nn.Sequential(bodies[0], nn.Flatten(), _linear(flat, size))
    predictor = nn.Sequential(
        bodies[1],
        nn.Flatten(),
        _linear(flat, size),
        nn.ReLU(),
        _linear(size, size),
        nn.ReLU(),
        _linear(size, size),
    )
    return target, predictor


def _of_numbers(
    encoder: VectorMlpConfig, inputs: int, size: int
) -> tuple[nn.Module, nn.Module]:
    """Target and predictor of a vector; the predictor has a hidden layer more."""
    hidden = encoder.hidden
    more = (*hidden, hidden[-1] if hidden else size)

    def mlp(*sizes: int) -> nn.Sequential:
        layers: list[nn.Module] = []
        for units, following in pairwise(sizes):
            layers += [
                _linear(units, following),
                nn.Tanh() if encoder.bounded else nn.ReLU(),
            ]
        return nn.Sequential(*layers[:-1])

    return mlp(inputs, *hidden, size), mlp(inputs, *more, size)


def _linear(inputs: int, outputs: int) -> nn.Linear:
    linear = nn.Linear(inputs, outputs)
    nn.init.orthogonal_(linear.weight, 2**0.5)
    nn.init.zeros_(linear.bias)
    return linear
