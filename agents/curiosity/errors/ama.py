"""Aleatoric mapping agents (AMA, arXiv 2102.04399): errors less their own variance."""

from dataclasses import dataclass, field
from typing import final

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from agents.curiosity.embeddings.means import mean_loss
from agents.curiosity.normalize import EmaRmsScale, RewardScale
from agents.curiosity.scored import Learning, Scored
from agents.curiosity.signal import Curiosity, IntrinsicReward, Surroundings
from envs.vector_env import EnvSpec
from ssl_objectives.encoders.cnn import NatureConfig
from ssl_objectives.encoders.encoder import EncoderConfig
from ssl_objectives.objective import Loss
from world_models.actions import embedding_of
from world_models.trajectory import Trajectory

_LEAST, _MOST = -10.0, 5.0  # of the logarithm of a variance; pixels are in [0, 1]


@final
class NextFrame(nn.Module):
    """Mean and variance of every square of the next frame, of this one and an action.

    Args:
        spec: of the worlds.
        encoder: of the newest frame.
        hidden: units of the hidden layer.
        grid: squares along each side of the frame, whose brightness is told.

    Raises:
        ValueError: more squares than pixels.
    """

    def __init__(
        self, spec: EnvSpec, encoder: EncoderConfig, hidden: int, grid: int
    ) -> None:
        super().__init__()
        channels, height, width = spec.obs_shape
        if not 1 <= grid <= min(height, width):
            raise ValueError(
                f"grid must be from 1 to {min(height, width)}, the smaller side of the "
                f"frame, not {grid}"
            )
        self.grid = grid
        self.encoder = encoder.build(spec.obs_shape)
        self.action = embedding_of(spec.actions, 32)
        outputs = channels * grid**2
        self.net = nn.Sequential(
            nn.Linear(self.encoder.size + 32, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 2 * outputs),
        )

    def forward(
        self, traj: Trajectory
    ) -> tuple[Float32[Tensor, "T B P"], Float32[Tensor, "T B P"]]:
        """Squared errors of the means, and logarithms of the variances."""
        told = self.encoder(traj.obs[:-1])
        guess = self.net(torch.cat([told, self.action(traj.action)], -1))
        mean, log_variance = guess.chunk(2, -1)
        error = (mean - self.look(traj.obs[1:])).square()
        return error, log_variance.clamp(_LEAST, _MOST)

    def look(self, obs: UInt8[Tensor, "T B C H W"]) -> Float32[Tensor, "T B P"]:
        """The brightness of every square, in [0, 1]."""
        pooled = adaptive_avg_pool2d(obs.flatten(0, 1).float() / 255, self.grid)
        return pooled.view(*obs.shape[:2], -1)


@final
class AleatoricMapping(Curiosity):
    """`r_t = mean_p [(x_p - μ_p)² - η σ²_p]`, p over squares of the next frame.

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
        self, ahead: NextFrame, eta: float, lam: float, scale: RewardScale
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

    encoder: EncoderConfig = field(default_factory=lambda: NatureConfig(256))
    """of the newest frame"""
    hidden: int = 256
    """units of the layer between encoder and squares"""
    grid: int = 21
    """squares along each side of the frame, that are predicted"""
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
            ValueError: more squares than pixels.
        """
        ahead = NextFrame(surroundings.spec, self.encoder, self.hidden, self.grid)
        scale = EmaRmsScale(self.ema_decay, self.clip)
        return AleatoricMapping(ahead, self.eta, self.lam, scale)
