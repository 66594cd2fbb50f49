"""The error above the one that stays (Curiosity-Critic, arXiv 2604.18701)."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from agents.curiosity.embeddings.means import mean_loss
from agents.curiosity.errors.guess import ErrorGuess, believed
from agents.curiosity.normalize import EmaRmsScale, RewardScale
from agents.curiosity.scored import Learning, Scored
from agents.curiosity.signal import Curiosity, IntrinsicReward, Surroundings
from ssl_objectives.objective import Loss
from world_models.model_loss import PREDICTION


@final
class CuriosityCritic(Curiosity):
    """`r_t = e_t - max(ĉ(b_t, a_t), 0)`: e the world model's error, ĉ what stays of it.

    The critic ĉ learns the errors of the model's own minibatches, while it is trained
    on them: those behind its updates, where e is in front of them. So where errors can
    be unlearned it lags above 0, and what is noise, which stays, is paid nothing on
    average. Rewards have a sign, and 0 stays 0.

    Deviations: e is the sum of the model's losses that land on a transition, in place
    of a norm in pixels; the critic reads beliefs and actions. It learns nothing from
    the first K - 1 transitions of a rollout, on which fewer predictions land.

    Args:
        critic: ĉ.
        scale: of what is paid.
        term: of the model's loss.
    """

    needs_model = True
    across_processes = True

    def __init__(self, critic: ErrorGuess, scale: RewardScale, term: str) -> None:
        super().__init__()
        self.critic, self.scale, self.term = critic, scale, term

    @torch.no_grad()
    def reward(self, scored: Scored) -> IntrinsicReward:
        """What is left to be unlearned."""
        valid, error = scored.valid, scored.known.arrival(self.term)
        stays = self.critic(believed(scored.belief), scored.traj.action)
        raw = (error - stays.clamp(min=0.0)).masked_fill(~valid, 0.0)
        return IntrinsicReward(raw, self.scale(raw, valid))

    def loss(self, learning: Learning) -> Loss:
        """`(ĉ - e)²` on the minibatch; of all predictions or none."""
        assert learning.model_loss is not None
        known = learning.model_loss.own()
        error = known.arrival(self.term)
        valid: Tensor = learning.traj.valid.clone()
        valid[: len(known.valid) - 1] = False
        guess = self.critic(believed(learning.belief), learning.traj.action)
        return mean_loss((guess - error).square(), valid)


@dataclass(frozen=True)
class CuriosityCriticConfig:
    """Reward the model's error above the one that stays (Curiosity-Critic)."""

    hidden: int = 128
    """units of the critic's hidden layer"""
    ema_decay: float = 0.95
    """of the reward's running root mean square, per rollout"""
    clip: float = 5.0
    """the most that is paid, in root mean squares"""
    term: str = PREDICTION
    """of the model's loss, that is compared"""

    def __post_init__(self) -> None:
        check_expecting(self.hidden, self.ema_decay, self.clip)

    def build(self, surroundings: Surroundings) -> CuriosityCritic:
        """Build the signal."""
        critic = ErrorGuess(surroundings, self.hidden)
        return CuriosityCritic(
            critic, EmaRmsScale(self.ema_decay, self.clip), self.term
        )


def check_expecting(hidden: int, ema_decay: float, clip: float) -> None:
    """Refuse impossible settings of a signal that expects errors.

    Raises:
        ValueError: says which.
    """
    if hidden < 1:
        raise ValueError(f"hidden must be at least 1, not {hidden}")
    if not 0.0 <= ema_decay < 1.0:
        raise ValueError(f"ema_decay must be at least 0 and below 1, not {ema_decay}")
    if not clip > 0.0:
        raise ValueError(f"clip must be above 0, not {clip}")
