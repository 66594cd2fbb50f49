"""The contract of configs of world models."""

from typing import Protocol, runtime_checkable

from world_models.belief import BeliefModel
from world_models.latent_dynamics import LatentDynamics


@runtime_checkable
class ModelConfig(Protocol):
    """Builds a world model around a belief model."""

    def build(self, belief: BeliefModel) -> LatentDynamics:
        """Build it."""
