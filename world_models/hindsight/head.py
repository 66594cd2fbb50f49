"""A predictor that may read what came, through a code that must not tell the known."""

from functools import partial
from typing import final

import torch

from ssl_objectives.encoders.precision import Precision
from world_models.adversary import Adversary
from world_models.hindsight.critic import SeparableCritic
from world_models.hindsight.generator import CodeGenerator
from world_models.hindsight.layers import layers
from world_models.predictor import Ahead, Prediction, Predictor

INVARIANCE = "invariance"
"""The name of the critic's bound among a model's terms."""


@final
class HindsightHead(Predictor):
    """BYOL-Hindsight's reconstructor, generator and critic (arXiv 2211.10515).

    The reconstructor `f(b_{t,k}, z)` takes the place of BYOL-Explore's predictor. A
    code z holds what of the outcome nobody could know, so that chance costs no error;
    a critic sees to it that it tells nothing of belief and action in front, so that
    what can be learned stays an error until it is.

    The model minimises `L_rec + λ L_inv`, the paper's `L_rec / λ + L_inv` times λ; the
    critic, with an optimiser of its own, **maximises** L_inv. Belief and action are
    constants for generator and critic: encoder and memory learn from L_rec alone.

    Where a model imagines, nothing has come, and the code is 0.

    Args:
        belief_size, action_size: S and E.
        latent_size: numbers in a prediction.
        aim_size: P, in what came.
        code_size: Z; 0: neither generator nor critic, which is BYOL-Explore.
        noise_size: of what the generator draws.
        hidden, depth: of all four networks.
        weight: λ, of the critic's bound.
        critic_size: d, numbers that the critic compares by.
        critic_steps, critic_learning_rate: see `Adversary`.
        group: rows that the critic compares at once, at most.
        loudness: see `CodeGenerator`.
        precision: of products, except the critic's.
    """

    def __init__(
        self,
        belief_size: int,
        action_size: int,
        latent_size: int,
        aim_size: int,
        code_size: int,
        noise_size: int,
        hidden: int,
        depth: int,
        weight: float = 0.2,
        critic_size: int = 32,
        critic_steps: int = 1,
        critic_learning_rate: float = 3e-3,
        group: int = 512,
        loudness: float = 1.0,
        precision: Precision = Precision.FLOAT32,
    ) -> None:
        super().__init__()
        self.code_size, self.weight = code_size, weight
        self.reconstructor = layers(
            belief_size + code_size, hidden, latent_size, depth, precision
        )
        self.generator: CodeGenerator | None = None
        if not code_size:
            return
        known = belief_size + action_size
        self.generator = CodeGenerator(
            known,
            aim_size,
            code_size,
            noise_size,
            hidden,
            depth,
            loudness,
            precision,
        )
        critic = SeparableCritic(known, code_size, hidden, depth, critic_size, group)
        self.adversary = Adversary(critic, critic_learning_rate, critic_steps)

    @property
    def critic(self) -> SeparableCritic | None:
        """What plays against the generator; None without a code."""
        if self.adversary is None:
            return None
        critic = self.adversary.critic
        assert isinstance(critic, SeparableCritic)
        return critic

    def forward(self, ahead: Ahead) -> Prediction:
        """`f(b_{t,k+1}, z)`, and the term `invariance` where it is to be learned."""
        if self.generator is None:
            return Prediction(self.reconstructor(ahead.after))
        if ahead.aim is None:
            code = ahead.after.new_zeros(*ahead.after.shape[:-1], self.code_size)
            return Prediction(self.reconstructor(torch.cat([ahead.after, code], -1)))
        # constants: codes must not be made easy to tell from what is believed
        known = torch.cat([ahead.before, ahead.action], -1).detach()
        code = self.generator(known, ahead.aim)
        latent = self.reconstructor(torch.cat([ahead.after, code], -1))
        if ahead.valid is None:
            return Prediction(latent)
        critic = self.critic
        assert critic is not None
        return Prediction(
            latent,
            {INVARIANCE: critic.bound(known, code, ahead.valid)},
            {INVARIANCE: self.weight},
            partial(critic.objective, known, code.detach(), ahead.valid),
        )

    def follow(self) -> None:
        """The next step draws other noise."""
        if self.generator is not None:
            self.generator.counter.advance()
