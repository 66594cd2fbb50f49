"""Learning progress monitoring (LPM, arXiv 2509.25438)."""

from dataclasses import dataclass
from typing import final

import torch

from agents.curiosity.errors.critic import check_expecting
from agents.curiosity.errors.guess import ErrorGuess, believed
from agents.curiosity.errors.recent import RecentErrors
from agents.curiosity.normalize import EmaRmsScale, RewardScale
from agents.curiosity.scored import Learning, Scored
from agents.curiosity.signal import Curiosity, IntrinsicReward, Surroundings
from ssl_objectives.distributed import num_processes
from ssl_objectives.objective import Loss
from world_models.model_loss import PREDICTION


@final
class LearningProgressMonitor(Curiosity):
    """`r_t = η ê(b_t, a_t) - log e_t`: how far the error lies below the one before.

    e is the error of the world model of now. ê was taught the logarithms of the errors
    of the last rollouts, which the models of these rollouts made: the previous
    iterations. Noise is paid nothing on average, what was learned since is.

    Deviations: e is the sum of the model's losses that land on a transition, in place
    of a mean square in pixels; ê reads beliefs, as they were then, and actions.

    Args:
        before: ê.
        recent: errors that ê learns.
        eta: η.
        scale: of what is paid; rewards have a sign, and 0 stays 0.
        term: of the model's loss.
    """

    needs_model = True
    across_processes = True

    def __init__(
        self,
        before: ErrorGuess,
        recent: RecentErrors,
        eta: float,
        scale: RewardScale,
        term: str,
    ) -> None:
        super().__init__()
        self.before, self.recent, self.eta = before, recent, eta
        self.scale, self.term = scale, term

    @torch.no_grad()
    def reward(self, scored: Scored) -> IntrinsicReward:
        """The expected logarithm less that of now, which is then remembered."""
        valid, action = scored.valid, scored.traj.action
        # a transition on which no prediction lands yet has no error
        error = scored.known.arrival(self.term)
        told = valid & (error > 0.0)
        log = error.clamp(min=1e-8).log()
        belief = believed(scored.belief)
        raw = self.eta * self.before(belief, action) - log
        raw = raw.masked_fill(~told, 0.0)
        self.recent.add(belief, action, log, told)
        return IntrinsicReward(raw, self.scale(raw, valid))

    def loss(self, learning: Learning) -> Loss:
        """`(ê - log e)²` on as many of the recent errors as the minibatch has steps.

        Drawn alike in all processes, of which each has all of them.
        """
        num = num_processes() * learning.traj.valid.numel()
        some = self.recent.drawn(num, learning.generator)
        gap = (self.before(some.belief, some.action) - some.error).square()
        weight = some.there.to(gap.dtype)
        return Loss(None, (gap * weight).sum() / weight.sum().clamp(min=1.0))


@dataclass(frozen=True)
class LpmConfig:
    """Reward what the model predicts better than a little while ago (LPM)."""

    hidden: int = 256
    """units of the hidden layer that tells the error before"""
    steps: int = 256
    """of each env whose errors are remembered: those of the last few rollouts"""
    eta: float = 1.0
    """η: of the error before"""
    ema_decay: float = 0.98
    """of the reward's running root mean square, per rollout"""
    clip: float = 5.0
    """the most that is paid, in root mean squares"""
    term: str = PREDICTION
    """of the model's loss, that is compared"""

    def __post_init__(self) -> None:
        check_expecting(self.hidden, self.ema_decay, self.clip)
        if self.steps < 1:
            raise ValueError(f"steps must be at least 1, not {self.steps}")

    def build(self, surroundings: Surroundings) -> LearningProgressMonitor:
        """Build the signal."""
        return LearningProgressMonitor(
            ErrorGuess(surroundings, self.hidden),
            RecentErrors(surroundings, self.steps),
            self.eta,
            EmaRmsScale(self.ema_decay, self.clip),
            self.term,
        )
