"""Published world models as configs: BYOL-Explore, JEPA."""

from dataclasses import dataclass, field

from ssl_objectives.methods.bootstrap.byol import ByolConfig
from ssl_objectives.methods.moments.vicreg_barlow import VicRegConfig
from ssl_objectives.objective import ObjectiveConfig, Sizes
from ssl_objectives.parts.targets import EmaTarget
from world_models.belief import BeliefModel
from world_models.latent_dynamics import LatentDynamics
from world_models.predictor import LatentHead, OpenLoop
from world_models.scope import Scope
from world_models.terms.term import TermConfig


@dataclass(frozen=True)
class ByolExploreConfig:
    """BYOL-Explore's world model (arXiv 2206.08332), with any objective inside."""

    horizon: int = 8
    """K, open-loop steps predicted from every row"""
    predictor_hidden: int = 256
    """hidden units of the predictor"""
    ema_decay: float = 0.99
    """of the target encoder, per gradient step"""
    objective: ObjectiveConfig = field(default_factory=ByolConfig)
    """compares predictions with what came"""
    terms: tuple[TermConfig, ...] = ()
    """what the model learns beside its predictions"""

    def __post_init__(self) -> None:
        _check_sizes(self)
        if not 0.0 <= self.ema_decay <= 1.0:
            raise ValueError(f"ema_decay must be between 0 and 1, not {self.ema_decay}")

    def build(self, belief: BeliefModel) -> LatentDynamics:
        """Build the model around a belief model shared with the policy.

        Raises:
            ValueError: the objective needs something this model lacks.
        """
        latent_size = belief.encoder.size
        return LatentDynamics(
            belief,
            OpenLoop(belief.size, belief.embedding.size),
            LatentHead(belief.size, self.predictor_hidden, latent_size),
            EmaTarget(belief.encoder, self.ema_decay),
            self.objective.build(Sizes(latent_size)),
            self.horizon,
            terms=[term.build(belief) for term in self.terms],
        )


@dataclass(frozen=True)
class JepaConfig:
    """Predicts the encoder's own latents, which the objective keeps from collapsing.

    With VICReg as in arXiv 2211.10831, with InfoNCE a contrastive model; no target
    network, gradient through both sides. Deviations: the GRU's belief is read out by
    an MLP, and rows are compared over steps and envs together unless `scope` says
    otherwise: minibatches of few envs have too few rows at one step.
    """

    horizon: int = 8
    """K, open-loop steps predicted from every row"""
    predictor_hidden: int = 256
    """hidden units of the predictor"""
    objective: ObjectiveConfig = field(default_factory=VicRegConfig)
    """compares predictions with what came, and keeps latents apart"""
    scope: Scope = Scope.ALL
    """rows that are compared: batch (other envs), time (other steps), all (both)"""
    group: int = 512
    """rows compared at once, at most"""
    terms: tuple[TermConfig, ...] = ()
    """what the model learns beside its predictions"""

    def __post_init__(self) -> None:
        _check_sizes(self)

    def build(self, belief: BeliefModel) -> LatentDynamics:
        """Build the model around a belief model shared with the policy.

        Raises:
            ValueError: the objective needs something this model lacks.
        """
        latent_size = belief.encoder.size
        return LatentDynamics(
            belief,
            OpenLoop(belief.size, belief.embedding.size),
            LatentHead(belief.size, self.predictor_hidden, latent_size),
            None,
            self.objective.build(Sizes(latent_size)),
            self.horizon,
            self.scope,
            self.group,
            [term.build(belief) for term in self.terms],
        )


def _check_sizes(config: ByolExploreConfig | JepaConfig) -> None:
    for name in ("horizon", "predictor_hidden"):
        value = getattr(config, name)
        if value < 1:
            raise ValueError(f"{name} must be at least 1, not {value}")
