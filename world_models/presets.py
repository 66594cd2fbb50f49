"""Published world models as compositions."""

from dataclasses import dataclass

from ssl_objectives.methods.bootstrap import Byol
from ssl_objectives.parts.targets import EmaTarget
from world_models.belief import BeliefModel
from world_models.latent_dynamics import LatentDynamics
from world_models.predictor import OpenLoop, prediction_head


@dataclass(frozen=True)
class ByolExploreConfig:
    """BYOL-Explore's world model (arXiv 2206.08332)."""

    horizon: int = 8
    """K, open-loop steps predicted from every row"""
    predictor_hidden: int = 256
    """hidden units of the predictor"""
    ema_decay: float = 0.99
    """of the target encoder, per gradient step"""

    def build(self, belief: BeliefModel) -> LatentDynamics:
        """Build the model around a belief model shared with the policy."""
        latent_size = belief.encoder.size
        return LatentDynamics(
            belief,
            OpenLoop(belief.size, belief.embedding.size),
            prediction_head(belief.size, self.predictor_hidden, latent_size),
            EmaTarget(belief.encoder, self.ema_decay),
            Byol(),
            self.horizon,
        )
