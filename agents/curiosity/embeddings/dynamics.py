"""An embedding with both dynamics: forward and inverse."""

from dataclasses import dataclass, field
from typing import final

from jaxtyping import Float32
from torch import Tensor, nn

from agents.curiosity.embeddings.forward import ForwardModel
from agents.curiosity.embeddings.inverse import InverseEmbedding
from agents.curiosity.embeddings.means import mean_loss
from agents.curiosity.sight import Eyes
from envs.vector_env import EnvSpec
from ssl_objectives.encoders.cnn import NatureConfig
from ssl_objectives.objective import Loss
from world_models.trajectory import Trajectory


@final
class Dynamics(nn.Module):
    """`(1 - β) L_inverse + β L_forward` (ICM, arXiv 1705.05363).

    Args:
        embedding: φ, with its inverse dynamics.
        forward_model: what φ will be.
        beta: β. Gradient of both reaches φ.
    """

    def __init__(
        self, embedding: InverseEmbedding, forward_model: ForwardModel, beta: float
    ) -> None:
        super().__init__()
        self.embedding, self.forward_model, self.beta = embedding, forward_model, beta

    def error(self, traj: Trajectory) -> Float32[Tensor, "T B"]:
        """The forward model's, of every transition."""
        embedded = self.embedding(self.embedding.sight(traj))
        return self.forward_model.error(embedded, traj.action)

    def loss(self, traj: Trajectory) -> Loss:
        """Of both, on valid transitions."""
        embedded = self.embedding(self.embedding.sight(traj))
        inverse = self.embedding.error(embedded, traj.action)
        ahead = self.forward_model.error(embedded, traj.action)
        each = (1 - self.beta) * inverse + self.beta * ahead
        return mean_loss(each, traj.valid)


@dataclass(frozen=True)
class DynamicsConfig:
    """An embedding that keeps what actions change, and what follows them."""

    encoder: Eyes = field(default_factory=lambda: NatureConfig(128))
    """of the newest frame, or of the vector"""
    hidden: int = 256
    """units of the hidden layers of both dynamics"""
    beta: float = 0.2
    """β: weight of the forward loss; 1 - β is that of the inverse one"""

    def __post_init__(self) -> None:
        if self.hidden < 1:
            raise ValueError(f"hidden must be at least 1, not {self.hidden}")
        if not 0.0 <= self.beta <= 1.0:
            raise ValueError(f"beta must be from 0 to 1, not {self.beta}")

    def build(self, spec: EnvSpec) -> Dynamics:
        """Build it for some worlds."""
        embedding = InverseEmbedding(spec, self.encoder, self.hidden)
        ahead = ForwardModel(spec, embedding.size, self.hidden)
        return Dynamics(embedding, ahead, self.beta)
