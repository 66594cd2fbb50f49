"""Random network distillation (RND), an intrinsic reward (arXiv 1810.12894)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import torch
from jaxtyping import Float32, Real, UInt8
from torch import Tensor, nn

from agents.curiosity.normalize import ReturnStdScale
from agents.curiosity.scored import Learning, Scored
from agents.curiosity.signal import Curiosity, IntrinsicReward, Surroundings
from ssl_objectives.distributed import gathered_rows, num_processes, rank
from ssl_objectives.encoders.chunks import in_chunks
from ssl_objectives.encoders.cnn import NatureConfig
from ssl_objectives.encoders.encoder import BodyConfig, num_outputs
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.objective import Loss
from world_models.moments import RunningMoments
from world_models.trajectory import Trajectory


def frames_of(traj: Trajectory) -> UInt8[Tensor, "R B C H W"]:
    """The newest frame of every row."""
    return traj.obs


def vectors_of(traj: Trajectory) -> Float32[Tensor, "R B V"]:
    """What is observed besides pixels.

    Raises:
        ValueError: there is nothing.
    """
    if traj.vector is None:
        raise ValueError("this signal reads a vector; give the one that is observed")
    return traj.vector


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
        shape: of what is read.
        share: fraction of transitions the predictor trains on.
        warm_up_steps: random steps per env that seed the pixel statistics.
        precision: of the two networks; the error is always float32.
        reads: what of a trajectory's rows 0 … T.
    """

    across_processes = True

    def __init__(
        self,
        target: nn.Module,
        predictor: nn.Module,
        shape: tuple[int, ...],
        scale: ReturnStdScale,
        share: float = 0.25,
        warm_up_steps: int = 128,
        precision: Precision = Precision.AUTO,
        reads: Callable[[Trajectory], Tensor] = frames_of,
    ) -> None:
        super().__init__()
        self.reads = reads
        self.target = target.requires_grad_(False)
        self.predictor = predictor
        self.pixels = RunningMoments(shape)
        self.scale = scale
        self.share = share
        self.warm_up_steps = warm_up_steps
        self.precision = precision
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch has no types for it

    def warm_up(self, obs: UInt8[Tensor, "R B C H W"]) -> None:
        """Seed the pixel statistics."""
        self.pixels.update(obs.flatten(0, 1))

    def whiten(self, obs: Real[Tensor, "..."]) -> Float32[Tensor, "..."]:
        """`clip((o - mean) / std, ±5)` per pixel; constant pixels become 0."""
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
        arrived, valid = self.reads(scored.traj)[1:], scored.valid
        self.pixels.update(arrived.flatten(0, 1))
        raw = self.error(arrived.flatten(0, 1)).view(valid.shape)
        raw = raw.masked_fill(~valid, 0.0)
        return IntrinsicReward(raw, self.scale(raw, valid))

    @torch.no_grad()
    def errors(self, traj: Trajectory) -> Float32[Tensor, "R B"]:
        """Those of rows 0 … T, for signals that pay something else by them.

        The pixels that were arrived at are in the statistics first.
        """
        rows = self.reads(traj)
        self.pixels.update(rows[1:].flatten(0, 1))
        return self.error(rows.flatten(0, 1)).view(rows.shape[:2])

    def loss(self, learning: Learning) -> Loss:
        """Distillation on a random share of the rows arrived at.

        Of the rows of all processes; each has the errors of its own ones.
        """
        arrived = self.reads(learning.traj)[1:]
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

    encoder: BodyConfig = field(default_factory=NatureConfig)
    """convolutions and precision of both networks"""
    size: int = 512
    """outputs of the two networks"""
    share: float = 0.25
    """fraction of transitions the predictor trains on"""
    warm_up_steps: int = 128
    """random steps per env before training, for the pixel statistics"""

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
        """Build the signal."""
        spec = surroundings.spec
        obs_shape = spec.obs_shape
        bodies = [self.encoder.body(obs_shape[0]) for _ in range(2)]
        flat = num_outputs(bodies[0], obs_shape)

        def layer(inputs: int, outputs: int) -> nn.Linear:
            linear = nn.Linear(inputs, outputs)
            nn.init.orthogonal_(linear.weight, 2**0.5)
            nn.init.zeros_(linear.bias)
            return linear

        target = nn.Sequential(bodies[0], nn.Flatten(), layer(flat, self.size))
        predictor = nn.Sequential(
            bodies[1],
            nn.Flatten(),
            layer(flat, self.size),
            nn.ReLU(),
            layer(self.size, self.size),
            nn.ReLU(),
            layer(self.size, self.size),
        )
        return RandomNetworkDistillation(
            target,
            predictor,
            obs_shape,
            ReturnStdScale(spec.num_envs, surroundings.discount),
            self.share,
            self.warm_up_steps,
            self.encoder.precision,
        )


@dataclass(frozen=True)
class VectorRndConfig:
    """Random network distillation of the vector that a world shows besides pixels."""

    hidden: int = 64
    """units of each hidden layer of both networks"""
    size: int = 32
    """outputs of the two networks"""
    share: float = 1.0
    """fraction of transitions the predictor trains on"""

    def __post_init__(self) -> None:
        if self.hidden < 1 or self.size < 1:
            raise ValueError(
                f"layers must have units: hidden {self.hidden}, size {self.size}"
            )
        if not 0.0 < self.share <= 1.0:
            raise ValueError(f"share must be above 0 and at most 1, not {self.share}")

    def build(self, surroundings: Surroundings) -> RandomNetworkDistillation:
        """Build the signal; whitening starts with the first rollout.

        Raises:
            ValueError: the world shows no vector.
        """
        spec = surroundings.spec
        if not spec.vector_size:
            raise ValueError(
                "this world shows no vector, only pixels: take --curiosity rnd"
            )

        def mlp(*sizes: int) -> nn.Sequential:
            layers: list[nn.Module] = []
            for inputs, outputs in pairwise(sizes):
                linear = nn.Linear(inputs, outputs)
                nn.init.orthogonal_(linear.weight, 2**0.5)
                nn.init.zeros_(linear.bias)
                layers += [linear, nn.ReLU()]
            return nn.Sequential(*layers[:-1])

        inputs, hidden = spec.vector_size, self.hidden
        return RandomNetworkDistillation(
            mlp(inputs, hidden, self.size),
            mlp(inputs, hidden, hidden, self.size),
            (inputs,),
            ReturnStdScale(spec.num_envs, surroundings.discount),
            self.share,
            0,
            Precision.FLOAT32,
            vectors_of,
        )
