"""Aleatoric mapping agents (AMA, arXiv 2102.04399): errors less their own variance."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import final

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from agents.curiosity.embeddings.means import mean_loss
from agents.curiosity.normalize import EmaRmsScale, RewardScale
from agents.curiosity.scored import Learning, Scored
from agents.curiosity.sight import Eyes, FrameSight, Sight, encoder_of, sight_of
from agents.curiosity.signal import Curiosity, IntrinsicReward, Surroundings
from envs.vector_env import ActionSpace
from ssl_objectives.encoders.cnn import NatureConfig
from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.objective import Loss
from world_models.actions import embedding_of
from world_models.trajectory import Trajectory
from world_models.vector_encoder import VectorEncoder

_LEAST, _MOST = -10.0, 5.0  # of the logarithm of a variance; pixels are in [0, 1]

Look = Callable[[Tensor], Tensor]
"""what is predicted of what is read: `[T, B, ...]` to `[T, B, P]` floats"""


@final
class NextRow(nn.Module):
    """Mean and variance of every number of the next row, of this one and an action.

    Args:
        sight: what of a row is read.
        encoder: of that, with its `size`.
        actions: of the worlds.
        hidden: units of the hidden layer.
        look: what of the next row is predicted.
        outputs: P, numbers that it gives.
    """

    def __init__(
        self,
        sight: Sight,
        encoder: Encoder | VectorEncoder,
        actions: ActionSpace,
        hidden: int,
        look: Look,
        outputs: int,
    ) -> None:
        super().__init__()
        self.sight, self.encoder, self.look = sight, encoder, look
        self.action = embedding_of(actions, 32)
        self.net = nn.Sequential(
            nn.Linear(self.encoder.size + 32, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 2 * outputs),
        )

    def forward(
        self, traj: Trajectory
    ) -> tuple[Float32[Tensor, "T B P"], Float32[Tensor, "T B P"]]:
        """Squared errors of the means, and logarithms of the variances."""
        rows = self.sight(traj)
        told = self.encoder(rows[:-1])
        guess = self.net(torch.cat([told, self.action(traj.action)], -1))
        mean, log_variance = guess.chunk(2, -1)
        error = (mean - self.look(rows[1:])).square()
        return error, log_variance.clamp(_LEAST, _MOST)


def brightness(obs: UInt8[Tensor, "T B C H W"], grid: int) -> Float32[Tensor, "T B P"]:
    """Of every square, `grid` along each side of a frame, in [0, 1]."""
    pooled = adaptive_avg_pool2d(obs.flatten(0, 1).float() / 255, grid)
    return pooled.view(*obs.shape[:2], -1)


def numbers_themselves(rows: Float32[Tensor, "T B V"]) -> Float32[Tensor, "T B V"]:
    """Of a vector, in units of the world."""
    return rows


@final
class AleatoricMapping(Curiosity):
    """`r_t = mean_p [(x_p - μ_p)² - η σ²_p]`, p over squares of the next frame.

    Or over the numbers of the next vector.

    The network learns `mean_p [e^(-s_p) (x_p - μ_p)² + λ s_p]`, `s = log σ²`: so σ²
    becomes the error that stays (for λ = 1), and noise is paid nothing on average.
    Rewards have a sign, and 0 stays 0.

    Deviations: squares of pixels, in place of the pixels; no clip at 0.

    Args:
        ahead: μ and σ².
        eta: η.
        lam: λ.
        scale: of what is paid.
    """

    across_processes = True

    def __init__(
        self, ahead: NextRow, eta: float, lam: float, scale: RewardScale
    ) -> None:
        super().__init__()
        self.ahead, self.eta, self.lam, self.scale = ahead, eta, lam, scale

    @torch.no_grad()
    def reward(self, scored: Scored) -> IntrinsicReward:
        """The error that was not expected."""
        valid = scored.valid
        error, log_variance = self.ahead(scored.traj)
        raw = (error - self.eta * log_variance.exp()).mean(-1)
        raw = raw.masked_fill(~valid, 0.0)
        return IntrinsicReward(raw, self.scale(raw, valid))

    def loss(self, learning: Learning) -> Loss:
        """Of both heads, on valid transitions."""
        error, log_variance = self.ahead(learning.traj)
        each = (-log_variance).exp() * error + self.lam * log_variance
        return mean_loss(each.mean(-1), learning.traj.valid)


@dataclass(frozen=True)
class AmaConfig:
    """Reward errors in pixels beyond the variance that was foretold (AMA)."""

    encoder: Eyes = field(default_factory=lambda: NatureConfig(256))
    """of the newest frame, or of the vector"""
    hidden: int = 256
    """units of the layer between encoder and squares"""
    grid: int = 21
    """squares along each side of the frame, that are predicted; of a vector all is"""
    eta: float = 1.0
    """η: of the variance that is taken off"""
    lam: float = 1.0
    """λ: weight of the logarithm of the variance in the loss"""
    ema_decay: float = 0.98
    """of the reward's running root mean square, per rollout"""
    clip: float = 5.0
    """the most that is paid, in root mean squares"""

    def __post_init__(self) -> None:
        if self.hidden < 1:
            raise ValueError(f"hidden must be at least 1, not {self.hidden}")
        if not 0.0 <= self.ema_decay < 1.0:
            raise ValueError(
                f"ema_decay must be at least 0 and below 1, not {self.ema_decay}"
            )
        if not min(self.lam, self.clip) > 0.0:
            raise ValueError(
                f"lam and clip must be above 0, not {self.lam}, {self.clip}"
            )

    def build(self, surroundings: Surroundings) -> AleatoricMapping:
        """Build the signal.

        Raises:
            ValueError: more squares than pixels, or the worlds show no such thing.
        """
        spec = surroundings.spec
        sight = sight_of(self.encoder, spec)
        look: Look = numbers_themselves
        outputs = sight.shape[0]
        if isinstance(sight, FrameSight):
            look = partial(brightness, grid=self._fitting(sight.shape))
            outputs *= self.grid**2
        ahead = NextRow(
            sight,
            encoder_of(self.encoder, spec),
            spec.actions,
            self.hidden,
            look,
            outputs,
        )
        scale = EmaRmsScale(self.ema_decay, self.clip)
        return AleatoricMapping(ahead, self.eta, self.lam, scale)

    def _fitting(self, shape: tuple[int, int, int]) -> int:
        """Squares along each side of frames that have so many pixels."""
        least = min(shape[1:])
        if not 1 <= self.grid <= least:
            raise ValueError(
                f"grid must be from 1 to {least}, the smaller side of the frame, not "
                f"{self.grid}: say --curiosity.grid {least}, or less"
            )
        return self.grid
