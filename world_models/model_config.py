"""Configs of world models: the contract, and the one whose every part can be chosen."""

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from torch import nn

from ssl_objectives.counts import check_count
from ssl_objectives.encoders.encoder import EncoderConfig
from ssl_objectives.encoders.heads import HeadConfig, Straight
from ssl_objectives.encoders.menet import MeNetConfig
from ssl_objectives.methods.bootstrap.byol import ByolConfig
from ssl_objectives.objective import ObjectiveConfig, Sizes, TargetKind
from world_models.actions import ActionSpace
from world_models.belief import BeliefModel, build_belief
from world_models.cores.core import CoreConfig
from world_models.cores.latent import LatentCoreConfig
from world_models.latent_dynamics import LatentDynamics
from world_models.open_loop import GruLoopConfig, OpenLoopConfig
from world_models.predictor import LatentHeadConfig, PredictorConfig
from world_models.rows import OverRows
from world_models.scope import Scope
from world_models.terms.term import TermConfig
from world_models.vector_encoder import VectorEncoderConfig


@runtime_checkable
class ModelConfig(Protocol):
    """Builds a world model around a belief model."""

    def build(self, belief: BeliefModel) -> LatentDynamics:
        """Build it."""


@dataclass(frozen=True)
class LatentDynamicsConfig:
    """A world model of parts that can be combined: see `world_models/presets.py`.

    What cannot be combined is refused by `build`, with the alternatives.
    """

    name: str = "own"
    """what it is called in folders and reports"""
    horizon: int = 8
    """K, open-loop steps predicted from every row"""
    open_loop: OpenLoopConfig = field(default_factory=GruLoopConfig)
    """carries beliefs on over actions"""
    predictor: PredictorConfig = field(default_factory=LatentHeadConfig)
    """from open-loop beliefs to what is predicted"""
    target: TargetKind = TargetKind.EMA
    """whose latents are predicted: a slow copy's (ema), one's own without gradient
    (stop) or with it (shared)"""
    ema_decay: float = 0.99
    """of the slow copy, per gradient step"""
    objective: ObjectiveConfig = field(default_factory=ByolConfig)
    """compares predictions with what came"""
    projector: HeadConfig = field(default_factory=Straight)
    """between latents and what is predicted"""
    head: HeadConfig | None = None
    """BYOL's predictor, behind the projections of predicted latents; none: projections
    are predicted at once"""
    detached: bool = False
    """predictions do not shape the encoder: only terms do"""
    scope: Scope = Scope.ALL
    """rows that are compared: batch (other envs), time (other steps), all (both)"""
    group: int = 512
    """rows compared at once, at most"""
    standardized: int = 0
    """gradient steps over which mean and std of the slow copy's latents are gathered;
    from then on predictions aim at latents in these units. 0: as they are"""
    terms: tuple[TermConfig, ...] = ()
    """what the model learns beside its predictions"""

    def __post_init__(self) -> None:
        check_count("horizon", self.horizon)
        if not 0.0 <= self.ema_decay <= 1.0:
            raise ValueError(f"ema_decay must be between 0 and 1, not {self.ema_decay}")
        if self.standardized < 0:
            raise ValueError(
                f"standardized must be at least 0, not {self.standardized}"
            )

    def build(self, belief: BeliefModel) -> LatentDynamics:
        """Build the model around a belief model that a policy may share.

        Raises:
            ValueError: parts that do not fit together.
        """
        encoder = belief.encoder
        channels, height, width = encoder.image_shape
        size = self.projector.outputs(encoder.size)
        straight, plain = isinstance(self.projector, Straight), self.head is None
        sizes = Sizes(
            size,
            rep=encoder.size,
            image=(channels // belief.num_frames, height, width),
            ahead=self.horizon,
            decay=self.ema_decay,
        )
        return LatentDynamics(
            belief,
            self.open_loop.build(belief),
            self.predictor.build(belief, size if plain else encoder.size, size),
            self.objective.build(sizes),
            self.horizon,
            self.target,
            self.ema_decay,
            None if straight else OverRows(self.projector.build(encoder.size)),
            None if self.head is None else OverRows(self._head(size)),
            self.detached,
            self.scope,
            self.group,
            [term.build(belief, size) for term in self.terms],
            self.standardized,
        )

    def _head(self, size: int) -> nn.Module:
        """What turns projections into predictions of projections."""
        assert self.head is not None
        if self.head.outputs(size) != size:
            raise ValueError(
                f"the head gives {self.head.outputs(size)} numbers, and projections, "
                f"which it is to predict, have {size}: make them equal"
            )
        return self.head.build(size)

    def of(
        self,
        obs_shape: tuple[int, int, int],
        actions: ActionSpace,
        encoder: EncoderConfig | VectorEncoderConfig | None = None,
        core: CoreConfig | None = None,
        vector_size: int = 0,
    ) -> LatentDynamics:
        """The model of one world's frames and actions, with eyes of its own.

        Args:
            obs_shape: (C, H, W) of a frame.
            actions: what the world accepts.
            encoder: default: `MeNetConfig`, for small frames.
            core: default: `LatentCoreConfig`, no memory.
            vector_size: V, numbers that are observed besides pixels.

        Raises:
            ValueError: parts that do not fit together.
        """
        belief = build_belief(
            encoder or MeNetConfig(),
            core or LatentCoreConfig(),
            obs_shape,
            actions,
            vector_size=vector_size,
        )
        return self.build(belief)
